/* Numbers that check themselves, or that a label gives away: cards, IBANs, US social security. */
#include "scan.h"

/* ---- Payment cards ---- */

enum { CARD_LEAST = 12, CARD_MOST = 19, PREFIX = 4, DOTTED_MOST = 6 };

static const byte_set CARD_SPACING = {{BIT(' ') | BIT('.') | BIT('-'), 0}};

#define LENGTHS(least, most) (((UINT32_C(2) << (most)) - 1) & ~((UINT32_C(1) << (least)) - 1))

/* First digits that card issuers use, as ranges of four, and the lengths of their numbers. */
static const struct {
    int low, high;
    uint32_t lengths;
} ISSUERS[] = {
    {4000, 4999, LENGTHS(13, 13) | LENGTHS(16, 16) | LENGTHS(19, 19)}, /* Visa */
    {5100, 5599, LENGTHS(16, 16)},                                     /* Mastercard */
    {2221, 2720, LENGTHS(16, 16)},
    {3400, 3499, LENGTHS(15, 15)}, /* American Express */
    {3700, 3799, LENGTHS(15, 15)},
    {3000, 3059, LENGTHS(14, 19)}, /* Diners Club */
    {3090, 3099, LENGTHS(14, 19)},
    {3600, 3699, LENGTHS(14, 19)},
    {3800, 3999, LENGTHS(14, 19)},
    {6011, 6011, LENGTHS(16, 19)}, /* Discover */
    {6440, 6499, LENGTHS(16, 19)},
    {6500, 6599, LENGTHS(16, 19)},
    {3528, 3589, LENGTHS(16, 19)}, /* JCB */
    {1800, 1800, LENGTHS(15, 15)},
    {2131, 2131, LENGTHS(15, 15)},
    {6200, 6299, LENGTHS(16, 19)}, /* UnionPay */
    {8100, 8199, LENGTHS(16, 19)},
    {2200, 2204, LENGTHS(16, 19)}, /* Mir */
    {5000, 5099, LENGTHS(12, 19)}, /* Maestro and others */
    {5600, 6999, LENGTHS(12, 19)},
};

/* A bit for each length that numbers have that begin with four digits. */
static uint32_t card_lengths(int prefix)
{
    uint32_t lengths = 0;
    for (size_t i = 0; i < COUNT(ISSUERS); i++) {
        if (ISSUERS[i].low <= prefix && prefix <= ISSUERS[i].high) {
            lengths |= ISSUERS[i].lengths;
        }
    }
    return lengths;
}

/* Digits that are read one after the other, and what they come to so far. */
typedef struct {
    int count;
    int prefix;       /* The first four, as a number */
    uint32_t lengths; /* That cards have which begin like this; known after four digits */
    int sums[2];      /* By Luhn's rule, if the number ends here, or a digit later */
    bool differ;      /* Not all are alike */
} card;

static void add_digit(card *card, int digit, int first)
{
    static const uint8_t DOUBLED[10] = {0, 2, 4, 6, 8, 1, 3, 5, 7, 9};
    int last = card->sums[0];
    card->sums[0] = card->sums[1] + digit;
    card->sums[1] = last + DOUBLED[digit];
    card->differ |= digit != first;
    if (card->count < PREFIX) {
        card->prefix = 10 * card->prefix + digit;
    }
    if (++card->count == PREFIX) {
        card->lengths = card_lengths(card->prefix);
    }
}

static bool is_card(const card *card)
{
    return card->count >= CARD_LEAST && (card->lengths >> card->count & 1) && card->differ &&
           card->sums[0] % 10 == 0;
}

/* The longest card number among the groups of digits from `start` on, which lie within the last run
 * that may hold cards: its end, 0 if there is none. A long group after a full stop is the fraction
 * of a number. */
static int64_t card_end(const text *row, int64_t start)
{
    card card = {0};
    int64_t best = 0, group = start;
    bool is_fraction = false;
    for (int64_t i = start; i < row->cards_end; i++) {
        uint8_t byte = row->bytes[i];
        if (!is_digit(byte)) {
            group = i + 1;
            is_fraction = byte == '.';
            continue;
        }
        if (card.count == CARD_MOST || (is_fraction && i - group == DOTTED_MOST)) {
            return best;
        }
        add_digit(&card, byte - '0', row->bytes[start] - '0');
        if (card.count >= PREFIX && !(card.lengths >> card.count)) {
            return best;
        }
        bool is_last = i + 1 == row->cards_end || !is_digit(row->bytes[i + 1]);
        best = is_last && is_card(&card) ? i + 1 : best;
    }
    return best;
}

