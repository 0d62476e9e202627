/* Cuts stretches out of text, and puts others in their place. */
#include "kernels.h"

/* Copy stretches: bytes begins[i] to ends[i] of data follow each other in out. */
static PyObject *gather(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *data_object, *begins_object, *ends_object, *out_object;
    Py_buffer data, begins, ends, out;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "OOOO", &data_object, &begins_object, &ends_object, &out_object) ||
        PyObject_GetBuffer(data_object, &data, PyBUF_SIMPLE) < 0) {
        return NULL;
    }
    if (PyObject_GetBuffer(begins_object, &begins, PyBUF_SIMPLE) < 0) {
        goto close_data;
    }
    int64_t count = begins.len / (Py_ssize_t)sizeof(int64_t);
    if (input_open(&ends, ends_object, count, sizeof(int64_t)) < 0) {
        goto close_begins;
    }
    if (PyObject_GetBuffer(out_object, &out, PyBUF_WRITABLE) < 0) {
        goto close_ends;
    }
    const int64_t *from = begins.buf, *to = ends.buf;
    bool fits = true;
    Py_BEGIN_ALLOW_THREADS
    int64_t size = 0;
    for (int64_t i = 0; i < count; i++) {
        fits &= from[i] >= 0 && from[i] <= to[i] && to[i] <= data.len;
        size += to[i] - from[i];
        if (!fits || size > out.len) {
            fits = false;
            break;
        }
    }
    fits &= size == out.len;
    uint8_t *at = out.buf;
    for (int64_t i = 0; fits && i < count; i++) {
        memcpy(at, (const uint8_t *)data.buf + from[i], (size_t)(to[i] - from[i]));
        at += to[i] - from[i];
    }
    Py_END_ALLOW_THREADS
    if (fits) {
        result = Py_NewRef(Py_None);
    } else {
        PyErr_SetString(PyExc_ValueError, "A stretch leaves the data, or the output has not room.");
    }
    PyBuffer_Release(&out);
close_ends:
    PyBuffer_Release(&ends);
close_begins:
    PyBuffer_Release(&begins);
close_data:
    PyBuffer_Release(&data);
    return result;
}

/* The bytes that weaving gives; -1 if a stretch is out of order or leaves the data. */
static int64_t woven_size(int64_t size, const int64_t *from, const int64_t *to,
                          const column *pieces)
{
    int64_t total = size + pieces->offsets[pieces->rows] - pieces->offsets[0], before = 0;
    for (int64_t i = 0; i < pieces->rows; i++) {
        if (from[i] < before || to[i] < from[i] || to[i] > size) {
            return -1;
        }
        total -= to[i] - from[i];
        before = to[i];
    }
    return total;
}

/* weave(data, begins, ends, piece_offsets, piece_data, out): data, in which a piece stands in place
 * of each stretch. */
static PyObject *weave(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *data_object, *begins_object, *ends_object, *offsets, *text, *out_object;
    Py_buffer data, begins, ends, out;
    column pieces;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "OOOOOO", &data_object, &begins_object, &ends_object, &offsets,
                          &text, &out_object) ||
        column_open(&pieces, offsets, text) < 0) {
        return NULL;
    }
    if (PyObject_GetBuffer(data_object, &data, PyBUF_SIMPLE) < 0) {
        goto close_pieces;
    }
    if (input_open(&begins, begins_object, pieces.rows, sizeof(int64_t)) < 0) {
        goto close_data;
    }
    if (input_open(&ends, ends_object, pieces.rows, sizeof(int64_t)) < 0) {
        goto close_begins;
    }
    const int64_t *from = begins.buf, *to = ends.buf;
    int64_t size = woven_size(data.len, from, to, &pieces);
    if (size < 0) {
        PyErr_SetString(PyExc_ValueError, "A stretch leaves the data, or they are out of order.");
        goto close_ends;
    }
    if (output_open(&out, out_object, size, 1) < 0) {
        goto close_ends;
    }
    Py_BEGIN_ALLOW_THREADS
    const uint8_t *source = data.buf;
    uint8_t *at = out.buf;
    int64_t done = 0;
    for (int64_t i = 0; i < pieces.rows; i++) {
        memcpy(at, source + done, (size_t)(from[i] - done));
        at += from[i] - done;
        size_t width = (size_t)(pieces.offsets[i + 1] - pieces.offsets[i]);
        memcpy(at, pieces.data + pieces.offsets[i], width);
        at += width;
        done = to[i];
    }
    memcpy(at, source + done, (size_t)(data.len - done));
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&out);
    result = Py_NewRef(Py_None);
close_ends:
    PyBuffer_Release(&ends);
close_begins:
    PyBuffer_Release(&begins);
close_data:
    PyBuffer_Release(&data);
close_pieces:
    column_close(&pieces);
    return result;
}

PyMethodDef text_methods[] = {
    {"gather", gather, METH_VARARGS, NULL},
    {"weave", weave, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
