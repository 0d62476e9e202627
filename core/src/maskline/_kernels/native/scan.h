/* What the files of the scanner share: one row of text, questions about its bytes, and findings.
 *
 * The scanner finds what the built-in pattern detectors find, and exactly that: their expressions
 * and cuts, in `_detectors/`, are the specification, RE2's leftmost-first search included. A rule
 * is written here as a function that is called wherever one of its matches may begin or has to
 * pass. All rules see the bytes of a row from left to right, each byte a bounded number of times.
 *
 * Outside of a row stands 0xFF, which is no byte of UTF-8 and which no rule takes in. So a rule
 * may look at any position, and can neither leave its row nor the buffer.
 */
#ifndef MASKLINE_SCAN_H
#define MASKLINE_SCAN_H

#include "kernels.h"

#include <stdlib.h>

/* The rules of all built-in detectors: detectors by name, the rules of each in their order. */
enum rule {
    CARD,
    CARD_LABELLED,
    AWS_ACCESS_KEY,
    AWS_SECRET_KEY,
    GCP_API_KEY,
    GCP_OAUTH,
    AZURE_ACCOUNT_KEY,
    AZURE_CLIENT_SECRET,
    AZURE_SIGNATURE,
    EMAIL,
    IBAN,
    IBAN_LABELLED,
    IPV4,
    IPV6,
    JWT,
    MAC,
    PHONE_INTERNATIONAL,
    PHONE_AMERICAN,
    PHONE_LABELLED,
    PHONE_WITH_AREA,
    PHONE_BEFORE_WORD,
    PHONE_NATIONAL,
    SSN_DASHED,
    SSN_DOTTED,
    SSN_SPACED,
    SSN_LABELLED,
    URL,
    RULES
};

enum { OUTSIDE = 0xFF };

/* One byte for each code point: how the scanner and the folding take it. */
enum { CODE_POINTS = 0x110000, IS_OTHER = 0, IS_ALNUM = 1, IS_INVISIBLE = 2 };

typedef struct {
    int64_t start;
    int64_t end;
    int rule;
} finding;

typedef struct {
    finding *items;
    int64_t size;
    int64_t room;
    bool has_failed; /* There was no memory. */
} findings;

/* A row, and how far the rules have come. Positions are counted through the whole column, so what
 * is behind them in one row is behind them in the next. */
typedef struct {
    const uint8_t *bytes; /* Of the column */
    int64_t begin;
    int64_t end;
    const uint8_t *characters; /* CODE_POINTS bytes */
    findings *found;
    int64_t taken[RULES]; /* Where the last match of a rule ended: the next begins there or later. */
    int64_t cards_begin;  /* The last run of digits that may hold cards: [begin, end) */
    int64_t cards_end;
    bool may_hold_cards;
    int64_t numbers_end; /* The last run of digits, spaced as in telephone numbers */
    int64_t numbers_digits;
    int64_t secret_end; /* The last run of letters, digits, + and / that was looked at */
    int64_t jwt_end;    /* Until here, no web token begins */
} text;

static inline uint8_t at(const text *row, int64_t i)
{
    return i >= row->begin && i < row->end ? row->bytes[i] : OUTSIDE;
}

static inline bool is_digit(uint8_t byte)
{
    return (uint8_t)(byte - '0') < 10;
}

static inline bool is_upper(uint8_t byte)
{
    return (uint8_t)(byte - 'A') < 26;
}

static inline bool is_letter(uint8_t byte)
{
    return (uint8_t)((byte | 0x20) - 'a') < 26;
}

static inline bool is_alnum(uint8_t byte)
{
    return is_letter(byte) || is_digit(byte);
}

static inline bool is_word(uint8_t byte)
{
    return is_alnum(byte) || byte == '_';
}

static inline bool is_hex(uint8_t byte)
{
    return is_digit(byte) || (uint8_t)((byte | 0x20) - 'a') < 6;
}

static inline bool is_space(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\f' || byte == '\r';
}

/* A part of a character beyond ASCII: [\x80-\xf4] */
static inline bool is_beyond(uint8_t byte)
{
    return (uint8_t)(byte - 0x80) <= 0x74;
}

static inline uint8_t lower(uint8_t byte)
{
    return is_upper(byte) ? byte | 0x20 : byte;
}

/* A set of ASCII characters: a bit for each, those below '@' first. */
typedef struct {
    uint64_t bits[2];
} byte_set;

