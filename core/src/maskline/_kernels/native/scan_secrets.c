/* Credentials that have a shape of their own: web tokens, and the keys of three clouds. */
#include "scan.h"

enum { CHUNK = 16, AWS_SECRET = 40, AZURE_SHORT = 43, AZURE_LONG = 86 };

static const byte_set NAME = {{DIGITS | BIT('-'), LETTERS | BIT('_')}};     /* [A-Za-z0-9_-] */
static const byte_set SECRET = {{DIGITS | BIT('+') | BIT('/'), LETTERS}};   /* [A-Za-z0-9/+] */

static int64_t set_end(const text *row, int64_t i, const byte_set *set, int64_t most)
{
    int64_t end = i;
    while (end - i < most && is_in(set, at(row, end))) {
        end++;
    }
    return end;
}

/* ---- JSON web tokens ---- */

/* Six bits of base64, with the alphabet for URLs (RFC 4648, section 5). */
static uint32_t sextet(uint8_t byte)
{
    if (is_digit(byte)) {
        return byte - '0' + 52u;
    }
    if (is_letter(byte)) {
        return is_upper(byte) ? byte - 'A' + 0u : byte - 'a' + 26u;
    }
    return byte == '-' ? 62 : 63;
}

/* What is left of a header to decode. */
typedef struct {
    const text *row;
    int64_t next;
    int64_t end;
    uint32_t bits;
    int held;
} decoder;

static uint8_t decoded(decoder *from)
{
    while (from->held < 8) {
        if (from->next == from->end) {
            return 0;
        }
        from->bits = from->bits << 6 | sextet(at(from->row, from->next++));
        from->held += 6;
    }
    from->held -= 8;
    return (uint8_t)(from->bits >> from->held);
}

/* Whether a header decodes to {...} that names an algorithm: "alg": or "enc":, see checks.py */
static bool is_jwt_header(const text *row, int64_t start, int64_t end)
{
    if ((end - start) % 4 == 1) {
        return false;
    }
    decoder from = {.row = row, .next = start, .end = end};
    bool names_one = false;
    uint8_t last = 0;
    uint64_t window = 0; /* The last bytes */
    int64_t count = (end - start) * 6 / 8;
    for (int64_t i = 0; i < count; i++) {
        uint8_t byte = decoded(&from);
        if (i == 0 && byte != '{') {
            return false;
        }
        if (byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r') {
            continue;
        }
        last = byte;
        window = window << 8 | byte;
        uint64_t six = window & UINT64_C(0xFFFFFFFFFFFF);
        names_one |= six == UINT64_C(0x22616C67223A) || six == UINT64_C(0x22656E63223A);
    }
    return names_one && last == '}';
}

/* eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*){0,3} */
void find_jwt(text *row, int64_t sign)
{
    int64_t start = sign - 2;
    if (start < row->taken[JWT] || start < row->jwt_end || !begins_with(row, start, AS_WORD("eyJ"))) {
        return;
    }
    int64_t header = set_end(row, sign + 1, &NAME, row->end - row->begin);
    int64_t end = set_end(row, header + 1, &NAME, row->end - row->begin);
    if (header == sign + 1 || at(row, header) != '.' || end == header + 1) {
        /* Whatever else begins in this run ends where it does. */
        row->jwt_end = header;
        return;
    }
    for (int parts = 0; parts < 3 && at(row, end) == '.'; parts++) {
        end = set_end(row, end + 1, &NAME, row->end - row->begin);
    }
    row->taken[JWT] = end;
    if (is_jwt_header(row, start, header)) {
        report_bounded(row, JWT, start, end, &NOTHING);
    }
}

/* ---- Keys that begin in a way of their own ---- */

/* [A-Z0-9]{count} at i */
static bool has_capitals(const text *row, int64_t i, int count)
{
    for (int64_t end = i + count; i < end; i++) {
        if (!is_digit(at(row, i)) && !is_upper(at(row, i))) {
            return false;
        }
    }
    return true;
}

static void report_key(text *row, int rule, int64_t start, int64_t end)
{
    row->taken[rule] = end;
    report_bounded(row, rule, start, end, &NOTHING);
}

