/* Cuts text into words and signs. */
#include "names.h"

enum { BASIS = 0x811C9DC5, PRIME = 0x01000193, PLAIN = (1 << LETTER_BITS) - 1 };

/* What the letters' table says of the character at i, or that it is a sign; where the next is. */
static inline uint32_t entry_at(const uint8_t *data, int64_t *i, int64_t end,
                                const uint32_t *letters)
{
    uint8_t lead = data[*i];
    if (lead < 0x80) {
        ++*i;
        return letters[lead];
    }
    int size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    uint32_t point = lead & (0xFF >> (size + 1));
    ++*i;
    for (int nth = 1; nth < size && *i < end; nth++) {
        point = point << 6 | (data[(*i)++] & 0x3F);
    }
    return point < POINTS ? letters[point] : (uint32_t)SIGN << LETTER_BITS | point;
}

/* Which characters make one token together: words, and line ends. */
static inline int run_of(uint32_t first)
{
    return first < DIGIT ? (int)first : DIGIT;
}

static inline bool is_stop(uint32_t hash)
{
    return hash == (BASIS ^ (uint32_t)'.') * PRIME || hash == (BASIS ^ (uint32_t)'!') * PRIME ||
           hash == (BASIS ^ (uint32_t)'?') * PRIME;
}

/* Read the token whose first character is `entry` and ends at i; where it ends. */
static int64_t read_token(token *token, const uint8_t *data, int64_t i, int64_t end,
                          uint32_t entry, const uint32_t *letters)
{
    uint32_t first = entry >> LETTER_BITS, last[3] = {entry & PLAIN, 0, 0};
    token->first = (uint8_t)first;
    token->hash = (BASIS ^ last[0]) * PRIME;
    token->prefix = token->hash;
    token->size = 1;
    token->rest = 0;
    while (i < end) {
        int64_t next = i;
        entry = entry_at(data, &next, end, letters);
        uint32_t what = entry >> LETTER_BITS, plain = entry & PLAIN;
        if (what != MARK) {
            if (first == SIGN || run_of(what) != run_of(first)) {
                break;
            }
            if (first != LINE) {
                if (token->size < HASHED) {
                    token->hash = (token->hash ^ plain) * PRIME;
                }
                token->size++;
                token->prefix = token->size <= 3 ? token->hash : token->prefix;
                last[2] = last[1], last[1] = last[0], last[0] = plain;
                token->rest |= what == LOWER   ? HAS_LOWER
                               : what == UPPER ? HAS_UPPER
                               : what == DIGIT ? HAS_DIGIT
                                               : 0;
            }
        }
        i = next;
    }
    token->ending = mix(last[1], last[0]);
    token->suffix = mix(token->ending, last[2]);
    return i;
}

bool names_cut(tokens *tokens, const uint8_t *data, int64_t begin, int64_t end,
               const uint32_t *letters)
{
    tokens->size = 0;
    for (int64_t i = begin; i < end;) {
        int64_t start = i;
        uint32_t entry = entry_at(data, &i, end, letters), first = entry >> LETTER_BITS;
        if (first == SPACE || first == MARK) {
            continue;
        }
        if (tokens->size == tokens->room) {
            int64_t room = tokens->room ? 2 * tokens->room : 256;
            token *items = realloc(tokens->items, (size_t)room * sizeof *items);
            if (items == NULL) {
                return false;
            }
            tokens->items = items;
            tokens->room = room;
        }
        token *token = &tokens->items[tokens->size];
        i = read_token(token, data, i, end, entry, letters);
        token->start = start;
        token->end = i;
        token->gap = 2;
        if (tokens->size > 0) {
            bool is_spaced = start > token[-1].end;
            bool is_first = token[-1].first == LINE || (is_stop(token[-1].hash) && is_spaced);
            token->gap = is_first ? 2 : is_spaced;
        }
        tokens->size++;
    }
    return true;
}
