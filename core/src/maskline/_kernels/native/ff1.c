/* FF1, the format-preserving cipher of NIST SP 800-38G, on the AES instructions of x86.
 *
 * The symbols of a row, which are its digits and, where the radix is more than 10, some of its
 * lower-case letters, are taken for a number and encrypted; every other byte stays. Rows with
 * equally many symbols wait for each other, so that the blocks of LANES rows are in the processor
 * at once. Half of a number always fits a word of 64 bits. */
#include "kernels.h"

#ifdef KERNELS_X86

#include <immintrin.h>

#define WITH_AES __attribute__((target("aes,sse4.1")))
#define INLINE __attribute__((always_inline)) static inline

enum {
    LANES = 8,
    ROUNDS = 10,
    RADIX_LEAST = 10,
    RADIX_MOST = 36,
    SYMBOLS_MOST = 36,
    AES_KEYS_MOST = 15,
    BLOCK = 16,
    NO_SYMBOL = 0xFF,
};

/* There must be so many numbers: the draft of SP 800-38G Rev. 1, section 5.1. */
static const uint64_t DOMAIN_LEAST = 1000000;
/* There are at most so many halves: 18 digits. The Python twin needs the room that is left. */
static const uint64_t HALF_MOST = 1000000000000000000;

__extension__ typedef unsigned __int128 uint128;

typedef struct {
    __m128i keys[AES_KEYS_MOST];
    int rounds;
} aes_key;

WITH_AES static uint32_t substitute(uint32_t word)
{
    return (uint32_t)_mm_cvtsi128_si32(
        _mm_aeskeygenassist_si128(_mm_set1_epi32((int)word), 0));
}

/* FIPS 197, section 5.2; a key of 4, 6 or 8 words, whose bytes are in the order of memory. */
WITH_AES static void aes_expand(aes_key *key, const uint8_t *bytes, int words)
{
    uint32_t all[4 * AES_KEYS_MOST] = {0}, constant = 1;
    memcpy(all, bytes, 4 * (size_t)words);
    key->rounds = words + 6;
    for (int i = words; i < 4 * (key->rounds + 1); i++) {
        uint32_t word = all[i - 1];
        if (i % words == 0) {
            word = substitute(word >> 8 | word << 24) ^ constant;
            constant = constant << 1 ^ (constant >> 7) * 0x11B;
        } else if (words == 8 && i % words == 4) {
            word = substitute(word);
        }
        all[i] = all[i - words] ^ word;
    }
    memcpy(key->keys, all, sizeof all);
}

/* Encrypt `lanes` blocks, which is a constant. */
WITH_AES INLINE void aes_encrypt(const aes_key *key, __m128i *blocks, const int lanes)
{
    for (int lane = 0; lane < lanes; lane++) {
        blocks[lane] = _mm_xor_si128(blocks[lane], key->keys[0]);
    }
    for (int round = 1; round < key->rounds; round++) {
        for (int lane = 0; lane < lanes; lane++) {
            blocks[lane] = _mm_aesenc_si128(blocks[lane], key->keys[round]);
        }
    }
    for (int lane = 0; lane < lanes; lane++) {
        blocks[lane] = _mm_aesenclast_si128(blocks[lane], key->keys[key->rounds]);
    }
}

/* What depends on nothing but the number of symbols; the names of the standard in brackets. */
typedef struct {
    bool is_ready;
    int left, right;     /* Symbols in each half [u, v]. */
    int bytes;           /* Of the right half as a number [b]. */
    uint64_t moduli[2];  /* radix^left and radix^right. */
    __m128i base;        /* The cipher block chain of [P || Q], but for the round and the number. */
} shape;

/* Rows with equally many symbols that wait to be encrypted together. */
typedef struct {
    int count;
    int64_t rows[LANES];
    uint64_t lefts[LANES], rights[LANES];
} queue;

