/* Addresses of machines: IPv4, IPv6, MAC. */
#include "scan.h"

enum { OCTETS = 4, OCTET_MOST = 255, GROUPS = 8, GROUP_DIGITS = 4, COLONS = 3 };

/* \d+(?:\.\d+)+ that is four numbers up to 255 */
void find_ipv4(text *row, int64_t start, int64_t end)
{
    if (at(row, start - 1) == '.' && is_digit(at(row, start - 2))) {
        return;
    }
    int64_t begin = start;
    for (int octet = 1;; octet++) {
        if (end - begin > 3) {
            return;
        }
        int value = 0;
        for (int64_t i = begin; i < end; i++) {
            value = 10 * value + at(row, i) - '0';
        }
        bool goes_on = at(row, end) == '.' && is_digit(at(row, end + 1));
        if (value > OCTET_MOST || goes_on == (octet == OCTETS)) {
            return;
        }
        if (!goes_on) {
            report_bounded(row, IPV4, start, end, &NOTHING);
            return;
        }
        begin = end + 1;
        end = digits_end_within(row, begin, OCTETS);
    }
}

/* Whether four numbers up to 255, without noughts before them, are all that stands at i. */
static bool is_dotted(const text *row, int64_t i, int64_t end)
{
    for (int octet = 1; octet <= OCTETS; octet++, i++) {
        int64_t stop = digits_end(row, i);
        int value = 0;
        if (stop == i || stop - i > 3 || (at(row, i) == '0' && stop - i > 1)) {
            return false;
        }
        for (; i < stop; i++) {
            value = 10 * value + at(row, i) - '0';
        }
        if (value > OCTET_MOST || (octet < OCTETS) != (i < end)) {
            return false;
        }
    }
    return true;
}

/* Whether a text of hexadecimal digits and colons is an address, or what of it stands before four
 * numbers with full stops, which count as two groups: RFC 4291, section 2.2 */
static bool is_ipv6(const text *row, int64_t i, int64_t end, bool is_before_dotted)
{
    int groups = is_before_dotted ? 2 : 0;
    bool has_gap = false;
    if (at(row, i) == ':' && i < end) {
        if (end - i < 2 || at(row, i + 1) != ':') {
            return false;
        }
        i++;
    }
    while (i < end) {
        if (at(row, i) == ':') {
            if (has_gap) {
                return false;
            }
            has_gap = true;
            i++;
            continue;
        }
        int64_t start = i;
        while (i < end && at(row, i) != ':') {
            i++;
        }
        if (i - start > GROUP_DIGITS || ++groups > GROUPS) {
            return false;
        }
        if (i < end && ++i == end) {
            return is_before_dotted && (has_gap ? groups < GROUPS : groups == GROUPS);
        }
    }
    return has_gap ? groups < GROUPS : groups == GROUPS;
}

/* [0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:]*(?:\.\d+)*(?:%[0-9A-Za-z]+)? */
void find_ipv6(text *row, int64_t colon)
{
    if (colon < row->taken[IPV6]) {
        return;
    }
    int64_t end = colon + 1;
    while (is_hex(at(row, end))) {
        end++;
    }
    if (at(row, end) != ':') {
        return;
    }
    int64_t start = colon;
    while (start > row->taken[IPV6] && is_hex(at(row, start - 1))) {
        start--;
    }
    int64_t colons = 0;
    bool has_digit = false;
    for (end = start; is_hex(at(row, end)) || at(row, end) == ':'; end++) {
        colons += at(row, end) == ':';
        has_digit |= is_digit(at(row, end));
    }
    int64_t run = end;
    while (at(row, end) == '.' && is_digit(at(row, end + 1))) {
        end = digits_end(row, end + 1);
    }
    int64_t address = end;
    if (at(row, end) == '%' && is_alnum(at(row, end + 1))) {
        while (is_alnum(at(row, ++end))) {
        }
    }
    row->taken[IPV6] = end;
    if (end == address && at(row, end - 1) == ':' && at(row, end - 2) != ':') {
        /* A colon that belongs to the sentence */
        address = --end;
        colons--;
    }
    int64_t dotted = run;
    while (run < address && at(row, dotted - 1) != ':') {
        dotted--;
    }
    bool has_dotted = run < address;
    bool is_sound = !has_dotted || is_dotted(row, dotted, address);
    if ((has_digit || colons >= COLONS) && is_sound &&
        is_ipv6(row, start, has_dotted ? dotted : address, has_dotted)) {
        report_bounded(row, IPV6, start, end, &NOTHING);
    }
}

static bool is_mac_separator(uint8_t byte)
{
    return byte == ':' || byte == '-' || byte == '.';
}

/* Whether hexadecimal digits go on beyond a separator: then what stands before is no address. */
static bool goes_on(const text *row, int64_t i, int64_t step)
{
    return is_hex(at(row, i)) || (is_mac_separator(at(row, i)) && is_hex(at(row, i + step)));
}

/* Called at each separator; at the first of an address, the whole of it is looked at. */
void find_mac(text *row, int64_t separator)
{
    uint8_t sign = at(row, separator);
    int width = sign == '.' ? 4 : 2, groups = sign == '.' ? 3 : 6;
    int64_t start = separator - width, end = start + groups * (width + 1) - 1;
    if (!is_mac_separator(sign) || start < row->begin || end > row->end || goes_on(row, start - 1, -1)) {
        return;
    }
    for (int64_t i = start; i < end; i++) {
        bool is_between = (i - start) % (width + 1) == width;
        if (is_between ? at(row, i) != sign : !is_hex(at(row, i))) {
            return;
        }
    }
    if (!goes_on(row, end, 1)) {
        report_bounded(row, MAC, start, end, &NOTHING);
    }
}