/* \d(?:[ .\-]{0,2}\d){11,}, and the cards in it */
static void find_card(text *row, int64_t start, int64_t end)
{
    if (start >= row->cards_end) {
        int64_t stop = end, digits = end - start;
        for (int64_t next; (next = next_digit(row, stop, &CARD_SPACING)) >= 0; digits++) {
            stop = next;
        }
        row->cards_begin = start;
        row->cards_end = stop;
        row->may_hold_cards = digits >= CARD_LEAST;
    }
    bool is_fraction = start > row->cards_begin && at(row, start - 1) == '.';
    if (!row->may_hold_cards || start < row->taken[CARD] || is_fraction) {
        return;
    }
    int64_t stop = card_end(row, start);
    if (stop) {
        row->taken[CARD] = stop;
        report_bounded(row, CARD, start, stop, &NOTHING);
    }
}

/* The groups of so many digits, with at most one character of `between` after each but the last;
 * where they end, -1 if they are not there. */
static int64_t groups_end(const text *row, int64_t i, const char *sizes, const byte_set *between)
{
    for (const char *size = sizes; *size; size++) {
        i += size > sizes && is_in(between, at(row, i));
        int64_t end = digits_end_within(row, i, *size - '0');
        if (end - i < *size - '0') {
            return -1;
        }
        i = end;
    }
    return i;
}

/* card|visa|mastercard|amex|maestro|\bpan\b|\bccn?\b|kreditkarte|tarjeta|carte, right before i */
static bool has_card_label(const text *row, int64_t i)
{
    static const word LABELS[] = {
        WORD("card"), WORD("visa"),    WORD("amex"), WORD("maestro"), WORD("kreditkarte"),
        WORD("tarjeta"), WORD("carte"),
    };
    static const word WORDS[] = {WORD("pan"), WORD("cc"), WORD("ccn")};
    for (size_t nth = 0; nth < COUNT(LABELS); nth++) {
        if (ends_with_any_case(row, i, LABELS[nth])) {
            return true;
        }
    }
    for (size_t nth = 0; !is_word(at(row, i)) && nth < COUNT(WORDS); nth++) {
        if (ends_with_any_case(row, i, WORDS[nth]) &&
            !is_word(at(row, i - 1 - WORDS[nth].size))) {
            return true;
        }
    }
    return false;
}

/* \bssn\b|\bss ?#|\bsocial[ _-]?security|\bsoc\.? ?sec, right before i */
static bool has_ssn_label(const text *row, int64_t i)
{
    if (ends_with_any_case(row, i, AS_WORD("ssn"))) {
        return !is_word(at(row, i)) && !is_word(at(row, i - 4));
    }
    int64_t start = -1;
    if (at(row, i - 1) == '#') {
        i -= 1 + (at(row, i - 2) == ' ');
        start = ends_with_any_case(row, i, AS_WORD("ss")) ? i - 2 : -1;
    } else if (ends_with_any_case(row, i, AS_WORD("security"))) {
        uint8_t between = at(row, i - 9);
        i -= 8 + (between == ' ' || between == '_' || between == '-');
        start = ends_with_any_case(row, i, AS_WORD("social")) ? i - 6 : -1;
    } else if (ends_with_any_case(row, i, AS_WORD("sec"))) {
        i -= 3 + (at(row, i - 4) == ' ');
        i -= at(row, i - 1) == '.';
        start = ends_with_any_case(row, i, AS_WORD("soc")) ? i - 3 : -1;
    }
    return start >= 0 && !is_word(at(row, start - 1));
}

/* label[^0-9\n\xff]{0,most}, right before i */
static bool has_near(const text *row, int64_t i, int most, bool (*has_label)(const text *, int64_t))
{
    for (int gap = 0;; gap++) {
        if (has_label(row, i - gap)) {
            return true;
        }
        uint8_t byte = at(row, i - gap - 1);
        if (gap == most || is_digit(byte) || byte == '\n' || byte == OUTSIDE) {
            return false;
        }
    }
}

/* ---- US social security numbers ---- */

/* Three, two and four digits with one and the same separator; not 000, 666, 00 or 0000. */
static bool is_ssn(const text *row, int64_t start, uint8_t separator)
{
    if (at(row, start + 6) != separator || groups_end(row, start + 4, "2", &NOTHING) < 0 ||
        groups_end(row, start + 7, "4", &NOTHING) < 0 || is_digit(at(row, start + 11))) {
        return false;
    }
    return !begins_with(row, start, AS_WORD("000")) && !begins_with(row, start, AS_WORD("666")) &&
           !begins_with(row, start + 4, AS_WORD("00")) && !begins_with(row, start + 7, AS_WORD("0000"));
}