/* All that one call works with. */
typedef struct {
    column rows;
    aes_key key;
    const uint8_t *tweak;
    uint64_t tweak_size;
    uint64_t radix;
    int least, most; /* How many symbols are encrypted. */
    bool has_check, is_inverse;
    uint8_t values[256]; /* Of the bytes that are symbols; else NO_SYMBOL. */
    uint8_t *out, *done;
    shape shapes[SYMBOLS_MOST + 1];
    queue queues[SYMBOLS_MOST + 1];
} job;

static uint64_t power(uint64_t radix, int exponent)
{
    uint64_t result = 1;
    while (exponent-- > 0) {
        result *= radix;
    }
    return result;
}

/* How many symbols a number must have to be safe, and may have so that its halves fit. */
static void set_bounds(job *job)
{
    job->least = 0;
    for (uint64_t numbers = 1; numbers < DOMAIN_LEAST; numbers *= job->radix) {
        job->least++;
    }
    job->most = 0;
    for (uint64_t half = 1; half <= HALF_MOST / job->radix; half *= job->radix) {
        job->most += 2;
    }
}

static void write_big_endian(uint8_t *to, uint64_t number, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, number >>= 8) {
        to[i] = (uint8_t)number;
    }
}

/* Steps 1 to 5 of algorithm 7, and of step 6 what is the same in every round. */
WITH_AES static void prepare(const job *job, shape *shape, int symbols)
{
    shape->left = symbols / 2;
    shape->right = symbols - shape->left;
    shape->moduli[0] = power(job->radix, shape->left);
    shape->moduli[1] = power(job->radix, shape->right);
    shape->bytes = 0;
    for (uint64_t most = shape->moduli[1] - 1; most; most >>= 8) {
        shape->bytes++;
    }
    uint8_t block[BLOCK] = {1, 2, 1, 0, 0, (uint8_t)job->radix, ROUNDS, (uint8_t)shape->left};
    write_big_endian(block + 8, (uint64_t)symbols, 4);
    write_big_endian(block + 12, job->tweak_size, 4);
    __m128i chain = _mm_setzero_si128();
    /* Zeros fill up the tweak so that the round and the number end the last block. */
    uint64_t size = (job->tweak_size + 1 + (uint64_t)shape->bytes + BLOCK - 1) / BLOCK * BLOCK;
    for (uint64_t at = 0; at < size; at += BLOCK) {
        chain = _mm_xor_si128(chain, _mm_loadu_si128((const __m128i *)block));
        aes_encrypt(&job->key, &chain, 1);
        memset(block, 0, BLOCK);
        if (at < job->tweak_size) {
            uint64_t rest = job->tweak_size - at;
            memcpy(block, job->tweak + at, rest < BLOCK ? (size_t)rest : BLOCK);
        }
    }
    shape->base = _mm_xor_si128(chain, _mm_loadu_si128((const __m128i *)block));
    shape->is_ready = true;
}

/* The first 8 bytes of a block or, if the half has more than 4 bytes, the first 12, modulo m. */
WITH_AES INLINE uint64_t reduce(__m128i block, uint64_t m, bool is_long)
{
    uint64_t rest = __builtin_bswap64((uint64_t)_mm_cvtsi128_si64(block)) % m;
    if (is_long) {
        uint32_t more = __builtin_bswap32((uint32_t)_mm_extract_epi32(block, 2));
        rest = (uint64_t)(((uint128)rest << 32 | more) % m);
    }
    return rest;
}

/* Algorithm 7, step 6; its inverse is algorithm 8. The two differ in which half is the source, in
 * the order of the rounds, and in the sign. */
