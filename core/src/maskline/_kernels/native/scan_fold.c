/* Look-alike characters: ASCII in their place, and the way back to the bytes they came from.
 *
 * What a character becomes is said by a byte for each code point: an ASCII character, or
 * IS_INVISIBLE for nothing; below that it stays as it is. A row never grows. */
#include "scan.h"

/* Where the next character beyond ASCII begins, from i on. */
static int64_t next_beyond(const text *row, int64_t i)
{
    uint64_t eight;
    while (row->end - i >= (int64_t)sizeof eight) {
        memcpy(&eight, row->bytes + i, sizeof eight);
        if (eight & UINT64_C(0x8080808080808080)) {
            break;
        }
        i += sizeof eight;
    }
    while (i < row->end && row->bytes[i] < 0x80) {
        i++;
    }
    return i;
}

/* What the character at i becomes, and its size, which ends with the row. */
static inline uint8_t fate_at(const text *row, int64_t i, int *size)
{
    uint8_t fate = row->characters[character_at(row, i, size)];
    *size = *size < row->end - i ? *size : (int)(row->end - i);
    return fate;
}

/* Fold a row into out; its size. If `first` and `last` are given, they receive where in the row
 * the character began and ended of which each byte was made. */
static int64_t fold_row(const text *row, uint8_t *out, int64_t *first, int64_t *last)
{
    int64_t made = 0;
    for (int64_t i = row->begin; i < row->end;) {
        int size = 1;
        uint8_t fate = row->bytes[i] < 0x80 ? IS_OTHER : fate_at(row, i, &size);
        int width = fate < IS_INVISIBLE ? size : fate > IS_INVISIBLE;
        for (int nth = 0; nth < width; nth++) {
            if (out) {
                out[made] = fate > IS_INVISIBLE ? fate : row->bytes[i + nth];
            } else {
                first[made] = i - row->begin;
                last[made] = i + size - row->begin;
            }
            made++;
        }
        i += size;
    }
    return made;
}

static text row_of(const column *column, int64_t number, const uint8_t *characters)
{
    return (text){
        .bytes = column->data,
        .begin = column->offsets[number],
        .end = column->offsets[number + 1],
        .characters = characters,
    };
}

/* Mark the rows with a character that becomes something else; how many they are. */
static int64_t mark_odd(const column *column, const uint8_t *characters, uint8_t *odd)
{
    const int64_t *offsets = column->offsets;
    int64_t count = 0, number = 0;
    text all = {.bytes = column->data, .end = offsets[column->rows], .characters = characters};
    memset(odd, 0, (size_t)column->rows);
    for (int64_t i = next_beyond(&all, offsets[0]); i < all.end; i = next_beyond(&all, i)) {
        int size;
        if (fate_at(&all, i, &size) < IS_INVISIBLE) {
            i += size;
            continue;
        }
        while (offsets[number + 1] <= i) {
            number++;
        }
        odd[number] = 1;
        count++;
        i = offsets[number + 1];
    }
    return count;
}

/* Fold all rows; how many of them are odd. If none is, no offsets and no data are written. */
static int64_t fold_all(const column *column, const uint8_t *characters, uint8_t *odd,
                        int64_t *offsets, uint8_t *data)
{
    int64_t count = mark_odd(column, characters, odd), size = 0;
    offsets[0] = 0;
    for (int64_t number = 0; count > 0 && number < column->rows; number++) {
        text row = row_of(column, number, characters);
        if (odd[number]) {
            size += fold_row(&row, data + size, NULL, NULL);
        } else {
            memcpy(data + size, row.bytes + row.begin, (size_t)(row.end - row.begin));
            size += row.end - row.begin;
        }
        offsets[number + 1] = size;
    }
    return count;
}

/* fold(offsets, data, characters, odd, out_offsets, out_data): how many rows are odd. */
static PyObject *fold(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *offsets, *data, *characters_object, *odd_object, *out_offsets_object, *out_data_object;
    PyObject *result = NULL;
    column rows;
    Py_buffer characters, odd, out_offsets, out_data;
    if (!PyArg_ParseTuple(args, "OOOOOO", &offsets, &data, &characters_object, &odd_object,
                          &out_offsets_object, &out_data_object) ||
        column_open(&rows, offsets, data) < 0) {
        return NULL;
    }
    if (input_open(&characters, characters_object, CODE_POINTS, 1) < 0) {
        goto close_rows;
    }
    if (output_open(&odd, odd_object, rows.rows, 1) < 0) {
        goto close_characters;
    }
    if (output_open(&out_offsets, out_offsets_object, rows.rows + 1, sizeof(int64_t)) < 0) {
        goto close_odd;
    }
    if (output_open(&out_data, out_data_object, rows.data_buffer.len, 1) < 0) {
        goto close_offsets;
    }
    int64_t count;
    Py_BEGIN_ALLOW_THREADS
    count = fold_all(&rows, characters.buf, odd.buf, out_offsets.buf, out_data.buf);
    Py_END_ALLOW_THREADS
    result = PyLong_FromLongLong(count);
    PyBuffer_Release(&out_data);
close_offsets:
    PyBuffer_Release(&out_offsets);
close_odd:
    PyBuffer_Release(&odd);
close_characters:
    PyBuffer_Release(&characters);
close_rows:
    column_close(&rows);
    return result;
}