#define BIT(character) (UINT64_C(1) << ((character) & 63))
#define DIGITS UINT64_C(0x03FF000000000000)
#define LETTERS UINT64_C(0x07FFFFFE07FFFFFE)

static inline bool is_in(const byte_set *set, uint8_t byte)
{
    return byte < 0x80 && (set->bits[byte >> 6] >> (byte & 63) & 1);
}

/* A word to compare with, and its size. */
typedef struct {
    const char *letters;
    int64_t size;
} word;

#define WORD(letters) {letters, sizeof letters - 1}
#define AS_WORD(letters) ((word)WORD(letters))
#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* Whether a word stands from i on. */
static inline bool begins_with(const text *row, int64_t i, word word)
{
    return i >= row->begin && row->end - i >= word.size &&
           memcmp(row->bytes + i, word.letters, (size_t)word.size) == 0;
}

static inline bool ends_with(const text *row, int64_t i, word word)
{
    return at(row, i - 1) == (uint8_t)word.letters[word.size - 1] &&
           begins_with(row, i - word.size, word);
}

/* Whether a word, which is of lower case, stands right before i in any case. */
static inline bool ends_with_any_case(const text *row, int64_t i, word word)
{
    for (int64_t left = word.size; left > 0; left--, i--) {
        if (lower(at(row, i - 1)) != (uint8_t)word.letters[left - 1]) {
            return false;
        }
    }
    return true;
}

/* Where the digits that begin at i end. */
static inline int64_t digits_end(const text *row, int64_t i)
{
    while (is_digit(at(row, i))) {
        i++;
    }
    return i;
}

/* The same, after at most so many. */
static inline int64_t digits_end_within(const text *row, int64_t i, int64_t most)
{
    int64_t end = i;
    while (end - i < most && is_digit(at(row, end))) {
        end++;
    }
    return end;
}

/* Past at most two characters of `between` and the digit after them; -1 if they are not there. */
static inline int64_t next_digit(const text *row, int64_t i, const byte_set *between)
{
    for (int skipped = 0; skipped < 2 && is_in(between, at(row, i)); skipped++) {
        i++;
    }
    return is_digit(at(row, i)) ? i + 1 : -1;
}

/* The code point that begins at i; its size comes out, too. */
static inline int32_t character_at(const text *row, int64_t i, int *size)
{
    uint8_t lead = at(row, i);
    *size = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    int32_t point = lead & (0xFF >> (*size == 1 ? 0 : *size + 1));
    for (int nth = 1; nth < *size; nth++) {
        point = point << 6 | (at(row, i + nth) & 0x3F);
    }
    return point < CODE_POINTS ? point : 0;
}

/* The code point that ends right before i. */
int32_t character_before(const text *row, int64_t i, int *size);

/* Write down a finding: always, or only if no letter or digit stands right beside it, and none of
 * `not_after` before it. */
extern const byte_set NOTHING;
void report(text *row, int rule, int64_t start, int64_t end);
void report_bounded(text *row, int rule, int64_t start, int64_t end, const byte_set *not_after);

/* The rules. Each is called at a position where its sign stands, from left to right. */
void find_email(text *row, int64_t sign);                /* @ */
void find_url(text *row, int64_t colon);                 /* : */
void find_url_without_scheme(text *row, int64_t start);  /* www */
void find_phone_at_plus(text *row, int64_t plus);        /* + */
void find_phone_at_parenthesis(text *row, int64_t sign); /* ( */
void find_phone_at_digits(text *row, int64_t start, int64_t end);
void find_card_or_ssn(text *row, int64_t start, int64_t end);
void find_iban(text *row, int64_t digit);
void find_ipv4(text *row, int64_t start, int64_t end);
void find_ipv6(text *row, int64_t colon);    /* : */
void find_mac(text *row, int64_t separator); /* : - . */
void find_jwt(text *row, int64_t sign);      /* the J of eyJ */
void find_key(text *row, int64_t start);     /* A, G */
void find_ya29(text *row, int64_t digit);    /* the 2 of ya29. */
void find_client_secret(text *row, int64_t tilde);
void find_signature(text *row, int64_t equals);
void find_assigned_secret(text *row, int64_t inside); /* 16 bytes of a run */

/* Drop what lies inside of what maskline wrote itself; findings are sorted by start. */
int64_t drop_masked(const text *row, finding *found, int64_t count);

#endif
