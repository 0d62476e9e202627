/* Questions about the bytes of a row, and the writing down of findings. */
#include "scan.h"

const byte_set NOTHING = {{0, 0}};

int32_t character_before(const text *row, int64_t i, int *size)
{
    int64_t start = i - 1;
    while (i - start < 4 && (at(row, start) & 0xC0) == 0x80) {
        start--;
    }
    int32_t point = character_at(row, start, size);
    *size = (int)(i - start);
    return point;
}

void report(text *row, int rule, int64_t start, int64_t end)
{
    findings *found = row->found;
    if (found->size == found->room) {
        int64_t room = found->room ? 2 * found->room : 64;
        finding *items = realloc(found->items, (size_t)room * sizeof *items);
        if (items == NULL) {
            found->has_failed = true;
            return;
        }
        found->items = items;
        found->room = room;
    }
    found->items[found->size++] = (finding){.start = start, .end = end, .rule = rule};
}

/* Scripts beyond U+2E80 write words without spaces, so a letter there is no part of a run. */
static bool is_joined(const text *row, int32_t point)
{
    return point < 0x2E80 && row->characters[point] == IS_ALNUM;
}

void report_bounded(text *row, int rule, int64_t start, int64_t end, const byte_set *not_after)
{
    uint8_t before = at(row, start - 1), after = at(row, end);
    int size;
    if (is_alnum(before) || is_alnum(after) || is_in(not_after, before)) {
        return;
    }
    if ((is_beyond(before) && is_joined(row, character_before(row, start, &size))) ||
        (is_beyond(after) && is_joined(row, character_at(row, end, &size)))) {
        return;
    }
    report(row, rule, start, end);
}
