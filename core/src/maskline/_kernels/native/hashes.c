/* SHA-256, HMAC-SHA256 (FIPS 198-1) and checked tokens of many rows. */
#include "kernels.h"
#include "sha256.h"

enum {
    STEM_DIGEST = 12, /* Bytes of the digest that a token shows, in hex. */
    CHECK_DIGEST = 4, /* Bytes of the hash of its stem that it ends in, in hex. */
    HEAD_MOST = 31,   /* Head and stem together fit one block. */
};

/* The states of an HMAC that has read its two pads. */
typedef struct {
    sha256_state inner;
    sha256_state outer;
    bool has_lanes;
} hmac_key;

static hmac_key hmac_start(const uint8_t *inner_pad, const uint8_t *outer_pad)
{
    hmac_key key = {SHA256_START, SHA256_START, sha256_has_lanes()};
    sha256_block(&key.inner, inner_pad);
    sha256_block(&key.outer, outer_pad);
    return key;
}

static void hmac_one(const hmac_key *key, const uint8_t *data, size_t size, uint8_t *digest)
{
    uint8_t inner[SHA256_DIGEST];
    sha256_finish(key->inner, 1, data, size, inner);
    sha256_finish(key->outer, 1, inner, SHA256_DIGEST, digest);
}

/* The same for two messages of at most SHA256_SHORT bytes, side by side. */
static void hmac_pair(const hmac_key *key, const uint8_t *data_a, size_t size_a,
                      const uint8_t *data_b, size_t size_b, uint8_t *digest_a, uint8_t *digest_b)
{
    uint8_t block_a[SHA256_BLOCK], block_b[SHA256_BLOCK];
    sha256_state a = key->inner, b = key->inner;
    sha256_pad(block_a, data_a, size_a, SHA256_BLOCK + size_a);
    sha256_pad(block_b, data_b, size_b, SHA256_BLOCK + size_b);
    sha256_block_pair(&a, block_a, &b, block_b);
    sha256_write(&a, digest_a);
    sha256_write(&b, digest_b);
    sha256_pad(block_a, digest_a, SHA256_DIGEST, SHA256_BLOCK + SHA256_DIGEST);
    sha256_pad(block_b, digest_b, SHA256_DIGEST, SHA256_BLOCK + SHA256_DIGEST);
    a = key->outer, b = key->outer;
    sha256_block_pair(&a, block_a, &b, block_b);
    sha256_write(&a, digest_a);
    sha256_write(&b, digest_b);
}

static size_t size_of(const column *rows, int64_t row)
{
    return (size_t)(rows->offsets[row + 1] - rows->offsets[row]);
}

static const uint8_t *start_of(const column *rows, int64_t row)
{
    return rows->data + rows->offsets[row];
}

/* Whether the next `count` rows are there and short. */
static bool are_short(const column *rows, int64_t row, int count)
{
    if (rows->rows - row < count) {
        return false;
    }
    bool all = true;
    for (int i = 0; i < count; i++) {
        all &= size_of(rows, row + i) <= SHA256_SHORT;
    }
    return all;
}

static void write_word(uint8_t *bytes, uint32_t word)
{
    for (int i = 0; i < 4; i++) {
        bytes[i] = (uint8_t)(word >> (24 - 8 * i));
    }
}

/* The HMAC of a row, and of those after it where several can be done at once; how many were. */
static int hmac_next(const hmac_key *key, const column *rows, int64_t row, uint8_t *digests)
{
    if (key->has_lanes && are_short(rows, row, SHA256_LANES)) {
        sha256_message messages[SHA256_LANES];
        uint32_t words[8][SHA256_LANES];
        for (int lane = 0; lane < SHA256_LANES; lane++) {
            messages[lane] =
                (sha256_message){start_of(rows, row + lane), size_of(rows, row + lane)};
        }
        hmac_sha256_lanes(&key->inner, &key->outer, messages, words);
        for (int lane = 0; lane < SHA256_LANES; lane++) {
            for (int i = 0; i < 8; i++) {
                write_word(digests + SHA256_DIGEST * lane + 4 * i, words[i][lane]);
            }
        }
        return SHA256_LANES;
    }
    if (are_short(rows, row, 2)) {
        hmac_pair(key, start_of(rows, row), size_of(rows, row), start_of(rows, row + 1),
                  size_of(rows, row + 1), digests, digests + SHA256_DIGEST);
        return 2;
    }
    hmac_one(key, start_of(rows, row), size_of(rows, row), digests);
    return 1;
}

/* sha256_rows(offsets, data, out) */
static PyObject *sha256_rows(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *offsets, *data, *out_object;
    column rows;
    Py_buffer out;
    if (!PyArg_ParseTuple(args, "OOO", &offsets, &data, &out_object) ||
        column_open(&rows, offsets, data) < 0) {
        return NULL;
    }
    if (output_open(&out, out_object, rows.rows, SHA256_DIGEST) < 0) {
        column_close(&rows);
        return NULL;
    }
    Py_BEGIN_ALLOW_THREADS
    for (int64_t row = 0; row < rows.rows; row++) {
        sha256_once(start_of(&rows, row), size_of(&rows, row),
                    (uint8_t *)out.buf + SHA256_DIGEST * row);
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&out);
    column_close(&rows);
    Py_RETURN_NONE;
}