static void find_ssn(text *row, int64_t start, int64_t end)
{
    uint8_t separator = at(row, end);
    if (end - start != 3 || !is_in(&CARD_SPACING, separator) || !is_ssn(row, start, separator)) {
        return;
    }
    int64_t stop = start + 11;
    if (separator == ' ') {
        report_bounded(row, SSN_SPACED, start, stop, &NOTHING);
        return;
    }
    /* More groups with the same separator make it something else. */
    bool has_more = (at(row, start - 1) == separator && is_digit(at(row, start - 2))) ||
                    (at(row, stop) == separator && is_digit(at(row, stop + 1)));
    if (!has_more) {
        report_bounded(row, separator == '-' ? SSN_DASHED : SSN_DOTTED, start, stop, &NOTHING);
    }
}

/* Called where a group of digits begins, with its end. */
void find_card_or_ssn(text *row, int64_t start, int64_t end)
{
    static const byte_set CARD_BETWEEN = {{BIT(' ') | BIT('-'), 0}};
    find_ssn(row, start, end);
    bool is_first = start >= row->cards_end;
    find_card(row, start, end);
    if (!is_first) {
        return; /* A label has no digits, and so stands before the first group only. */
    }
    int64_t stop = groups_end(row, start, "324", &CARD_SPACING);
    if (stop >= 0 && has_near(row, start, 24, has_ssn_label)) {
        report_bounded(row, SSN_LABELLED, start, stop, &NOTHING);
    }
    stop = groups_end(row, start, "4444", &CARD_BETWEEN);
    if (stop < 0 && at(row, start) == '3') {
        stop = groups_end(row, start, "465", &CARD_BETWEEN);
    }
    if (stop >= 0 && has_near(row, start, 20, has_card_label)) {
        report_bounded(row, CARD_LABELLED, start, stop, &NOTHING);
    }
}

/* ---- International bank account numbers ---- */

enum { IBAN_MOST = 33 };

/* Characters of an IBAN by country, as the SWIFT registry has them; 0 for no country. */
#define PAIR(first, second) [((first) - 'A') * 26 + (second) - 'A']
static const uint8_t COUNTRIES[26 * 26] = {
    PAIR('A', 'D') = 24, PAIR('A', 'E') = 23, PAIR('A', 'L') = 28, PAIR('A', 'T') = 20,
    PAIR('A', 'Z') = 28, PAIR('B', 'A') = 20, PAIR('B', 'E') = 16, PAIR('B', 'G') = 22,
    PAIR('B', 'H') = 22, PAIR('B', 'I') = 27, PAIR('B', 'R') = 29, PAIR('B', 'Y') = 28,
    PAIR('C', 'H') = 21, PAIR('C', 'R') = 22, PAIR('C', 'Y') = 28, PAIR('C', 'Z') = 24,
    PAIR('D', 'E') = 22, PAIR('D', 'J') = 27, PAIR('D', 'K') = 18, PAIR('D', 'O') = 28,
    PAIR('E', 'E') = 20, PAIR('E', 'G') = 29, PAIR('E', 'S') = 24, PAIR('F', 'I') = 18,
    PAIR('F', 'K') = 18, PAIR('F', 'O') = 18, PAIR('F', 'R') = 27, PAIR('G', 'B') = 22,
    PAIR('G', 'E') = 22, PAIR('G', 'I') = 23, PAIR('G', 'L') = 18, PAIR('G', 'R') = 27,
    PAIR('G', 'T') = 28, PAIR('H', 'N') = 28, PAIR('H', 'R') = 21, PAIR('H', 'U') = 28,
    PAIR('I', 'E') = 22, PAIR('I', 'L') = 23, PAIR('I', 'Q') = 23, PAIR('I', 'S') = 26,
    PAIR('I', 'T') = 27, PAIR('J', 'O') = 30, PAIR('K', 'W') = 30, PAIR('K', 'Z') = 20,
    PAIR('L', 'B') = 28, PAIR('L', 'C') = 32, PAIR('L', 'I') = 21, PAIR('L', 'T') = 20,
    PAIR('L', 'U') = 20, PAIR('L', 'V') = 21, PAIR('L', 'Y') = 25, PAIR('M', 'C') = 27,
    PAIR('M', 'D') = 24, PAIR('M', 'E') = 22, PAIR('M', 'K') = 19, PAIR('M', 'N') = 20,
    PAIR('M', 'R') = 27, PAIR('M', 'T') = 31, PAIR('M', 'U') = 30, PAIR('N', 'I') = 28,
    PAIR('N', 'L') = 18, PAIR('N', 'O') = 15, PAIR('O', 'M') = 23, PAIR('P', 'K') = 24,
    PAIR('P', 'L') = 28, PAIR('P', 'S') = 29, PAIR('P', 'T') = 25, PAIR('Q', 'A') = 29,
    PAIR('R', 'O') = 24, PAIR('R', 'S') = 22, PAIR('R', 'U') = 33, PAIR('S', 'A') = 24,
    PAIR('S', 'C') = 31, PAIR('S', 'D') = 18, PAIR('S', 'E') = 24, PAIR('S', 'I') = 19,
    PAIR('S', 'K') = 24, PAIR('S', 'M') = 27, PAIR('S', 'O') = 23, PAIR('S', 'T') = 25,
    PAIR('S', 'V') = 28, PAIR('T', 'L') = 23, PAIR('T', 'N') = 24, PAIR('T', 'R') = 26,
    PAIR('U', 'A') = 29, PAIR('V', 'A') = 22, PAIR('V', 'G') = 24, PAIR('X', 'K') = 20,
    PAIR('Y', 'E') = 30,
};

