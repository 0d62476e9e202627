/* The module `maskline._kernels._native`: what its files offer, in one place. */
#include "kernels.h"
#include "sha256.h"

static int open_buffer(Py_buffer *buffer, PyObject *object, int64_t items, int64_t width, int flags)
{
    if (PyObject_GetBuffer(object, buffer, flags) < 0) {
        return -1;
    }
    if (items < 0 || items > PY_SSIZE_T_MAX / (width ? width : 1) || buffer->len != items * width) {
        PyErr_SetString(PyExc_ValueError, "A buffer has not the size that the others call for.");
        PyBuffer_Release(buffer);
        return -1;
    }
    return 0;
}

int input_open(Py_buffer *buffer, PyObject *object, int64_t items, int64_t width)
{
    return open_buffer(buffer, object, items, width, PyBUF_SIMPLE);
}

int output_open(Py_buffer *buffer, PyObject *object, int64_t items, int64_t width)
{
    return open_buffer(buffer, object, items, width, PyBUF_WRITABLE);
}

static bool rises_within(const int64_t *offsets, int64_t rows, int64_t size)
{
    if (rows < 0 || offsets[0] < 0 || offsets[rows] > size) {
        return false;
    }
    bool rises = true;
    for (int64_t row = 0; row < rows; row++) {
        rises &= offsets[row] <= offsets[row + 1];
    }
    return rises;
}

int column_open(column *column, PyObject *offsets, PyObject *data)
{
    if (PyObject_GetBuffer(offsets, &column->offsets_buffer, PyBUF_SIMPLE) < 0) {
        return -1;
    }
    if (PyObject_GetBuffer(data, &column->data_buffer, PyBUF_SIMPLE) < 0) {
        PyBuffer_Release(&column->offsets_buffer);
        return -1;
    }
    column->offsets = column->offsets_buffer.buf;
    column->data = column->data_buffer.buf;
    column->rows = (int64_t)(column->offsets_buffer.len / (Py_ssize_t)sizeof(int64_t)) - 1;
    if (column->offsets_buffer.len % (Py_ssize_t)sizeof(int64_t) != 0 ||
        !rises_within(column->offsets, column->rows, column->data_buffer.len)) {
        PyErr_SetString(PyExc_ValueError, "The offsets do not rise from 0 to the end of the data.");
        column_close(column);
        return -1;
    }
    return 0;
}

void column_close(column *column)
{
    PyBuffer_Release(&column->data_buffer);
    PyBuffer_Release(&column->offsets_buffer);
}

static int module_exec(PyObject *module)
{
    PyMethodDef *const tables[] = {
        ends_methods,  ff1_methods,       hashes_methods, json_methods,
        names_methods, scan_fold_methods, scan_methods,   shapes_methods,
        text_methods,
    };
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (PyModule_AddFunctions(module, tables[i]) < 0) {
            return -1;
        }
    }
    return 0;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_native",
    .m_doc = "The kernels, compiled. Their Python twins say what each of them does.",
    .m_size = 0,
    .m_slots = module_slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&module_definition);
}
