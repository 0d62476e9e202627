/* How to reach a person: e-mail addresses, telephone numbers, web addresses. */
#include "scan.h"

/* ---- E-mail addresses ---- */

static const byte_set LOCAL = {
    {DIGITS | BIT('.') | BIT('%') | BIT('+') | BIT('\'') | BIT('!') | BIT('#') | BIT('$') |
         BIT('*') | BIT('-'),
     LETTERS | BIT('_') | BIT('^') | BIT('~') | BIT('{') | BIT('}') | BIT('|')},
};

/* [A-Za-z0-9\x80-\xf4] */
static bool is_label(uint8_t byte)
{
    return is_alnum(byte) || is_beyond(byte);
}

/* The end of (?:[W](?:[W-]*[W])?\.)+[A-Za-z\x80-\xf4][W-]*[W] at i, with W for is_label; -1 if
 * none. Of all the ways to split it into labels, the one with the most is taken. The bits of all
 * bytes that are looked at come out, too. */
static int64_t domain_end(const text *row, int64_t i, uint8_t *seen)
{
    int64_t best = -1;
    for (bool is_first = true;; is_first = false) {
        int64_t start = i, last = -1;
        for (; is_label(at(row, i)) || at(row, i) == '-'; i++) {
            last = at(row, i) == '-' ? last : i;
            *seen |= at(row, i);
        }
        if (!is_label(at(row, start))) {
            return best;
        }
        if (!is_first && last > start && !is_digit(at(row, start))) {
            best = last + 1;
        }
        if (at(row, i) != '.' || last != i - 1) {
            return best;
        }
        i++;
    }
}

/* What other scripts use as punctuation: bytes alone do not tell it from letters. */
static bool is_of_address(const text *row, int32_t point)
{
    return point < 0x80 || row->characters[point] == IS_ALNUM;
}

/* Leave out at both ends what is beyond ASCII and no letter or digit. */
static void report_address(text *row, int64_t first, int64_t sign, int64_t end)
{
    int64_t start = sign, stop = sign + 1;
    bool has_dot = false;
    int size;
    for (; start > first; start -= size) {
        if (!is_of_address(row, character_before(row, start, &size))) {
            break;
        }
    }
    for (; stop < end && is_of_address(row, character_at(row, stop, &size)); stop += size) {
        has_dot |= at(row, stop) == '.';
    }
    if (start < sign && has_dot) {
        report(row, EMAIL, start, stop);
    }
}

void find_email(text *row, int64_t sign)
{
    int64_t start = sign, first = -1;
    uint8_t last = at(row, sign - 1), seen = 0;
    while (start > row->taken[EMAIL]) {
        uint8_t byte = at(row, start - 1);
        if (!is_in(&LOCAL, byte) && !is_beyond(byte)) {
            break;
        }
        start--;
        seen |= byte;
        first = is_label(byte) || byte == '_' ? start : first;
    }
    if (first < 0 || !(is_label(last) || last == '_' || last == '+' || last == '-')) {
        return;
    }
    int64_t end = domain_end(row, sign + 1, &seen);
    if (end < 0) {
        return;
    }
    row->taken[EMAIL] = end;
    if (seen < 0x80) {
        report(row, EMAIL, first, end);
    } else {
        report_address(row, first, sign, end);
    }
}

/* ---- Web addresses ---- */

/* [^\s<>"'`\x00-\x20\xff] */
static bool is_of_url(uint8_t byte)
{
    static const byte_set QUOTES = {{BIT('<') | BIT('>') | BIT('"') | BIT('\''), BIT('`')}};
    return byte > ' ' && byte != OUTSIDE && !is_in(&QUOTES, byte);
}

/* Which pair of brackets a closing bracket belongs to, or an opening one; -1 for other bytes. */
static int bracket(uint8_t byte, const char *kind)
{
    const char *found = byte ? strchr(kind, byte) : NULL;
    return found ? (int)(found - kind) : -1;
}

