/* Finds what all built-in pattern detectors find, in one pass over a column.
 *
 * Text is taken in blocks of 64 bytes. A few vector instructions tell, with a bit for each byte,
 * where a match of some rule may begin: at an @, where digits begin, where two hyphens are as far
 * apart as in a hardware address. Only there is anything looked at byte by byte. */
#include "scan.h"
#ifdef KERNELS_X86
#include <immintrin.h>
#endif

enum { BLOCK = 64, BATCH = 64 };

/* ---- Where to look ---- */

/* Classes of bytes. A byte is in a class if the tables of both of its halves say so. */
enum {
    DIGIT = 1,      /* 0 to 9 */
    HEX_LETTER = 2, /* A to F and a to f */
    SIGN = 4,       /* @ A G J */
    TILDE = 8,      /* ~ */
    EQUALS = 16,    /* = */
    COLON = 32,     /* : */
    OPENING = 64,   /* ( + */
    SEPARATOR = 128 /* - . / */
};
static const uint8_t LOW_HALF[16] = {
    DIGIT | SIGN,
    DIGIT | SIGN | HEX_LETTER,
    DIGIT | HEX_LETTER,
    DIGIT | HEX_LETTER,
    DIGIT | HEX_LETTER,
    DIGIT | HEX_LETTER,
    DIGIT | HEX_LETTER,
    DIGIT | SIGN,
    DIGIT | OPENING,
    DIGIT,
    SIGN | COLON,
    OPENING,
    0,
    EQUALS | SEPARATOR,
    TILDE | SEPARATOR,
    SEPARATOR,
};
static const uint8_t HIGH_HALF[16] = {
    [2] = OPENING | SEPARATOR, [3] = DIGIT | COLON | EQUALS, [4] = SIGN | HEX_LETTER,
    [6] = HEX_LETTER, [7] = TILDE,
};

/* A bit for each byte of a block. */
typedef struct {
    uint64_t digit;
    uint64_t hex_letter;
    uint64_t single; /* SIGN, TILDE, EQUALS */
    uint64_t colon;
    uint64_t opening;
    uint64_t separator;
    uint64_t letter_w; /* w W */
    uint64_t dense;    /* ASCII above '*': all that keys are made of */
} block;

static void classify_plain(const uint8_t *bytes, block *out)
{
    *out = (block){0};
    for (int i = 0; i < BLOCK; i++) {
        uint8_t byte = bytes[i];
        unsigned classes = LOW_HALF[byte & 15] & HIGH_HALF[byte >> 4];
        uint64_t bit = UINT64_C(1) << i;
        out->digit |= classes & DIGIT ? bit : 0;
        out->hex_letter |= classes & HEX_LETTER ? bit : 0;
        out->single |= classes & (SIGN | TILDE | EQUALS) ? bit : 0;
        out->colon |= classes & COLON ? bit : 0;
        out->opening |= classes & OPENING ? bit : 0;
        out->separator |= classes & SEPARATOR ? bit : 0;
        out->letter_w |= (byte | 0x20) == 'w' ? bit : 0;
        out->dense |= byte > '*' && byte < 0x80 ? bit : 0;
    }
}

static void classify_all_plain(const uint8_t *bytes, int64_t count, block *out)
{
    for (int64_t i = 0; i < count; i++) {
        classify_plain(bytes + i * BLOCK, out + i);
    }
}

#ifdef KERNELS_X86
#define AVX2 __attribute__((target("avx2")))

/* A bit for each byte that is in a class. */
AVX2 static inline uint64_t bits_of(__m256i first, __m256i second, int classes)
{
    __m256i wanted = _mm256_set1_epi8((char)classes), none = _mm256_setzero_si256();
    uint32_t low = (uint32_t)_mm256_movemask_epi8(
        _mm256_cmpeq_epi8(_mm256_and_si256(first, wanted), none));
    uint32_t high = (uint32_t)_mm256_movemask_epi8(
        _mm256_cmpeq_epi8(_mm256_and_si256(second, wanted), none));
    return ~((uint64_t)high << 32 | low);
}

AVX2 static inline __m256i classes_of(__m256i bytes, __m256i low_table, __m256i high_table)
{
    __m256i half = _mm256_set1_epi8(15);
    __m256i low = _mm256_and_si256(bytes, half);
    __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes, 4), half);
    return _mm256_and_si256(_mm256_shuffle_epi8(low_table, low),
                            _mm256_shuffle_epi8(high_table, high));
}

