/* What maskline wrote itself: redactions, and tokens with the right check. It is not found again.
 *
 * The grammar is `TOKEN_REGEX` of `tokens/_shapes.py`, or \[[A-Z][A-Z0-9_]*\]. */
#include "scan.h"
#include "sha256.h"

enum { SLUG_MOST = 16, STEM_HEX = 24, CHECK_HEX = 8, WORD_LEAST = 2, WORD_MOST = 63 };

static int hex_value(uint8_t byte)
{
    return is_digit(byte) ? byte - '0' : byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

/* The end of (?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?[.])+
 * (?:[Xx][Nn]--(?:[A-Za-z0-9-]*[A-Za-z0-9])|[A-Za-z]{2,63})\b at i; -1 if none. */
static int64_t domain_end(const text *row, int64_t i)
{
    int64_t best = -1;
    for (bool is_first = true;; is_first = false) {
        int64_t start = i, last = -1, letters = i, edge = -1;
        for (; is_alnum(at(row, i)) || at(row, i) == '-'; i++) {
            if (at(row, i) != '-') {
                last = i;
                edge = is_word(at(row, i + 1)) ? edge : i + 1;
            }
            letters += letters == i && is_letter(at(row, i));
        }
        if (!is_alnum(at(row, start))) {
            return best;
        }
        bool is_encoded = ends_with_any_case(row, start + 4, AS_WORD("xn--")) && edge > start + 4;
        int64_t size = letters - start;
        if (!is_first && is_encoded) {
            best = edge;
        } else if (!is_first && size >= WORD_LEAST && size <= WORD_MOST && !is_word(at(row, letters))) {
            best = letters;
        }
        if (at(row, i) != '.' || last != i - 1) {
            return best;
        }
        i++;
    }
}

/* A token around an underscore: its start comes out, its end is returned; -1 if there is none. */
static int64_t token_end(const text *row, int64_t underscore, int64_t *start)
{
    enum { HEX = STEM_HEX + CHECK_HEX };
    int64_t begin = underscore, stem = underscore + 1 + STEM_HEX, end = stem + CHECK_HEX;
    if (end > row->end || hex_value(at(row, underscore + 1)) < 0) {
        return -1;
    }
    while (underscore - begin <= SLUG_MOST && is_word(at(row, begin - 1))) {
        begin--;
        uint8_t byte = at(row, begin);
        if (byte == '_' || is_upper(byte)) {
            return -1;
        }
    }
    if (begin == underscore || underscore - begin > SLUG_MOST || is_digit(at(row, begin)) ||
        is_word(at(row, end))) {
        return -1;
    }
    for (int64_t i = underscore + 1; i < end; i++) {
        if (hex_value(at(row, i)) < 0) {
            return -1;
        }
    }
    uint8_t digest[SHA256_DIGEST];
    sha256_once(row->bytes + begin, (size_t)(stem - begin), digest);
    for (int i = 0; i < CHECK_HEX / 2; i++) {
        int high = hex_value(at(row, stem + 2 * i)), low = hex_value(at(row, stem + 2 * i + 1));
        if (digest[i] != (high << 4 | low)) {
            return -1;
        }
    }
    *start = begin;
    int64_t domain = at(row, end) == '@' ? domain_end(row, end + 1) : -1;
    return domain < 0 ? end : domain;
}

static int64_t redaction_end(const text *row, int64_t bracket)
{
    int64_t end = bracket + 1;
    if (!is_upper(at(row, end))) {
        return -1;
    }
    while (is_upper(at(row, end)) || is_digit(at(row, end)) || at(row, end) == '_') {
        end++;
    }
    return at(row, end) == ']' ? end + 1 : -1;
}

static int64_t next_of(const text *row, int64_t i, int sign)
{
    const uint8_t *found = i < row->end ? memchr(row->bytes + i, sign, (size_t)(row->end - i)) : NULL;
    return found ? found - row->bytes : row->end;
}

int64_t drop_masked(const text *row, finding *found, int64_t count)
{
    int64_t bracket = next_of(row, row->begin, '['), underscore = next_of(row, row->begin, '_');
    int64_t kept = 0, next = 0;
    while (bracket < row->end || underscore < row->end) {
        int64_t start = bracket, end;
        if (bracket < underscore) {
            end = redaction_end(row, bracket);
            bracket = next_of(row, bracket + 1, '[');
        } else {
            end = token_end(row, underscore, &start);
            underscore = next_of(row, underscore + 1, '_');
        }
        if (end < 0) {
            continue;
        }
        for (; next < count && found[next].start < start; next++) {
            found[kept++] = found[next];
        }
        for (; next < count && found[next].start < end; next++) {
            if (found[next].end > end) {
                found[kept++] = found[next];
            }
        }
    }
    for (; next < count; next++) {
        found[kept++] = found[next];
    }
    return kept;
}