/* Report an address, without what ends the sentence rather than the address. */
static void report_url(text *row, int64_t start, int64_t rest, int64_t end)
{
    static const byte_set ENDINGS = {
        {BIT('.') | BIT(',') | BIT(';') | BIT(':') | BIT('!') | BIT('?') | BIT('*'), 0},
    };
    int64_t surplus[3] = {0};
    row->taken[URL] = end;
    for (int64_t i = start; i < end; i++) {
        int closing = bracket(at(row, i), ")]}"), opening = bracket(at(row, i), "([{");
        if (closing >= 0) {
            surplus[closing]++;
        }
        if (opening >= 0) {
            surplus[opening]--;
        }
    }
    for (; end > rest; end--) {
        int closing = bracket(at(row, end - 1), ")]}");
        if (closing >= 0 && surplus[closing] > 0) {
            surplus[closing]--;
        } else if (!is_in(&ENDINGS, at(row, end - 1))) {
            break;
        }
    }
    if (end > rest && at(row, rest) != '/') {
        report(row, URL, start, end);
    }
}

/* \b(?:https?|ftps?)://, any case */
void find_url(text *row, int64_t colon)
{
    static const word SCHEMES[] = {WORD("http"), WORD("https"), WORD("ftp"), WORD("ftps")};
    if (at(row, colon + 1) != '/' || at(row, colon + 2) != '/' || !is_of_url(at(row, colon + 3))) {
        return;
    }
    for (size_t i = 0; i < COUNT(SCHEMES); i++) {
        int64_t start = colon - SCHEMES[i].size;
        if (start >= row->taken[URL] && ends_with_any_case(row, colon, SCHEMES[i]) &&
            !is_word(at(row, start - 1))) {
            int64_t end = colon + 3;
            while (is_of_url(at(row, end))) {
                end++;
            }
            report_url(row, start, colon + 3, end);
            return;
        }
    }
}

/* \bwww\d?\.[a-z0-9\x80-\xf4-]+\.[^\s<>"'`\x00-\x20\xff]+, any case */
void find_url_without_scheme(text *row, int64_t start)
{
    if (start < row->taken[URL] || is_word(at(row, start - 1)) ||
        !ends_with_any_case(row, start + 3, AS_WORD("www"))) {
        return;
    }
    int64_t dot = start + 3 + is_digit(at(row, start + 3));
    if (at(row, dot) != '.') {
        return;
    }
    int64_t end = dot + 1;
    while (is_label(at(row, end)) || at(row, end) == '-') {
        end++;
    }
    if (end == dot + 1 || at(row, end) != '.' || !is_of_url(at(row, end + 1))) {
        return;
    }
    while (is_of_url(at(row, end))) {
        end++;
    }
    report_url(row, start, dot + 1, end);
}

/* ---- Telephone numbers ---- */

static const byte_set SPACING = {{BIT(' ') | BIT('.') | BIT('-') | BIT('/'), 0}};
static const byte_set LOOSE_SPACING = {
    {BIT(' ') | BIT('.') | BIT('-') | BIT('/') | BIT('(') | BIT(')'), 0},
};

/* What may not stand right before a number. */
static const byte_set DOT = {{BIT('.'), 0}};
static const byte_set MARKS = {{BIT('.') | BIT('-') | BIT('/'), 0}};

enum {
    LABELLED_DIGITS_LEAST = 6,
    DIGITS_LEAST = 7,
    FOREIGN_DIGITS_LEAST = 10, /* With 00 in place of a plus, and with the number of a country */
    DIGITS_MOST = 15
};

static int64_t skip_spacing(const text *row, int64_t i, bool may_have_slash)
{
    for (int skipped = 0; skipped < 2; skipped++) {
        uint8_t byte = at(row, i);
        if (!is_in(&SPACING, byte) || (byte == '/' && !may_have_slash)) {
            break;
        }
        i++;
    }
    return i;
}