AVX2 static inline uint64_t joined(__m256i first, __m256i second)
{
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(second) << 32 |
           (uint32_t)_mm256_movemask_epi8(first);
}

AVX2 static void classify_all_avx2(const uint8_t *bytes, int64_t count, block *out)
{
    __m256i low = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)LOW_HALF));
    __m256i high = _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)HIGH_HALF));
    __m256i w = _mm256_set1_epi8('w'), small = _mm256_set1_epi8(0x20);
    __m256i star = _mm256_set1_epi8('*');
    for (int64_t i = 0; i < count; i++) {
        __builtin_prefetch(bytes + (i + BATCH) * BLOCK);
        __m256i a = _mm256_loadu_si256((const __m256i *)(bytes + i * BLOCK));
        __m256i b = _mm256_loadu_si256((const __m256i *)(bytes + i * BLOCK + BLOCK / 2));
        __m256i x = classes_of(a, low, high), y = classes_of(b, low, high);
        out[i].digit = bits_of(x, y, DIGIT);
        out[i].hex_letter = bits_of(x, y, HEX_LETTER);
        out[i].single = bits_of(x, y, SIGN | TILDE | EQUALS);
        out[i].colon = bits_of(x, y, COLON);
        out[i].opening = bits_of(x, y, OPENING);
        out[i].separator = bits_of(x, y, SEPARATOR);
        out[i].letter_w = joined(_mm256_cmpeq_epi8(_mm256_or_si256(a, small), w),
                                 _mm256_cmpeq_epi8(_mm256_or_si256(b, small), w));
        out[i].dense = joined(_mm256_cmpgt_epi8(a, star), _mm256_cmpgt_epi8(b, star));
    }
}
#endif

typedef void (*classifier)(const uint8_t *bytes, int64_t count, block *out);

static classifier choose_classifier(void)
{
#ifdef KERNELS_X86
    if (__builtin_cpu_supports("avx2")) {
        return classify_all_avx2;
    }
#endif
    return classify_all_plain;
}

/* The bytes right after which there is another of `set`. What follows the block is not known, so
 * its last `distance` bytes are taken to have one. */
static inline uint64_t before(uint64_t set, int distance)
{
    return set >> distance | ~(~UINT64_C(0) >> distance);
}

/* Where in a block something may begin. It may also be nothing; but it is never missed. */
static inline uint64_t events_of(const block *b, bool follows_digit)
{
    uint64_t hex = b->digit | b->hex_letter;
    uint64_t digits = b->digit & ~(b->digit << 1 | (follows_digit ? 1 : 0));
    uint64_t opening = b->opening & before(b->digit, 1);
    uint64_t colon = b->colon & before(hex | b->colon | b->separator, 1);
    uint64_t separator = b->separator & (hex << 1 | 1) & before(hex, 1) &
                         (before(b->separator, 3) | before(b->separator, 5));
    uint64_t www = b->letter_w & before(b->letter_w, 1) & before(b->letter_w, 2);
    return digits | opening | colon | separator | www | b->single;
}

/* The first of each 16 bytes that are all dense. A run of 31 has such 16. */
static inline uint64_t dense_chunks(uint64_t dense)
{
    dense &= dense >> 1;
    dense &= dense >> 2;
    dense &= dense >> 4;
    dense &= dense >> 8;
    return dense & UINT64_C(0x0001000100010001);
}

/* ---- One row ---- */

static void look(text *row, int64_t i)
{
    uint8_t byte = at(row, i);
    if (is_digit(byte)) {
        int64_t end = digits_end(row, i);
        find_phone_at_digits(row, i, end);
        if (row->numbers_digits >= 9) {
            find_card_or_ssn(row, i, end);
        }
        if (at(row, end) == '.') {
            find_ipv4(row, i, end);
            find_ya29(row, i);
        }
        find_iban(row, i);
        return;
    }
    switch (byte) {
    case '@':
        find_email(row, i);
        break;
    case '+':
        find_phone_at_plus(row, i);
        break;
    case '(':
        find_phone_at_parenthesis(row, i);
        break;
    case ':':
        find_url(row, i);
        find_ipv6(row, i);
        find_mac(row, i);
        break;
    case '-':
    case '.':
        find_mac(row, i);
        break;
    case '=':
        find_signature(row, i);
        break;
    case '~':
        find_client_secret(row, i);
        break;
    case 'J':
        find_jwt(row, i);
        break;
    case 'A':
    case 'G':
        find_key(row, i);
        break;
    case 'w':
    case 'W':
        find_url_without_scheme(row, i);
        break;
    default:
        break;
    }
}