/* hmac_sha256_rows(inner_pad, outer_pad, offsets, data, out) */
static PyObject *hmac_sha256_rows(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *inner_object, *outer_object, *offsets, *data, *out_object;
    Py_buffer inner, outer, out;
    column rows;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "OOOOO", &inner_object, &outer_object, &offsets, &data,
                          &out_object) ||
        input_open(&inner, inner_object, SHA256_BLOCK, 1) < 0) {
        return NULL;
    }
    if (input_open(&outer, outer_object, SHA256_BLOCK, 1) < 0) {
        goto close_inner;
    }
    if (column_open(&rows, offsets, data) < 0) {
        goto close_outer;
    }
    if (output_open(&out, out_object, rows.rows, SHA256_DIGEST) < 0) {
        goto close_rows;
    }
    Py_BEGIN_ALLOW_THREADS
    hmac_key key = hmac_start(inner.buf, outer.buf);
    for (int64_t row = 0; row < rows.rows;) {
        row += hmac_next(&key, &rows, row, (uint8_t *)out.buf + SHA256_DIGEST * row);
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&out);
    result = Py_NewRef(Py_None);
close_rows:
    column_close(&rows);
close_outer:
    PyBuffer_Release(&outer);
close_inner:
    PyBuffer_Release(&inner);
    return result;
}

/* Eight hex digits for four bytes. All are made at once, a digit in each byte of a word. */
static void write_hex(uint8_t *text, const uint8_t *bytes)
{
    uint64_t x = (uint64_t)bytes[0] | (uint64_t)bytes[1] << 16 | (uint64_t)bytes[2] << 32 |
                 (uint64_t)bytes[3] << 48;
    x = (x >> 4 & 0x000f000f000f000f) | (x & 0x000f000f000f000f) << 8;
    uint64_t is_letter = (x + 0x0606060606060606) >> 4 & 0x0101010101010101;
    x += 0x3030303030303030 + is_letter * ('a' - '0' - 10);
    for (int i = 0; i < 8; i++) {
        text[i] = (uint8_t)(x >> 8 * i);
    }
}

/* Write tokens: head, start of the digest, start of the hash of both. */
static void write_tokens(uint8_t *tokens, const Py_buffer *head, const uint8_t *digests, int count,
                         bool has_lanes)
{
    size_t head_size = (size_t)head->len;
    size_t stem = head_size + 2 * STEM_DIGEST, width = stem + 2 * CHECK_DIGEST;
    sha256_message stems[SHA256_LANES];
    uint8_t checks[SHA256_LANES][SHA256_DIGEST];
    for (int i = 0; i < count; i++) {
        uint8_t *token = tokens + width * (size_t)i;
        memcpy(token, head->buf, head_size);
        for (int at = 0; at < STEM_DIGEST; at += 4) {
            write_hex(token + head_size + 2 * at, digests + SHA256_DIGEST * i + at);
        }
        stems[i] = (sha256_message){token, stem};
    }
    if (count == SHA256_LANES && has_lanes) {
        uint32_t words[8][SHA256_LANES];
        sha256_lanes(stems, words);
        for (int i = 0; i < count; i++) {
            write_word(checks[i], words[0][i]);
        }
    } else {
        for (int i = 0; i < count; i++) {
            sha256_once(stems[i].data, stem, checks[i]);
        }
    }
    for (int i = 0; i < count; i++) {
        write_hex(tokens + width * (size_t)i + stem, checks[i]);
    }
}

/* token_rows(inner_pad, outer_pad, head, offsets, data, out) */
static PyObject *token_rows(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *inner_object, *outer_object, *offsets, *data, *out_object;
    Py_buffer inner, outer, head, out;
    column rows;
    PyObject *result = NULL;
    if (!PyArg_ParseTuple(args, "OOy*OOO", &inner_object, &outer_object, &head, &offsets, &data,
                          &out_object)) {
        return NULL;
    }
    if (head.len > HEAD_MOST) {
        PyErr_SetString(PyExc_ValueError, "The head of a token is too long.");
        goto close_head;
    }
    if (input_open(&inner, inner_object, SHA256_BLOCK, 1) < 0) {
        goto close_head;
    }
    if (input_open(&outer, outer_object, SHA256_BLOCK, 1) < 0) {
        goto close_inner;
    }
    if (column_open(&rows, offsets, data) < 0) {
        goto close_outer;
    }
    size_t width = (size_t)head.len + 2 * (STEM_DIGEST + CHECK_DIGEST);
    if (output_open(&out, out_object, rows.rows, (int64_t)width) < 0) {
        goto close_rows;
    }
    Py_BEGIN_ALLOW_THREADS
    hmac_key key = hmac_start(inner.buf, outer.buf);
    uint8_t digests[SHA256_LANES * SHA256_DIGEST];
    for (int64_t row = 0; row < rows.rows;) {
        int count = hmac_next(&key, &rows, row, digests);
        write_tokens((uint8_t *)out.buf + width * (size_t)row, &head, digests, count,
                     key.has_lanes);
        row += count;
    }
    Py_END_ALLOW_THREADS
    PyBuffer_Release(&out);
    result = Py_NewRef(Py_None);
close_rows:
    column_close(&rows);
close_outer:
    PyBuffer_Release(&outer);
close_inner:
    PyBuffer_Release(&inner);
close_head:
    PyBuffer_Release(&head);
    return result;
}

/* sha256_unit(): what hashes here. */
static PyObject *sha256_unit(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    return PyUnicode_FromString(sha256_has_lanes()        ? "AVX-512"
                                : sha256_is_accelerated() ? "SHA extensions"
                                                          : "portable");
}

PyMethodDef hashes_methods[] = {
    {"sha256_rows", sha256_rows, METH_VARARGS, NULL},
    {"hmac_sha256_rows", hmac_sha256_rows, METH_VARARGS, NULL},
    {"token_rows", token_rows, METH_VARARGS, NULL},
    {"sha256_unit", sha256_unit, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