/* (?:[ ,]{0,2}(?:x|ext\.?|extension)[ .:]?\d{1,6})? */
static int64_t extension_end(const text *row, int64_t i)
{
    static const word WORDS[] = {WORD("x"), WORD("ext."), WORD("ext"), WORD("extension")};
    int64_t word = i;
    while (word - i < 2 && (at(row, word) == ' ' || at(row, word) == ',')) {
        word++;
    }
    if (at(row, word) != 'x' && at(row, word) != 'e') {
        return i;
    }
    for (size_t nth = 0; nth < COUNT(WORDS); nth++) {
        if (!begins_with(row, word, WORDS[nth])) {
            continue;
        }
        int64_t number = word + WORDS[nth].size;
        uint8_t sign = at(row, number);
        number += sign == ' ' || sign == '.' || sign == ':';
        if (is_digit(at(row, number))) {
            return digits_end_within(row, number, 6);
        }
    }
    return i;
}

/* Whether a number that begins with 0 is the middle of another one: \d[ ] stands before it. */
static bool is_middle(const text *row, int rule, int64_t start)
{
    return (rule == PHONE_NATIONAL || rule == PHONE_INTERNATIONAL) && at(row, start) == '0' &&
           at(row, start - 1) == ' ' && is_digit(at(row, start - 2)) && start - 2 >= row->taken[rule];
}

/* Report a number with its extension, if it has as many digits as telephone numbers have. */
static void report_phone(text *row, int rule, int64_t start, int64_t end, const byte_set *not_after)
{
    bool is_labelled = rule == PHONE_LABELLED || rule == PHONE_BEFORE_WORD;
    bool is_whole = !is_middle(row, rule, start);
    int digits = 0;
    for (int64_t i = start; i < end; i++) {
        digits += is_digit(at(row, i));
    }
    if (rule != PHONE_BEFORE_WORD && rule != PHONE_NATIONAL) {
        end = extension_end(row, end);
    }
    row->taken[rule] = end;
    bool is_foreign = rule == PHONE_INTERNATIONAL && at(row, start) == '0';
    int least = is_labelled  ? LABELLED_DIGITS_LEAST
                : is_foreign ? FOREIGN_DIGITS_LEAST
                             : DIGITS_LEAST;
    if (is_whole && digits >= least && digits <= DIGITS_MOST) {
        report_bounded(row, rule, start, end, not_after);
    }
}

/* The digits in parentheses that begin at i: past the second; -1 if they are not there. */
static int64_t enclosed_end(const text *row, int64_t i, int64_t least, int64_t most)
{
    if (at(row, i) != '(') {
        return -1;
    }
    int64_t end = digits_end_within(row, i + 1, most);
    return end - i - 1 >= least && at(row, end) == ')' ? end + 1 : -1;
}

/* [ .\-/]{0,2}\d|[ ]?\(\d{1,4}\)[ ]?\d */
static int64_t international_step(const text *row, int64_t i)
{
    int64_t end = next_digit(row, i, &SPACING);
    if (end < 0) {
        end = enclosed_end(row, i + (at(row, i) == ' '), 1, 4);
        if (end >= 0) {
            end += at(row, end) == ' ';
            end = is_digit(at(row, end)) ? end + 1 : -1;
        }
    }
    return end;
}

/* [1-9]\d{0,2}[ .\-/]{0,2}(?:\(\d{1,5}\)[ .\-/]{0,2})?\d(?:step){4,13} after + or 00 */
static void find_international(text *row, int64_t start, int64_t country)
{
    if (start < row->taken[PHONE_INTERNATIONAL] || !is_digit(at(row, country)) ||
        at(row, country) == '0') {
        return;
    }
    for (int64_t code = digits_end_within(row, country + 1, 2); code > country; code--) {
        int64_t end = skip_spacing(row, code, true), area = enclosed_end(row, end, 1, 5);
        if (area >= 0) {
            end = skip_spacing(row, area, true);
        }
        if (!is_digit(at(row, end))) {
            continue;
        }
        end++;
        int steps = 0;
        for (int64_t next; steps < 13 && (next = international_step(row, end)) >= 0; steps++) {
            end = next;
        }
        if (steps >= 4) {
            report_phone(row, PHONE_INTERNATIONAL, start, end, &DOT);
            return;
        }
    }
}