WITH_AES static void run_rounds(const job *job, const shape *shape, queue *queue)
{
    uint64_t *source = job->is_inverse ? queue->lefts : queue->rights;
    uint64_t *target = job->is_inverse ? queue->rights : queue->lefts;
    bool is_long = shape->bytes > 4;
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t round = (uint64_t)(job->is_inverse ? ROUNDS - 1 - i : i);
        uint64_t m = shape->moduli[round % 2];
        uint64_t high = shape->bytes < 8 ? 0 : round;
        uint64_t low = shape->bytes < 8 ? round << (8 * shape->bytes) : 0;
        __m128i blocks[LANES];
        for (int lane = 0; lane < LANES; lane++) {
            uint64_t number = __builtin_bswap64(low | source[lane]);
            blocks[lane] = _mm_xor_si128(
                shape->base,
                _mm_set_epi64x((long long)number, (long long)__builtin_bswap64(high)));
        }
        aes_encrypt(&job->key, blocks, LANES);
        for (int lane = 0; lane < LANES; lane++) {
            uint64_t y = reduce(blocks[lane], m, is_long);
            uint64_t moved = job->is_inverse ? target[lane] + m - y : target[lane] + y;
            target[lane] = source[lane];
            source[lane] = moved >= m ? moved - m : moved;
        }
    }
}

INLINE uint64_t number_of(const uint8_t *symbols, int count, uint64_t radix)
{
    uint64_t number = 0;
    for (int i = 0; i < count; i++) {
        number = number * radix + symbols[i];
    }
    return number;
}

INLINE void spell(uint8_t *symbols, int count, uint64_t number, uint64_t radix)
{
    for (int i = count - 1; i >= 0; i--, number /= radix) {
        symbols[i] = (uint8_t)(number % radix);
    }
}

/* The digit after which Luhn's check (ISO/IEC 7812-1, annex B) holds for all of them. */
static uint8_t luhn_digit(const uint8_t *digits, int count)
{
    unsigned sum = 0;
    for (int i = 0; i < count; i++) {
        bool is_doubled = (count - i) % 2 == 1;
        unsigned twice = 2U * digits[i];
        sum += is_doubled ? twice / 10 + twice % 10 : digits[i];
    }
    return (uint8_t)((10 - sum % 10) % 10);
}

/* Encrypt the rows of a queue, write them out, and empty it. */
static void flush(job *job, int symbols)
{
    queue *queue = &job->queues[symbols];
    shape *shape = &job->shapes[symbols];
    run_rounds(job, shape, queue);
    for (int lane = 0; lane < queue->count; lane++) {
        uint8_t spelt[SYMBOLS_MOST + 1];
        uint8_t *middle = spelt + shape->left;
        if (job->radix == 10) { /* A constant divisor is much faster. */
            spell(spelt, shape->left, queue->lefts[lane], 10);
            spell(middle, shape->right, queue->rights[lane], 10);
        } else {
            spell(spelt, shape->left, queue->lefts[lane], job->radix);
            spell(middle, shape->right, queue->rights[lane], job->radix);
        }
        if (job->has_check) {
            spelt[symbols] = luhn_digit(spelt, symbols);
        }
        int64_t row = queue->rows[lane];
        int next = 0;
        for (int64_t at = job->rows.offsets[row]; at < job->rows.offsets[row + 1]; at++) {
            uint8_t byte = job->rows.data[at];
            if (job->values[byte] != NO_SYMBOL) {
                byte = spelt[next++];
                byte = (uint8_t)(byte < 10 ? byte + '0' : byte - 10 + 'a');
            }
            job->out[at] = byte;
        }
        job->done[row] = 1;
    }
    queue->count = 0;
}

/* Read a row's symbols. Return how many of them are to be encrypted; 0 if that cannot be done. */
static int read_symbols(const job *job, int64_t row, uint8_t symbols[SYMBOLS_MOST + 1])
{
    int count = 0;
    for (int64_t at = job->rows.offsets[row]; at < job->rows.offsets[row + 1]; at++) {
        uint8_t value = job->values[job->rows.data[at]];
        if (value != NO_SYMBOL) {
            if (count == job->most + job->has_check) {
                return 0;
            }
            symbols[count++] = value;
        }
    }
    if (job->has_check && count > 0) {
        count--;
        if (symbols[count] != luhn_digit(symbols, count)) {
            return 0;
        }
    }
    return count >= job->least ? count : 0;
}