/* ---- All rows ---- */

typedef struct {
    int64_t row;
    int64_t start;
    int64_t end;
    int rule;
} span;

typedef struct {
    span *items;
    int64_t size;
    int64_t room;
} spans;

typedef struct {
    const column *column;
    const uint8_t *characters;
    const float *scores; /* By rule */
    bool is_merged;
    findings found; /* In the row that is looked at */
    spans spans;    /* In all rows before it */
    bool has_failed;
} scan;

static void add_span(scan *scan, int64_t row, const finding *one)
{
    spans *all = &scan->spans;
    if (all->size == all->room) {
        int64_t room = all->room ? 2 * all->room : 1024;
        span *items = realloc(all->items, (size_t)room * sizeof *items);
        if (items == NULL) {
            scan->has_failed = true;
            return;
        }
        all->items = items;
        all->room = room;
    }
    all->items[all->size++] =
        (span){.row = row, .start = one->start, .end = one->end, .rule = one->rule};
}

static bool is_after(const finding *one, const finding *other)
{
    if (one->start != other->start) {
        return one->start > other->start;
    }
    return one->end != other->end ? one->end < other->end : one->rule > other->rule;
}

/* Sort by start, the longer first, then by rule. Findings come nearly sorted: each passes only
 * those that it overlaps, and a few around it, so inserting one by one is linear. */
static void sort_findings(finding *found, int64_t count)
{
    for (int64_t i = 1; i < count; i++) {
        finding one = found[i];
        int64_t j = i;
        for (; j > 0 && is_after(&found[j - 1], &one); j--) {
            found[j] = found[j - 1];
        }
        found[j] = one;
    }
}

/* Merge what overlaps, as `_detectors/resolution.py` does: of the highest score, of those the
 * longest, of those the first gives the rule; the stretch covers all. */
static void merge_findings(scan *scan, int64_t row, const finding *found, int64_t count)
{
    for (int64_t i = 0; i < count;) {
        finding best = found[i];
        int64_t start = best.start, end = best.end, next = i + 1;
        for (; next < count && found[next].start < end; next++) {
            const finding *one = &found[next];
            float score = scan->scores[one->rule], most = scan->scores[best.rule];
            end = one->end > end ? one->end : end;
            if (score > most || (score == most && one->end - one->start > best.end - best.start)) {
                best = *one;
            }
        }
        add_span(scan, row, &(finding){.start = start, .end = end, .rule = best.rule});
        i = next;
    }
}

/* Go on to a row; the rules keep how far they have come. */
static void begin_row(text *row, const int64_t *offsets, int64_t number)
{
    row->begin = offsets[number];
    row->end = offsets[number + 1];
}

static void end_row(scan *scan, const text *row, int64_t number)
{
    findings *found = &scan->found;
    if (found->size == 0) {
        return;
    }
    sort_findings(found->items, found->size);
    int64_t count = drop_masked(row, found->items, found->size);
    for (int64_t i = 0; i < count; i++) {
        found->items[i].start -= row->begin;
        found->items[i].end -= row->begin;
    }
    if (scan->is_merged) {
        merge_findings(scan, number, found->items, count);
    } else {
        for (int64_t i = 0; i < count; i++) {
            add_span(scan, number, &found->items[i]);
        }
    }
    found->size = 0;
}