/* Where each byte of a folded row came from. */
typedef struct {
    int64_t *first;
    int64_t *last;
    int64_t size;
} origin;

static bool find_origin(const text *row, origin *origin)
{
    size_t room = (size_t)(row->end - row->begin) + 1;
    int64_t *first = realloc(origin->first, room * sizeof *first);
    origin->first = first ? first : origin->first;
    int64_t *last = realloc(origin->last, room * sizeof *last);
    origin->last = last ? last : origin->last;
    if (first == NULL || last == NULL) {
        return false;
    }
    origin->size = fold_row(row, NULL, first, last);
    return true;
}

enum unfolding { UNFOLDED, HAS_NO_MEMORY, LEAVES_ROW };

static enum unfolding unfold_all(const column *column, const uint8_t *characters, int64_t count,
                                 const int64_t *rows, int64_t *starts, int64_t *ends)
{
    origin origin = {0};
    enum unfolding outcome = UNFOLDED;
    for (int64_t i = 0; i < count && outcome == UNFOLDED; i++) {
        if (rows[i] < 0 || rows[i] >= column->rows) {
            outcome = LEAVES_ROW;
            break;
        }
        if (i == 0 || rows[i] != rows[i - 1]) {
            text row = row_of(column, rows[i], characters);
            if (!find_origin(&row, &origin)) {
                outcome = HAS_NO_MEMORY;
                break;
            }
        }
        if (starts[i] < 0 || starts[i] >= ends[i] || ends[i] > origin.size) {
            outcome = LEAVES_ROW;
            break;
        }
        starts[i] = origin.first[starts[i]];
        ends[i] = origin.last[ends[i] - 1];
    }
    free(origin.first);
    free(origin.last);
    return outcome;
}

/* unfold(offsets, data, characters, rows, starts, ends): turn stretches of folded rows, in order
 * of rows, into stretches of the rows as they were; in place. */
static PyObject *unfold(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *offsets, *data, *characters_object, *rows_object, *starts_object, *ends_object;
    PyObject *result = NULL;
    column column;
    Py_buffer characters, rows, starts, ends;
    if (!PyArg_ParseTuple(args, "OOOOOO", &offsets, &data, &characters_object, &rows_object,
                          &starts_object, &ends_object) ||
        column_open(&column, offsets, data) < 0) {
        return NULL;
    }
    if (input_open(&characters, characters_object, CODE_POINTS, 1) < 0) {
        goto close_column;
    }
    if (PyObject_GetBuffer(rows_object, &rows, PyBUF_SIMPLE) < 0) {
        goto close_characters;
    }
    int64_t count = rows.len / (Py_ssize_t)sizeof(int64_t);
    if (output_open(&starts, starts_object, count, sizeof(int64_t)) < 0) {
        goto close_row_numbers;
    }
    if (output_open(&ends, ends_object, count, sizeof(int64_t)) < 0) {
        goto close_starts;
    }
    enum unfolding outcome;
    Py_BEGIN_ALLOW_THREADS
    outcome = unfold_all(&column, characters.buf, count, rows.buf, starts.buf, ends.buf);
    Py_END_ALLOW_THREADS
    if (outcome == UNFOLDED) {
        result = Py_NewRef(Py_None);
    } else if (outcome == HAS_NO_MEMORY) {
        PyErr_NoMemory();
    } else {
        PyErr_SetString(PyExc_ValueError, "A stretch is empty, or leaves its row.");
    }
    PyBuffer_Release(&ends);
close_starts:
    PyBuffer_Release(&starts);
close_row_numbers:
    PyBuffer_Release(&rows);
close_characters:
    PyBuffer_Release(&characters);
close_column:
    column_close(&column);
    return result;
}

PyMethodDef scan_fold_methods[] = {
    {"fold", fold, METH_VARARGS, NULL},
    {"unfold", unfold, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