static void encrypt_rows(job *job)
{
    for (int64_t row = 0; row < job->rows.rows; row++) {
        uint8_t symbols[SYMBOLS_MOST + 1];
        int count = read_symbols(job, row, symbols);
        if (!count) {
            job->done[row] = 0;
            continue;
        }
        shape *shape = &job->shapes[count];
        queue *queue = &job->queues[count];
        if (!shape->is_ready) {
            prepare(job, shape, count);
        }
        queue->rows[queue->count] = row;
        queue->lefts[queue->count] = number_of(symbols, shape->left, job->radix);
        queue->rights[queue->count] =
            number_of(symbols + shape->left, shape->right, job->radix);
        if (++queue->count == LANES) {
            flush(job, count);
        }
    }
    for (int count = 0; count <= SYMBOLS_MOST; count++) {
        if (job->queues[count].count) {
            flush(job, count);
        }
    }
}

static void start(job *job, const Py_buffer *key, const Py_buffer *tweak, int radix)
{
    memset(job->shapes, 0, sizeof job->shapes);
    memset(job->queues, 0, sizeof job->queues);
    aes_expand(&job->key, key->buf, (int)(key->len / 4));
    job->tweak = tweak->buf;
    job->tweak_size = (uint64_t)tweak->len;
    job->radix = (uint64_t)radix;
    set_bounds(job);
    memset(job->values, NO_SYMBOL, sizeof job->values);
    for (int value = 0; value < radix; value++) {
        job->values[value < 10 ? '0' + value : 'a' + value - 10] = (uint8_t)value;
    }
}

static bool can_run(void)
{
    return __builtin_cpu_supports("aes") && __builtin_cpu_supports("sse4.1");
}

/* ff1(offsets, data, key, tweak, radix, has_check, is_inverse, out, done)
 *
 * Rows that cannot be encrypted are not written; done is 0 for them. */
static PyObject *ff1(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *offsets, *data, *out_object, *done_object, *result = NULL;
    Py_buffer key, tweak, out, done;
    int radix, has_check, is_inverse;
    job job;
    if (!PyArg_ParseTuple(args, "OOy*y*ippOO", &offsets, &data, &key, &tweak, &radix, &has_check,
                          &is_inverse, &out_object, &done_object)) {
        return NULL;
    }
    if ((key.len != 16 && key.len != 24 && key.len != 32) || tweak.len > UINT16_MAX ||
        radix < RADIX_LEAST || radix > RADIX_MOST || (has_check && radix != 10) ||
        !can_run()) {
        PyErr_SetString(PyExc_ValueError, "The key, tweak or radix is not one that FF1 takes.");
        goto close_key;
    }
    if (column_open(&job.rows, offsets, data) < 0) {
        goto close_key;
    }
    if (output_open(&out, out_object, job.rows.data_buffer.len, 1) < 0) {
        goto close_rows;
    }
    if (output_open(&done, done_object, job.rows.rows, 1) < 0) {
        goto close_out;
    }
    job.out = out.buf;
    job.done = done.buf;
    job.has_check = has_check;
    job.is_inverse = is_inverse;
    Py_BEGIN_ALLOW_THREADS
    start(&job, &key, &tweak, radix);
    encrypt_rows(&job);
    Py_END_ALLOW_THREADS
    result = Py_NewRef(Py_None);
    PyBuffer_Release(&done);
close_out:
    PyBuffer_Release(&out);
close_rows:
    column_close(&job.rows);
close_key:
    PyBuffer_Release(&tweak);
    PyBuffer_Release(&key);
    return result;
}

/* has_aes(): whether ff1 is here and the processor can run it. */
static PyObject *has_aes(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    return PyBool_FromLong(can_run());
}

PyMethodDef ff1_methods[] = {
    {"ff1", ff1, METH_VARARGS, NULL},
    {"has_aes", has_aes, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#else

static PyObject *has_aes(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(args))
{
    Py_RETURN_FALSE;
}

PyMethodDef ff1_methods[] = {
    {"has_aes", has_aes, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

#endif