/* Called at each A and G. */
void find_key(text *row, int64_t start)
{
    static const word AWS[] = {
        WORD("AKIA"), WORD("ASIA"), WORD("ABIA"), WORD("ACCA"), WORD("AGPA"), WORD("AIDA"),
        WORD("AROA"), WORD("ANPA"), WORD("ANVA"), WORD("AIPA"), WORD("A3T"),
    };
    uint8_t next = at(row, start + 1);
    if (!is_upper(next) && next != '3') {
        return;
    }
    for (size_t nth = 0; nth < COUNT(AWS); nth++) {
        if (next == (uint8_t)AWS[nth].letters[1] && start >= row->taken[AWS_ACCESS_KEY] &&
            begins_with(row, start, AWS[nth]) && has_capitals(row, start + 3, 17)) {
            report_key(row, AWS_ACCESS_KEY, start, start + 20);
            return;
        }
    }
    if (start >= row->taken[GCP_API_KEY] && begins_with(row, start, AS_WORD("AIza")) &&
        set_end(row, start + 4, &NAME, 35) == start + 39) {
        report_key(row, GCP_API_KEY, start, start + 39);
    }
    if (start >= row->taken[GCP_OAUTH] && begins_with(row, start, AS_WORD("GOCSPX-")) &&
        set_end(row, start + 7, &NAME, 28) == start + 35) {
        report_key(row, GCP_OAUTH, start, start + 35);
    }
}

/* ya29\.[0-9A-Za-z_-]{20,} */
void find_ya29(text *row, int64_t digit)
{
    int64_t start = digit - 2;
    if (start < row->taken[GCP_OAUTH] || !begins_with(row, start, AS_WORD("ya29."))) {
        return;
    }
    int64_t end = set_end(row, start + 5, &NAME, row->end - row->begin);
    if (end - start >= 25) {
        report_key(row, GCP_OAUTH, start, end);
    }
}

/* [A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.-]{31,34} */
void find_client_secret(text *row, int64_t tilde)
{
    static const byte_set LEFT = {{DIGITS | BIT('.'), LETTERS | BIT('_') | BIT('~')}};
    static const byte_set RIGHT = {{DIGITS | BIT('.') | BIT('-'), LETTERS | BIT('_') | BIT('~')}};
    int64_t start = tilde - 5;
    if (start < row->taken[AZURE_CLIENT_SECRET] || at(row, tilde - 1) != 'Q' ||
        !is_digit(at(row, tilde - 2)) || set_end(row, start, &LEFT, 3) != start + 3) {
        return;
    }
    int64_t end = set_end(row, tilde + 1, &RIGHT, 34);
    if (end - tilde - 1 >= 31) {
        report_key(row, AZURE_CLIENT_SECRET, start, end);
    }
}

/* [?&]sig=([A-Za-z0-9%/+]{43,70}(?:%3D|=)?) */
void find_signature(text *row, int64_t equals)
{
    static const byte_set SIGNATURE = {{DIGITS | BIT('%') | BIT('/') | BIT('+'), LETTERS}};
    if (at(row, equals - 1) != 'g' ||
        !(ends_with(row, equals, AS_WORD("?sig")) || ends_with(row, equals, AS_WORD("&sig")))) {
        return;
    }
    int64_t start = equals + 1, end = set_end(row, start, &SIGNATURE, 70);
    if (end - start < 43) {
        return;
    }
    if (begins_with(row, end, AS_WORD("%3D"))) {
        end += 3;
    } else {
        end += at(row, end) == '=';
    }
    report_bounded(row, AZURE_SIGNATURE, start, end, &NOTHING);
}

/* ---- Keys that a name gives away ---- */

/* Before `signs`, each of which may be missing, backwards. */
static int64_t before_optional(const text *row, int64_t i, const char *signs)
{
    for (; *signs; signs++) {
        i -= at(row, i - 1) == (uint8_t)*signs;
    }
    return i;
}

/* Before a word, backwards; -1 if it is not there. */
static int64_t before_word(const text *row, int64_t i, word word)
{
    return ends_with_any_case(row, i, word) ? i - word.size : -1;
}