/* (?:\([2-9]\d\d\)[ .\-]{0,2}|\b[2-9]\d\d[ .\-/])\d{3}[ .\-]\d{4} at `area` */
static void find_american(text *row, int64_t start, int64_t area)
{
    bool is_enclosed = at(row, area) == '(';
    int64_t digits = area + is_enclosed, end = digits + 3;
    if (start < row->taken[PHONE_AMERICAN] || at(row, digits) < '2' || at(row, digits) > '9' ||
        digits_end_within(row, digits, 3) != end) {
        return;
    }
    if (is_enclosed) {
        if (at(row, end) != ')') {
            return;
        }
        end = skip_spacing(row, end + 1, false);
    } else if (is_word(at(row, area - 1)) || !is_in(&SPACING, at(row, end))) {
        return;
    } else {
        end++;
    }
    uint8_t sign = at(row, end + 3);
    if (digits_end_within(row, end, 3) == end + 3 && sign != '/' && is_in(&SPACING, sign) &&
        digits_end_within(row, end + 4, 4) == end + 8) {
        report_phone(row, PHONE_AMERICAN, start, end + 8, &DOT);
    }
}

void find_phone_at_plus(text *row, int64_t plus)
{
    find_international(row, plus, plus + 1);
    if (at(row, plus + 1) == '1') {
        find_american(row, plus, skip_spacing(row, plus + 2, true));
    }
}

/* \(\d{2,5}\)[ \-/.]{0,2}\d(?:[ \-/.]?\d){4,9} */
void find_phone_at_parenthesis(text *row, int64_t sign)
{
    find_american(row, sign, sign);
    int64_t end = enclosed_end(row, sign, 2, 5);
    if (end < 0) {
        return;
    }
    end = skip_spacing(row, end, true);
    if (!is_digit(at(row, end))) {
        return;
    }
    end++;
    int steps = 0;
    for (; steps < 9; steps++) {
        int64_t next = end + is_in(&SPACING, at(row, end));
        if (!is_digit(at(row, next))) {
            break;
        }
        end = next + 1;
    }
    if (steps >= 4) {
        report_phone(row, PHONE_WITH_AREA, sign, end, &NOTHING);
    }
}

/* Whether what people call a telephone, or a call, ends right before i. */
static bool has_label(const text *row, int64_t i)
{
    static const word LABELS[] = {
        WORD("phone"), WORD("phones"), WORD("telephone"), WORD("tel"), WORD("mobile"), WORD("cell"),
        WORD("cellphone"), WORD("fax"), WORD("call"), WORD("contact"), WORD("reach"), WORD("dial"),
        WORD("ring"), WORD("answering"), WORD("hotline"), WORD("landline"), WORD("whatsapp"),
        WORD("sms"), WORD("telefon"), WORD("handy"), WORD("mobil"), WORD("telefoon"),
    };
    uint8_t last = lower(at(row, i - 1));
    for (size_t nth = 0; nth < COUNT(LABELS); nth++) {
        int64_t size = LABELS[nth].size;
        if (last == (uint8_t)LABELS[nth].letters[size - 1] && ends_with_any_case(row, i, LABELS[nth]) &&
            !is_word(at(row, i - size - 1))) {
            return true;
        }
    }
    return false;
}

/* Past [e\x80-\xf4]{1,3}, backwards, if `before` stands there; -1 if it does not. */
static int64_t before_accent(const text *row, int64_t i, word before)
{
    for (int left = 3; left > 0; left--) {
        uint8_t byte = lower(at(row, i - 1));
        if (byte != 'e' && !is_beyond(byte)) {
            return -1;
        }
        i--;
        if (ends_with_any_case(row, i, before)) {
            return i - before.size;
        }
    }
    return -1;
}