/* Whether letters, from 10 for A, and digits leave 1 when divided by 97: ISO 13616. */
static bool has_iban_check(const uint8_t *characters, int length)
{
    uint64_t rest = 0;
    for (int i = 0; i < length; i++) {
        uint8_t byte = characters[i + 4 < length ? i + 4 : i + 4 - length];
        rest = is_digit(byte) ? 10 * rest + byte - '0' : 100 * rest + (byte & 0xDF) - 'A' + 10;
        rest = rest < UINT64_C(1000000000000000) ? rest : rest % 97;
    }
    return rest % 97 == 1;
}

/* An IBAN of a known country, from two letters on, with at most one space or hyphen inside a pair. */
static void find_checked_iban(text *row, int64_t start)
{
    uint8_t characters[IBAN_MOST];
    int first = lower(at(row, start)) - 'a', second = lower(at(row, start + 1)) - 'a';
    int length = COUNTRIES[first * 26 + second], count = 0;
    if (length == 0 || start < row->taken[IBAN] || is_word(at(row, start - 1))) {
        return;
    }
    int64_t end = start;
    while (is_alnum(at(row, end))) {
        characters[count++] = at(row, end++);
        if (count == length) {
            if (has_iban_check(characters, length)) {
                row->taken[IBAN] = end;
                report_bounded(row, IBAN, start, end, &NOTHING);
            }
            return;
        }
        end += at(row, end) == ' ' || at(row, end) == '-';
    }
}

/* (?:[ \-]?[A-Z0-9]{3,4}){3,8} at i: where it ends, -1 if it does not match. The first way that
 * works is taken: most groups, of four before three. */
static int64_t blocks_end(const text *row, int64_t i, int done)
{
    uint8_t sign = at(row, i);
    int64_t start = i + (sign == ' ' || sign == '-');
    int64_t size = 0;
    while (size < 4 && (is_digit(at(row, start + size)) || is_upper(at(row, start + size)))) {
        size++;
    }
    for (; done < 8 && size >= 3; size--) {
        int64_t end = blocks_end(row, start + size, done + 1);
        if (end >= 0) {
            return end;
        }
    }
    return done >= 3 ? i : -1;
}

/* (?:[ \-]?[A-Z0-9]?\d\b)? at i: where it ends. */
static int64_t rest_end(const text *row, int64_t i)
{
    uint8_t sign = at(row, i);
    int64_t start = i + (sign == ' ' || sign == '-'), end = start;
    while (end - start < 2 && (is_digit(at(row, end)) || is_upper(at(row, end)))) {
        end++;
    }
    return end > start && is_digit(at(row, end - 1)) && !is_word(at(row, end)) ? end : i;
}

/* \biban\b[^A-Za-z0-9\n\xff]{0,5}, right before i */
static bool has_iban_label(const text *row, int64_t i)
{
    for (int gap = 0; gap < 5; gap++, i--) {
        uint8_t byte = at(row, i - 1);
        if (is_alnum(byte) || byte == '\n' || byte == OUTSIDE) {
            break;
        }
    }
    return ends_with_any_case(row, i, AS_WORD("iban")) && !is_word(at(row, i)) && !is_word(at(row, i - 5)) &&
           i - 4 >= row->taken[IBAN_LABELLED];
}

/* Called where a group of digits begins. */
void find_iban(text *row, int64_t digit)
{
    uint8_t before = at(row, digit - 1);
    int64_t start = digit - 2 - (before == ' ' || before == '-');
    if (!is_letter(at(row, start)) || !is_letter(at(row, start + 1))) {
        return;
    }
    uint8_t next = at(row, digit + 1);
    if (is_digit(next) || ((next == ' ' || next == '-') && is_digit(at(row, digit + 2)))) {
        find_checked_iban(row, start);
    }
    if (start == digit - 2 && is_upper(before) && is_upper(at(row, start)) && is_digit(next) &&
        has_iban_label(row, start)) {
        int64_t end = blocks_end(row, digit + 2, 0);
        if (end >= 0) {
            end = rest_end(row, end);
            row->taken[IBAN_LABELLED] = end;
            report_bounded(row, IBAN_LABELLED, start, end, &NOTHING);
        }
    }
}
