/* What the kernels share: how rows of bytes come in, and how results go out.
 *
 * A column of text arrives as two buffers, as `_buffers.read` makes them: int64 offsets that rise
 * from 0, and the rows' bytes. Results are written into buffers that the caller has allocated, and
 * whose sizes are checked here. After these checks no kernel can read or write out of bounds, so
 * the loops run without the interpreter's lock. Nothing is kept from one call to the next.
 */
#ifndef MASKLINE_KERNELS_H
#define MASKLINE_KERNELS_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* KERNELS_PORTABLE leaves out what only some processors have, to test what the others run. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(KERNELS_PORTABLE)
#define KERNELS_X86 1
#endif

/* Rows of bytes: row i is data[offsets[i]] to data[offsets[i + 1] - 1]. */
typedef struct {
    const int64_t *offsets;
    const uint8_t *data;
    int64_t rows;
    Py_buffer offsets_buffer;
    Py_buffer data_buffer;
} column;

/* Open a column; -1 and a Python error if the offsets do not rise within the data. */
int column_open(column *column, PyObject *offsets, PyObject *data);
void column_close(column *column);

/* Open a contiguous buffer of exactly `items` items of `width` bytes; -1 and an error if not. */
int input_open(Py_buffer *buffer, PyObject *object, int64_t items, int64_t width);
int output_open(Py_buffer *buffer, PyObject *object, int64_t items, int64_t width);

/* The functions of each file; an entry with a null name ends a table. */
extern PyMethodDef ends_methods[];
extern PyMethodDef ff1_methods[];
extern PyMethodDef hashes_methods[];
extern PyMethodDef json_methods[];
extern PyMethodDef names_methods[];
extern PyMethodDef scan_fold_methods[];
extern PyMethodDef scan_methods[];
extern PyMethodDef shapes_methods[];
extern PyMethodDef text_methods[];

#endif