/* \b(?:t[e\x80-\xf4]{1,3}l[e\x80-\xf4]{1,3}phone|tel[e\x80-\xf4]{1,3}fono), any case */
static bool has_accented_label(const text *row, int64_t i)
{
    int64_t start = -1;
    if (ends_with_any_case(row, i, AS_WORD("phone"))) {
        start = before_accent(row, i - 5, AS_WORD("l"));
        start = start < 0 ? -1 : before_accent(row, start, AS_WORD("t"));
    } else if (ends_with_any_case(row, i, AS_WORD("fono"))) {
        start = before_accent(row, i - 4, AS_WORD("tel"));
    }
    return start >= 0 && !is_word(at(row, start - 1));
}

/* label(?:[ ]?(?:number|no|...)){0,3}, right before i */
static bool has_label_and_words(const text *row, int64_t i, int words)
{
    static const word WORDS[] = {
        WORD("number"), WORD("no"), WORD("nr"), WORD("num"), WORD("me at"), WORD("us at"),
        WORD("me on"), WORD("is"), WORD("at"), WORD("on"), WORD(":"), WORD("#"), WORD("="),
        WORD("."),
    };
    if (has_label(row, i) || has_accented_label(row, i)) {
        return true;
    }
    for (size_t nth = 0; words > 0 && nth < COUNT(WORDS); nth++) {
        if (ends_with(row, i, WORDS[nth])) {
            int64_t start = i - WORDS[nth].size;
            if (has_label_and_words(row, start, words - 1) ||
                (at(row, start - 1) == ' ' && has_label_and_words(row, start - 1, words - 1))) {
                return true;
            }
        }
    }
    return false;
}

/* label...['" ]{0,3}([+(]?\d(?:[ .\-/()]{0,2}\d){5,14}extension) */
static void find_labelled(text *row, int64_t digit)
{
    uint8_t sign = at(row, digit - 1);
    int64_t start = digit - (sign == '+' || sign == '(');
    bool is_labelled = has_label_and_words(row, start, 3);
    for (int64_t i = start; !is_labelled && start - i < 3; ) {
        uint8_t byte = at(row, i - 1);
        if (byte != ' ' && byte != '"' && byte != '\'') {
            break;
        }
        is_labelled = has_label_and_words(row, --i, 3);
    }
    int64_t end = digit + 1;
    for (int digits = 1; is_labelled; digits++) {
        int64_t next = digits < DIGITS_MOST ? next_digit(row, end, &LOOSE_SPACING) : -1;
        if (next < 0) {
            report_phone(row, PHONE_LABELLED, start, end, &NOTHING);
            return;
        }
        end = next;
    }
}

/* ([+(]?\d(?:[ .\-/()]{0,2}\d){5,14})[ ,\-]{1,3}(?i:office|...)\b, of which `end` is known: the
 * last digit of a run. It begins as far left as it can. */
static void find_before_word(text *row, int64_t begin, int64_t end)
{
    static const word WORDS[] = {
        WORD("office"), WORD("mobile"), WORD("cell"), WORD("fax"), WORD("home"), WORD("work"),
        WORD("phone"), WORD("direct"),
    };
    int64_t word = end;
    for (; word - end < 3; word++) {
        uint8_t byte = at(row, word);
        if (byte != ' ' && byte != ',' && byte != '-') {
            break;
        }
    }
    if (word == end || !is_letter(at(row, word))) {
        return;
    }
    for (size_t nth = 0; nth < COUNT(WORDS); nth++) {
        int64_t after = word + WORDS[nth].size;
        if (!ends_with_any_case(row, after, WORDS[nth]) || is_word(at(row, after))) {
            continue;
        }
        int64_t start = end;
        for (int64_t i = end, digits = 0; i > begin && digits < DIGITS_MOST; i--) {
            if (is_digit(at(row, i - 1))) {
                digits++;
                start = i - 1;
            }
        }
        uint8_t sign = at(row, start - 1);
        start -= sign == '+' || sign == '(';
        report_phone(row, PHONE_BEFORE_WORD, start, end, &NOTHING);
        return;
    }
}