/* Look at all blocks; rows may begin and end anywhere in them. */
static void scan_column(scan *scan)
{
    const column *column = scan->column;
    const int64_t *offsets = column->offsets, rows = column->rows;
    classifier classify = choose_classifier();
    block blocks[BATCH];
    int64_t end = offsets[rows], first = offsets[0], number = 0, starting = 0;
    bool follows_digit = false;
    text row = {.bytes = column->data, .characters = scan->characters, .found = &scan->found};
    begin_row(&row, offsets, 0);
    for (int64_t begin = first; begin < end; begin += BATCH * BLOCK) {
        int64_t count = (end - begin) / BLOCK;
        count = count < BATCH ? count : BATCH;
        classify(column->data + begin, count, blocks);
        if (count < BATCH && begin + count * BLOCK < end) {
            uint8_t last[BLOCK] = {0};
            memcpy(last, column->data + begin + count * BLOCK, (size_t)(end - begin - count * BLOCK));
            classify(last, 1, blocks + count++);
        }
        for (int64_t nth = 0; nth < count; nth++) {
            int64_t origin = begin + nth * BLOCK;
            const block *b = &blocks[nth];
            uint64_t events = events_of(b, follows_digit), chunks = dense_chunks(b->dense);
            follows_digit = b->digit >> 63;
            for (; starting < rows && offsets[starting] < origin + BLOCK; starting++) {
                /* What begins a row does not follow the digits that end the row before it. */
                events |= b->digit & UINT64_C(1) << (offsets[starting] - origin);
            }
            uint64_t all = events | chunks;
            while (all) {
                int bit = __builtin_ctzll(all);
                int64_t position = origin + bit;
                if (position >= offsets[number + 1]) {
                    end_row(scan, &row, number);
                    while (position >= offsets[number + 1]) {
                        number++;
                    }
                    begin_row(&row, offsets, number);
                }
                if (chunks >> bit & 1) {
                    find_assigned_secret(&row, position);
                }
                if (events >> bit & 1) {
                    look(&row, position);
                }
                all &= all - 1;
            }
        }
    }
    end_row(scan, &row, number);
}

/* ---- The door ---- */

/* The arrays of all spans: rows, starts, ends, rules. */
static PyObject *result_of(const spans *all)
{
    PyObject *parts[4] = {NULL};
    PyObject *result = NULL;
    for (int nth = 0; nth < 4; nth++) {
        size_t width = nth < 3 ? sizeof(int64_t) : sizeof(int32_t);
        parts[nth] = PyByteArray_FromStringAndSize(NULL, (Py_ssize_t)((size_t)all->size * width));
        if (parts[nth] == NULL) {
            goto done;
        }
    }
    int64_t *rows = (int64_t *)PyByteArray_AsString(parts[0]);
    int64_t *starts = (int64_t *)PyByteArray_AsString(parts[1]);
    int64_t *ends = (int64_t *)PyByteArray_AsString(parts[2]);
    int32_t *rules = (int32_t *)PyByteArray_AsString(parts[3]);
    for (int64_t i = 0; i < all->size; i++) {
        rows[i] = all->items[i].row;
        starts[i] = all->items[i].start;
        ends[i] = all->items[i].end;
        rules[i] = all->items[i].rule;
    }
    result = PyTuple_Pack(4, parts[0], parts[1], parts[2], parts[3]);
done:
    for (int nth = 0; nth < 4; nth++) {
        Py_XDECREF(parts[nth]);
    }
    return result;
}

/* scan(offsets, data, characters, scores, is_merged): see `_detectors/scanner.py` */
static PyObject *scan_rows(PyObject *Py_UNUSED(module), PyObject *args)
{
    PyObject *offsets, *data, *characters_object, *scores_object, *result = NULL;
    column rows;
    Py_buffer characters, scores;
    int is_merged;
    if (!PyArg_ParseTuple(args, "OOOOp", &offsets, &data, &characters_object, &scores_object,
                          &is_merged) ||
        column_open(&rows, offsets, data) < 0) {
        return NULL;
    }
    if (input_open(&characters, characters_object, CODE_POINTS, 1) < 0) {
        goto close_rows;
    }
    if (input_open(&scores, scores_object, RULES, sizeof(float)) < 0) {
        goto close_characters;
    }
    scan scan = {
        .column = &rows,
        .characters = characters.buf,
        .scores = scores.buf,
        .is_merged = is_merged,
    };
    Py_BEGIN_ALLOW_THREADS
    if (rows.rows > 0) {
        scan_column(&scan);
    }
    Py_END_ALLOW_THREADS
    result = scan.has_failed || scan.found.has_failed ? PyErr_NoMemory() : result_of(&scan.spans);
    free(scan.found.items);
    free(scan.spans.items);
    PyBuffer_Release(&scores);
close_characters:
    PyBuffer_Release(&characters);
close_rows:
    column_close(&rows);
    return result;
}

PyMethodDef scan_methods[] = {
    {"scan", scan_rows, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
