/* Tells which rows are tokens of maskline's, and which are addresses whose domain may be kept.
 *
 * The grammar is the one that `tokens/_shapes.py` states as an expression. */
#include "kernels.h"
#include "sha256.h"

enum { SLUG_MOST = 16, STEM_HEX = 24, CHECK_HEX = 8, CHECK_BYTES = CHECK_HEX / 2 };
enum { WORD_LEAST = 2, WORD_MOST = 63 };

/* What a row is. */
enum { OTHER = 0, TOKEN = 1, ADDRESS = 2 };

static bool is_lower(uint8_t byte)
{
    return byte >= 'a' && byte <= 'z';
}

static bool is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

static bool is_letter(uint8_t byte)
{
    return is_lower(byte | 0x20) && byte < 0x80;
}

static bool is_alnum(uint8_t byte)
{
    return is_letter(byte) || is_digit(byte);
}

static int hex_value(uint8_t byte)
{
    return is_digit(byte) ? byte - '0' : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* Labels of letters, digits and inner hyphens; the last of letters only, or of the form xn--. */
static bool is_domain(const uint8_t *at, const uint8_t *end)
{
    bool has_dot = false;
    for (;;) {
        const uint8_t *start = at;
        bool is_word = true;
        while (at < end && (is_alnum(*at) || *at == '-')) {
            is_word &= is_letter(*at);
            at++;
        }
        if (at == start || !is_alnum(start[0]) || !is_alnum(at[-1])) {
            return false;
        }
        if (at < end) {
            if (*at != '.') {
                return false;
            }
            has_dot = true;
            at++;
            continue;
        }
        int64_t size = at - start;
        bool is_encoded = size > 4 && (start[0] | 0x20) == 'x' && (start[1] | 0x20) == 'n' &&
                          start[2] == '-' && start[3] == '-';
        return has_dot && (is_encoded || (is_word && size >= WORD_LEAST && size <= WORD_MOST));
    }
}

/* The end of a token that stands at the start of a row; null if none does. */
static const uint8_t *token_end(const uint8_t *start, const uint8_t *end)
{
    const uint8_t *at = start;
    if (at == end || !is_lower(*at)) {
        return NULL;
    }
    while (at < end && at - start < SLUG_MOST && (is_lower(*at) || is_digit(*at))) {
        at++;
    }
    if (end - at < 1 + STEM_HEX + CHECK_HEX || *at != '_') {
        return NULL;
    }
    at++;
    for (int i = 0; i < STEM_HEX + CHECK_HEX; i++) {
        if (hex_value(at[i]) < 0) {
            return NULL;
        }
    }
    uint8_t digest[SHA256_DIGEST];
    sha256_once(start, (size_t)(at + STEM_HEX - start), digest);
    at += STEM_HEX;
    for (int i = 0; i < CHECK_BYTES; i++) {
        if (digest[i] != (hex_value(at[2 * i]) << 4 | hex_value(at[2 * i + 1]))) {
            return NULL;
        }
    }
    return at + CHECK_HEX;
}

static uint8_t shape_of(const uint8_t *start, const uint8_t *end)
{
    const uint8_t *after = token_end(start, end);
    if (after && (after == end || (*after == '@' && is_domain(after + 1, end)))) {
        return TOKEN;
    }
    const uint8_t *sign = end > start ? memchr(start, '@', (size_t)(end - start)) : NULL;
    return sign && sign > start && is_domain(sign + 1, end) ? ADDRESS : OTHER;
}

/* shapes(offsets, data, out): 1 for a token, 2 for an address, 0 for anything else. */
static PyObject *shapes(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *offsets, *data, *out_object;
    column rows;
    Py_buffer out;
    if (!PyArg_ParseTuple(args, "OOO", &offsets, &data, &out_object) ||
        column_open(&rows, offsets, data) < 0) {
        return NULL;
    }
    if (output_open(&out, out_object, rows.rows, 1) < 0) {
        column_close(&rows);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (int64_t row = 0; row < rows.rows; row++) {
        ((uint8_t *)out.buf)[row] =
            shape_of(rows.data + rows.offsets[row], rows.data + rows.offsets[row + 1]);
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&out);
    column_close(&rows);
    Py_RETURN_NONE;
}

PyMethodDef shapes_methods[] = {
    {"shapes", shapes, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