/* 0?\d[ \-/.][0-3]?\d[ \-/.](?:19|20)?\d\d, all of a national number that begins with 0 */
static bool is_date(const text *row, int64_t start, int64_t end)
{
    int64_t day_end = digits_end_within(row, start, 3), month = day_end + 1;
    int64_t month_end = digits_end_within(row, month, 3), year = month_end + 1, size = end - year;
    bool is_short = size == 2, is_long = size == 4 && (begins_with(row, year, AS_WORD("19")) ||
                                                       begins_with(row, year, AS_WORD("20")));
    return day_end - start <= 2 && month_end > month && month_end - month <= 2 &&
           (month_end - month == 1 || at(row, month) <= '3') && is_in(&SPACING, at(row, day_end)) &&
           is_in(&SPACING, at(row, month_end)) && (is_short || is_long) &&
           digits_end_within(row, year, 5) >= end;
}

/* \d{3}[ \-/]\d\d[ \-.]\d{4}, all of a national number */
static bool is_like_ssn(const text *row, int64_t start, int64_t end)
{
    return end - start == 11 && digits_end(row, start) == start + 3 && !is_digit(at(row, start + 6));
}

/* 0[1-9]\d{0,3}[ \-/](?:\d{5,9}|\d{2,4}(?:[ \-.]\d{2,4}){1,3}) */
static void find_national(text *row, int64_t start, int64_t end)
{
    uint8_t sign = at(row, end);
    if (start < row->taken[PHONE_NATIONAL] || at(row, start + 1) == '0' || end - start < 2 ||
        end - start > 5 || sign == '.' || !is_in(&SPACING, sign)) {
        return;
    }
    int64_t begin = end + 1, stop = digits_end_within(row, begin, 9);
    if (stop - begin < 2) {
        return;
    }
    if (stop - begin < 5) {
        int64_t area = stop;
        for (int groups = 0; groups < 3; groups++) {
            sign = at(row, stop);
            int64_t next = digits_end_within(row, stop + 1, 4);
            if (sign == '/' || !is_in(&SPACING, sign) || next - stop - 1 < 2) {
                break;
            }
            stop = next;
        }
        if (stop == area) {
            return;
        }
    }
    if (is_date(row, start, stop) || is_like_ssn(row, start, stop)) {
        row->taken[PHONE_NATIONAL] = stop;
    } else {
        report_phone(row, PHONE_NATIONAL, start, stop, &MARKS);
    }
}

/* Called where a group of digits begins, with its end. */
void find_phone_at_digits(text *row, int64_t start, int64_t end)
{
    uint8_t first = at(row, start);
    bool is_start = !is_word(at(row, start - 1));
    if (is_start && first == '0' && at(row, start + 1) == '0') {
        find_international(row, start, start + 2);
    }
    if (is_start && first == '1') {
        find_american(row, start, skip_spacing(row, start + 1, true));
    }
    if (start >= row->numbers_end) {
        /* The first group of a run: a label can only stand before this one, a word after the run. */
        int64_t digits = end - start, stop = end;
        for (int64_t next; (next = next_digit(row, stop, &LOOSE_SPACING)) >= 0; digits++) {
            stop = next;
        }
        row->numbers_digits = digits;
        row->numbers_end = stop;
        if (digits >= LABELLED_DIGITS_LEAST) {
            find_labelled(row, start);
            find_before_word(row, start, stop);
        }
    }
    if (is_start && row->numbers_digits >= DIGITS_LEAST) {
        if (first == '0') {
            find_national(row, start, end);
        }
        find_american(row, start, start);
    }
}