/* (?i:aws_?-?secret_?-?(?:access)?_?-?key|secret_?-?access_?-?key|aws_?-?secret|aws_?-?sk
 * |secretaccesskey) right before i, and not before `from` */
static bool has_aws_label(const text *row, int64_t i, int64_t from)
{
    int64_t key = before_word(row, i, AS_WORD("key")), secret = i;
    if (key >= 0) {
        int64_t access = before_word(row, before_optional(row, key, "-_"), AS_WORD("access"));
        if (access >= 0) {
            return before_word(row, before_optional(row, access, "-_"), AS_WORD("secret")) >= from;
        }
        secret = before_optional(row, key, "-_-_");
    }
    int64_t start = before_word(row, secret, AS_WORD("secret"));
    if (start < 0 && key < 0) {
        start = before_word(row, i, AS_WORD("sk"));
    }
    return start >= 0 && before_word(row, before_optional(row, start, "-_"), AS_WORD("aws")) >= from;
}

/* (?i:AccountKey|SharedAccessKey|azure_?storage_?(?:account_?)?key) right before i */
static bool has_azure_label(const text *row, int64_t i, int64_t from)
{
    if (before_word(row, i, AS_WORD("accountkey")) >= from || before_word(row, i, AS_WORD("sharedaccesskey")) >= from) {
        return true;
    }
    int64_t start = before_word(row, i, AS_WORD("key"));
    if (start < 0) {
        return false;
    }
    start = before_optional(row, start, "_");
    int64_t account = before_word(row, start, AS_WORD("account"));
    start = account < 0 ? start : before_optional(row, account, "_");
    start = before_word(row, start, AS_WORD("storage"));
    return start >= 0 && before_word(row, before_optional(row, start, "_"), AS_WORD("azure")) >= from;
}

static int64_t before_quote(const text *row, int64_t i)
{
    return i - (at(row, i - 1) == '"' || at(row, i - 1) == '\'');
}

static int64_t before_spaces(const text *row, int64_t i)
{
    for (int spaces = 0; spaces < 3 && is_space(at(row, i - 1)); spaces++) {
        i--;
    }
    return i;
}

/* Before ['\"]?\s{0,3}(?::=|=>|=|:|,)\s{0,3}['\"]?, backwards; -1 if it is not there */
static int64_t before_assignment(const text *row, int64_t i)
{
    i = before_spaces(row, before_quote(row, i));
    if (ends_with(row, i, AS_WORD(":=")) || ends_with(row, i, AS_WORD("=>"))) {
        i -= 2;
    } else if (at(row, i - 1) == '=' || at(row, i - 1) == ':' || at(row, i - 1) == ',') {
        i--;
    } else {
        return -1;
    }
    return before_quote(row, before_spaces(row, i));
}

/* Called at 16 bytes, any 16 bytes of a run that is long enough. */
void find_assigned_secret(text *row, int64_t inside)
{
    if (inside < row->secret_end || set_end(row, inside, &SECRET, CHUNK) < inside + CHUNK) {
        return;
    }
    int64_t start = inside, end = set_end(row, inside, &SECRET, row->end - row->begin);
    while (start > row->secret_end && is_in(&SECRET, at(row, start - 1))) {
        start--;
    }
    row->secret_end = end;
    if (end - start < AWS_SECRET) {
        return;
    }
    int64_t label = before_assignment(row, start);
    if (label < 0) {
        return;
    }
    if (has_aws_label(row, label, row->taken[AWS_SECRET_KEY])) {
        report_key(row, AWS_SECRET_KEY, start, start + AWS_SECRET);
    }
    bool is_long = end - start == AZURE_LONG && begins_with(row, end, AS_WORD("=="));
    bool is_short = end - start == AZURE_SHORT && at(row, end) == '=';
    if ((is_long || is_short) && has_azure_label(row, label, row->taken[AZURE_ACCOUNT_KEY])) {
        report_key(row, AZURE_ACCOUNT_KEY, start, end + 1 + is_long);
    }
}
