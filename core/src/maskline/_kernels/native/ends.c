/* Hides the middle of text. `_ends.py` says which characters stay. */
#include "kernels.h"

/* What may stay beyond ASCII: code points from low[i] to high[i], in order. */
typedef struct {
    const uint32_t (*ranges)[2];
    int64_t count;
} shown;

static bool is_shown(const shown *shown, uint32_t point)
{
    int64_t low = 0, high = shown->count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (point > shown->ranges[middle][1]) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < shown->count && point >= shown->ranges[low][0];
}

/* The bytes of a character that begins with this one; the text is valid UTF-8. */
static int size_of(uint8_t head)
{
    return head < 0xC0 ? 1 : head < 0xE0 ? 2 : head < 0xF0 ? 3 : 4;
}

static uint32_t point_of(const uint8_t *at, int size)
{
    uint32_t point = at[0] & (0x7F >> size);
    for (int i = 1; i < size; i++) {
        point = point << 6 | (at[i] & 0x3F);
    }
    return point;
}

/* Whether a character counts as a letter or digit. */
static bool counts(const uint8_t *at, int size, const bool *letters, const shown *shown)
{
    return size == 1 ? letters[at[0]] : !is_shown(shown, point_of(at, size));
}

static bool is_ascii(const uint8_t *at, const uint8_t *end)
{
    uint8_t all = 0;
    while (at < end) {
        all |= *at++;
    }
    return all < 0x80;
}

/* Write one row of ASCII, in which a character is a byte. */
static uint8_t *hide_ascii(uint8_t *out, const uint8_t *at, const uint8_t *end, int64_t first,
                           int64_t last, uint8_t fill, const bool *letters)
{
    int64_t size = end - at, total = 0, low = 0, high = size;
    for (int64_t i = 0; i < size; i++) {
        total += letters[at[i]];
    }
    if (total == 0) {
        memset(out, fill, (size_t)size);
        return out + size;
    }
    if (total >= 2 * (first + last)) {
        for (int64_t left = first; left > 0; low++) {
            left -= letters[at[low]];
        }
        for (int64_t left = last; left > 0; high--) {
            left -= letters[at[high - 1]];
        }
    }
    memcpy(out, at, (size_t)size);
    for (int64_t i = low; i < high; i++) {
        out[i] = letters[at[i]] ? fill : at[i];
    }
    return out + size;
}

/* Write one row; the end of what was written. No character leaves the row, even if it is cut. */
static uint8_t *hide(uint8_t *out, const uint8_t *at, const uint8_t *end, int64_t first,
                     int64_t last, uint8_t fill, const bool *letters, const shown *shown)
{
    if (is_ascii(at, end)) {
        return hide_ascii(out, at, end, first, last, fill, letters);
    }
    int64_t total = 0;
    for (const uint8_t *from = at; from < end;) {
        int size = size_of(*from);
        size = size > end - from ? 1 : size;
        total += counts(from, size, letters, shown);
        from += size;
    }
    bool may_show = total >= 2 * (first + last);
    int64_t rank = 0;
    while (at < end) {
        int size = size_of(*at);
        size = size > end - at ? 1 : size;
        bool counted = counts(at, size, letters, shown);
        bool is_end = rank < first || rank >= total - last;
        if (total == 0 || (counted && !(may_show && is_end))) {
            *out++ = fill;
        } else {
            memcpy(out, at, (size_t)size);
            out += size;
        }
        rank += counted;
        at += size;
    }
    return out;
}

/* keep_ends(offsets, data, letters, ranges, first, last, fill, out_offsets, out_data) */
static PyObject *keep_ends(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *offsets, *data, *letters_object, *ranges_object, *edges_object, *out_object;
    long long first, last;
    unsigned char fill;
    column rows;
    Py_buffer letters, ranges, edges, out;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "OOOOLLbOO", &offsets, &data, &letters_object, &ranges_object,
                          &first, &last, &fill, &edges_object, &out_object) ||
        column_open(&rows, offsets, data) < 0) {
        return NULL;
    }
    if (input_open(&letters, letters_object, 256, 1) < 0) {
        goto close_rows;
    }
    if (PyObject_GetBuffer(ranges_object, &ranges, PyBUF_SIMPLE) < 0) {
        goto close_letters;
    }
    if (output_open(&edges, edges_object, rows.rows + 1, sizeof(int64_t)) < 0) {
        goto close_ranges;
    }
    int64_t begin = rows.offsets[0];
    if (output_open(&out, out_object, rows.offsets[rows.rows] - begin, 1) < 0) {
        goto close_edges;
    }
    const shown shown = {ranges.buf, (int64_t)(ranges.len / (Py_ssize_t)(2 * sizeof(uint32_t)))};
    Py_BEGIN_ALLOW_THREADS
    uint8_t *at = out.buf;
    for (int64_t row = 0; row < rows.rows; row++) {
        ((int64_t *)edges.buf)[row] = at - (uint8_t *)out.buf;
        at = hide(at, rows.data + rows.offsets[row], rows.data + rows.offsets[row + 1], first, last,
                  fill, letters.buf, &shown);
    }
    ((int64_t *)edges.buf)[rows.rows] = at - (uint8_t *)out.buf;
    Py_END_ALLOW_THREADS
    result = Py_NewRef(Py_None);
    PyBuffer_Release(&out);
close_edges:
    PyBuffer_Release(&edges);
close_ranges:
    PyBuffer_Release(&ranges);
close_letters:
    PyBuffer_Release(&letters);
close_rows:
    column_close(&rows);
    return result;
}

PyMethodDef ends_methods[] = {
    {"keep_ends", keep_ends, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
