/* What the files of the model of names share: tokens, and what may be said of them.
 *
 * The model cuts text into tokens, looks each word up in a lexicon, hashes what is seen of a token
 * and its neighbours into features, and adds up the weights of these. All numbers are whole, so
 * the numpy twin, `_detectors/names/`, finds the same to the byte: what is written here without a
 * reason has its reason there.
 */
#ifndef MASKLINE_NAMES_H
#define MASKLINE_NAMES_H

#include "kernels.h"

#include <stdlib.h>

enum { POINTS = 0x2E80, LETTER_BITS = 24, HASHED = 24, ATOMS = 11, PARTS = 3 };
enum { BUCKETS = 1 << 16, LANES = 16, LONGEST = 128 };

/* What a character is, and so a token, by its first one. */
enum { SPACE, LINE, SIGN, DIGIT, LOWER, UPPER, LETTER, MARK };

/* What follows the first character. */
enum { HAS_LOWER = 1, HAS_UPPER = 2, HAS_DIGIT = 4 };

/* What the lexicon says of a word. */
enum {
    GIVEN = 1 << 0,
    FAMILY = 1 << 1,
    PLACE = 1 << 2,
    COUNTRY = 1 << 3,
    PLACE_PAIR = 1 << 4,
    STREET = 1 << 5,
    COMPANY = 1 << 6,
    JOB = 1 << 7,
    GROUP = 1 << 8,
    HONORIFIC = 1 << 9,
    PERSON_CUE = 1 << 10,
    PLACE_CUE = 1 << 11,
    COMPANY_CUE = 1 << 12,
    COMMON_SHIFT = 13,
    COMMON = 3 << COMMON_SHIFT,
    KNOWN = 1 << 15,
    PEOPLE = GIVEN | FAMILY | HONORIFIC,
    PLACES = PLACE | COUNTRY | PLACE_PAIR,
    THINGS = STREET | COMPANY | JOB | GROUP
};

typedef struct {
    int64_t start;
    int64_t end;
    uint32_t hash;
    uint32_t prefix;
    uint32_t suffix;
    uint32_t ending;
    uint32_t size;
    uint16_t flags;
    uint8_t first; /* What its first character is */
    uint8_t rest;
    uint8_t gap;   /* 0: none before it; 1: a space; 2: it begins a sentence, a line or the row */
    uint8_t signs; /* What it speaks for, as bits */
} token;

typedef struct {
    token *items;
    int64_t size;
    int64_t room;
} tokens;

static inline uint32_t mix(uint32_t left, uint32_t right)
{
    uint32_t mixed = (left * UINT32_C(0x9E3779B1) ^ right) * UINT32_C(0x85EBCA6B);
    return mixed ^ mixed >> 15;
}

/* Cut bytes begin to end into tokens, in place of those that were there; false without memory. */
bool names_cut(tokens *tokens, const uint8_t *data, int64_t begin, int64_t end,
               const uint32_t *letters);

#endif
