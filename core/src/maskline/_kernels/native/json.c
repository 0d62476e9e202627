/* Reads and writes JSON documents as lists of nodes; `_json.py` says what a node is.
 *
 * A document that is no JSON (RFC 8259), holds half a character, or is nested too deep has no
 * nodes. The texts of its nodes never take more bytes than the document has, so a buffer of the
 * size of all documents holds them all; the number of nodes is checked as they are added.
 */
#include "kernels.h"

enum { OBJECT, ARRAY, STRING, NUMBER, TRUE, FALSE, NONE, KEY };

/* How many lists and objects may lie around a value. */
#define DEEPEST 100

typedef struct {
    uint8_t *kinds;
    uint8_t *depths;
    int32_t *parents;
    int32_t *places;
    int32_t *ends;
    int32_t *text_offsets;
    uint8_t *text;
    int64_t capacity;
    int64_t nodes;
    int64_t used;
} tape;

/* What is left of a document. */
typedef struct {
    const uint8_t *at;
    const uint8_t *end;
} cursor;

static void skip_blanks(cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\n' || *c->at == '\r')) {
        c->at++;
    }
}

/* Add a node; -1 if there is no room. Its end and the end of its text are still to be set. */
static int64_t add(tape *t, uint8_t kind, int64_t parent, int64_t place)
{
    if (t->nodes >= t->capacity) {
        return -1;
    }
    int64_t node = t->nodes++;
    t->kinds[node] = kind;
    t->depths[node] = parent < 0 ? 0 : (uint8_t)(t->depths[parent] + 1);
    t->parents[node] = (int32_t)parent;
    t->places[node] = (int32_t)place;
    t->ends[node] = (int32_t)t->nodes;
    t->text_offsets[node + 1] = (int32_t)t->used;
    return node;
}

/* Read four hexadecimal digits; -1 if they are not there. */
static int32_t read_hex(cursor *c)
{
    int32_t value = 0;
    if (c->end - c->at < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        uint8_t digit = *c->at++;
        uint8_t letter = (uint8_t)((digit | 0x20) - 'a');
        if ((uint8_t)(digit - '0') < 10) {
            value = value << 4 | (digit - '0');
        } else if (letter < 6) {
            value = value << 4 | (letter + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* Read what follows \u, and write it in UTF-8; false for half a character. */
static bool read_code_point(tape *t, cursor *c)
{
    int32_t point = read_hex(c);
    if (point < 0 || (point >= 0xDC00 && point < 0xE000)) {
        return false;
    }
    if (point >= 0xD800 && point < 0xDC00) {
        if (c->end - c->at < 6 || c->at[0] != '\\' || c->at[1] != 'u') {
            return false;
        }
        c->at += 2;
        int32_t low = read_hex(c);
        if (low < 0xDC00 || low >= 0xE000) {
            return false;
        }
        point = 0x10000 + ((point - 0xD800) << 10 | (low - 0xDC00));
    }
    uint8_t *out = t->text + t->used;
    if (point < 0x80) {
        out[0] = (uint8_t)point;
        t->used += 1;
    } else if (point < 0x800) {
        out[0] = (uint8_t)(0xC0 | point >> 6);
        out[1] = (uint8_t)(0x80 | (point & 0x3F));
        t->used += 2;
    } else if (point < 0x10000) {
        out[0] = (uint8_t)(0xE0 | point >> 12);
        out[1] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        out[2] = (uint8_t)(0x80 | (point & 0x3F));
        t->used += 3;
    } else {
        out[0] = (uint8_t)(0xF0 | point >> 18);
        out[1] = (uint8_t)(0x80 | (point >> 12 & 0x3F));
        out[2] = (uint8_t)(0x80 | (point >> 6 & 0x3F));
        out[3] = (uint8_t)(0x80 | (point & 0x3F));
        t->used += 4;
    }
    return true;
}

/* Read a string, from its first quote to behind its last one, into the text of a node. */
static bool read_string(tape *t, cursor *c, int64_t node)
{
    static const char escaped[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    if (c->at >= c->end || *c->at++ != '"') {
        return false;
    }
    while (c->at < c->end) {
        uint8_t byte = *c->at++;
        if (byte == '"') {
            t->text_offsets[node + 1] = (int32_t)t->used;
            return true;
        }
        if (byte < 0x20) {
            return false;
        }
        if (byte != '\\') {
            t->text[t->used++] = byte;
            continue;
        }
        if (c->at >= c->end) {
            return false;
        }
        byte = *c->at++;
        const char *found = byte ? strchr(escaped, byte) : NULL;
        if (found != NULL) {
            t->text[t->used++] = (uint8_t)meant[found - escaped];
        } else if (byte != 'u' || !read_code_point(t, c)) {
            return false;
        }
    }
    return false;
}

static bool read_digits(cursor *c)
{
    const uint8_t *first = c->at;
    while (c->at < c->end && (uint8_t)(*c->at - '0') < 10) {
        c->at++;
    }
    return c->at > first;
}

static bool read_number(cursor *c)
{
    if (c->at < c->end && *c->at == '-') {
        c->at++;
    }
    if (c->at < c->end && *c->at == '0') {
        c->at++;
    } else if (!read_digits(c)) {
        return false;
    }
    if (c->at < c->end && *c->at == '.') {
        c->at++;
        if (!read_digits(c)) {
            return false;
        }
    }
    if (c->at < c->end && (*c->at | 0x20) == 'e') {
        c->at++;
        if (c->at < c->end && (*c->at == '+' || *c->at == '-')) {
            c->at++;
        }
        return read_digits(c);
    }
    return true;
}

static bool read_word(cursor *c, const char *word)
{
    size_t length = strlen(word);
    if ((size_t)(c->end - c->at) < length || memcmp(c->at, word, length) != 0) {
        return false;
    }
    c->at += length;
    return true;
}

/* Read a value that holds no others, into a node. */
static bool read_leaf(tape *t, cursor *c, int64_t node)
{
    const uint8_t *first = c->at;
    bool is_read;
    switch (*c->at) {
    case '"':
        t->kinds[node] = STRING;
        return read_string(t, c, node);
    case 't':
        t->kinds[node] = TRUE;
        is_read = read_word(c, "true");
        break;
    case 'f':
        t->kinds[node] = FALSE;
        is_read = read_word(c, "false");
        break;
    case 'n':
        t->kinds[node] = NONE;
        is_read = read_word(c, "null");
        break;
    default:
        t->kinds[node] = NUMBER;
        is_read = read_number(c);
    }
    /* Also of what cannot be read, no more is copied than has been passed. */
    memcpy(t->text + t->used, first, (size_t)(c->at - first));
    t->used += c->at - first;
    t->text_offsets[node + 1] = (int32_t)t->used;
    return is_read;
}

/* Read a key and its colon; return its node, -1 if it cannot be read. */
static int64_t read_key(tape *t, cursor *c, int64_t object, int64_t place)
{
    skip_blanks(c);
    int64_t key = add(t, KEY, object, place);
    if (key < 0 || !read_string(t, c, key)) {
        return -1;
    }
    skip_blanks(c);
    if (c->at >= c->end || *c->at++ != ':') {
        return -1;
    }
    return key;
}

/* Read a document; false if it cannot be read. */
static bool read_document(tape *t, cursor *c)
{
    int64_t open[DEEPEST + 1];
    int64_t depth = 0, parent = -1, place = 0;
    for (;;) {
        skip_blanks(c);
        if (c->at >= c->end || depth > DEEPEST) {
            return false;
        }
        uint8_t first = *c->at;
        int64_t node = add(t, first == '{' ? OBJECT : ARRAY, parent, place);
        if (node < 0) {
            return false;
        }
        if (first == '{' || first == '[') {
            c->at++;
            open[depth++] = node;
            skip_blanks(c);
            if (c->at >= c->end || *c->at != (first == '{' ? '}' : ']')) {
                parent = first == '{' ? read_key(t, c, node, 0) : node;
                place = 0;
                if (parent < 0) {
                    return false;
                }
                continue;
            }
        } else if (!read_leaf(t, c, node)) {
            return false;
        } else if (parent >= 0 && t->kinds[parent] == KEY) {
            t->ends[parent] = (int32_t)t->nodes;
        }
        /* A value is read, or an empty list or object is about to be closed. */
        for (;;) {
            if (depth == 0) {
                skip_blanks(c);
                return c->at == c->end;
            }
            int64_t holder = open[depth - 1];
            bool is_object = t->kinds[holder] == OBJECT;
            skip_blanks(c);
            if (c->at >= c->end) {
                return false;
            }
            uint8_t next = *c->at++;
            if (next == (is_object ? '}' : ']')) {
                depth--;
                node = holder;
                t->ends[node] = (int32_t)t->nodes;
                parent = t->parents[node];
                place = t->places[node];
                if (parent >= 0 && t->kinds[parent] == KEY) {
                    t->ends[parent] = (int32_t)t->nodes;
                }
            } else if (next == ',' && holder != node) {
                if (is_object) {
                    parent = read_key(t, c, holder, t->places[parent] + 1);
                    place = 0;
                    if (parent < 0) {
                        return false;
                    }
                } else {
                    place++;
                }
                break;
            } else {
                return false;
            }
        }
    }
}

static PyObject *json_read(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *offsets, *data, *objects[8];
    if (!PyArg_ParseTuple(args, "OOOOOOOOOO:json_read", &offsets, &data, &objects[0], &objects[1],
                          &objects[2], &objects[3], &objects[4], &objects[5], &objects[6],
                          &objects[7])) {
        return NULL;
    }
    column documents;
    if (column_open(&documents, offsets, data) < 0) {
        return NULL;
    }
    Py_buffer outputs[8];
    int64_t capacity = PyObject_Size(objects[0]);
    int64_t bytes = documents.data_buffer.len;
    const int64_t items[8] = {capacity,     capacity, capacity,          capacity,
                              capacity,     capacity + 1, bytes, documents.rows + 1};
    const int64_t widths[8] = {1, 1, 4, 4, 4, 4, 1, 8};
    int opened = 0;
    bool fits = capacity >= 0 && capacity < INT32_MAX && bytes < INT32_MAX;
    if (!fits && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ValueError, "So many documents do not fit; use smaller batches.");
    }
    while (fits && opened < 8) {
        if (output_open(&outputs[opened], objects[opened], items[opened], widths[opened]) < 0) {
            break;
        }
        opened++;
    }
    tape t = {0};
    if (opened == 8) {
        t = (tape){
            .kinds = outputs[0].buf,
            .depths = outputs[1].buf,
            .parents = outputs[2].buf,
            .places = outputs[3].buf,
            .ends = outputs[4].buf,
            .text_offsets = outputs[5].buf,
            .text = outputs[6].buf,
            .capacity = capacity,
        };
        int64_t *edges = outputs[7].buf;
        Py_BEGIN_ALLOW_THREADS
        edges[0] = 0;
        t.text_offsets[0] = 0;
        for (int64_t row = 0; row < documents.rows; row++) {
            int64_t nodes = t.nodes, used = t.used;
            cursor c = {documents.data + documents.offsets[row],
                        documents.data + documents.offsets[row + 1]};
            if (!read_document(&t, &c)) {
                t.nodes = nodes;
                t.used = used;
            }
            edges[row + 1] = t.nodes;
        }
        Py_END_ALLOW_THREADS
    }
    for (int i = 0; i < opened; i++) {
        PyBuffer_Release(&outputs[i]);
    }
    column_close(&documents);
    return opened == 8 ? Py_BuildValue("LL", (long long)t.nodes, (long long)t.used) : NULL;
}

/* Where documents are written; only counts where there is no buffer yet. */
typedef struct {
    uint8_t *data;
    int64_t size;
    int64_t used;
} sink;

static void put(sink *s, uint8_t byte)
{
    if (s->used < s->size) {
        s->data[s->used] = byte;
    }
    s->used++;
}

static void put_all(sink *s, const uint8_t *data, int64_t size)
{
    if (size <= s->size - s->used) {
        memcpy(s->data + s->used, data, (size_t)size);
    }
    s->used += size;
}

/* Write a string in quotes, with the escapes that it needs and no others. */
static void put_string(sink *s, const uint8_t *text, int64_t size)
{
    static const char digits[] = "0123456789abcdef";
    static const char control[] = "\b\f\n\r\t";
    static const char names[] = "bfnrt";
    put(s, '"');
    int64_t from = 0;
    for (int64_t i = 0; i < size; i++) {
        uint8_t byte = text[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\') {
            continue;
        }
        put_all(s, text + from, i - from);
        from = i + 1;
        put(s, '\\');
        const char *found = byte ? strchr(control, byte) : NULL;
        if (byte >= 0x20) {
            put(s, byte);
        } else if (found != NULL) {
            put(s, (uint8_t)names[found - control]);
        } else {
            put_all(s, (const uint8_t *)"u00", 3);
            put(s, (uint8_t)digits[byte >> 4]);
            put(s, (uint8_t)digits[byte & 15]);
        }
    }
    put_all(s, text + from, size - from);
    put(s, '"');
}

/* Write the nodes from `first` to before `last` as a document; false if they are nested too deep. */
static bool write_document(sink *s, const uint8_t *kinds, const int32_t *ends,
                           const column *texts, int64_t first, int64_t last)
{
    int64_t open[DEEPEST + 1];
    bool has_more[DEEPEST + 1];
    int64_t depth = 0, node = first;
    bool is_value = true;
    while (node < last || depth > 0) {
        if (depth > 0 && (node >= last || ends[open[depth - 1]] <= node)) {
            depth--;
            put(s, kinds[open[depth]] == OBJECT ? '}' : ']');
            continue;
        }
        const uint8_t *text = texts->data + texts->offsets[node];
        int64_t size = texts->offsets[node + 1] - texts->offsets[node];
        uint8_t kind = kinds[node];
        if (!is_value && depth > 0) {
            if (has_more[depth - 1]) {
                put(s, ',');
            }
            has_more[depth - 1] = true;
        }
        is_value = kind == KEY;
        if (kind == OBJECT || kind == ARRAY) {
            if (depth > DEEPEST) {
                return false;
            }
            put(s, kind == OBJECT ? '{' : '[');
            open[depth] = node;
            has_more[depth++] = false;
            node++;
            continue;
        }
        if (kind == KEY || kind == STRING) {
            put_string(s, text, size);
        } else {
            put_all(s, text, size);
        }
        if (kind == KEY) {
            put(s, ':');
            node++;
        } else {
            /* What stood below a list or object that a string replaced is left out. */
            node = ends[node] > node ? ends[node] : node + 1;
        }
    }
    return true;
}

static PyObject *json_write(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *kinds_object, *ends_object, *text_offsets, *text, *edges_object, *offsets, *out;
    if (!PyArg_ParseTuple(args, "OOOOOOO:json_write", &kinds_object, &ends_object, &text_offsets,
                          &text, &edges_object, &offsets, &out)) {
        return NULL;
    }
    column texts, edges;
    if (column_open(&texts, text_offsets, text) < 0) {
        return NULL;
    }
    /* The edges of documents rise within the nodes, as the offsets of rows do within their bytes. */
    if (column_open(&edges, edges_object, kinds_object) < 0) {
        column_close(&texts);
        return NULL;
    }
    Py_buffer ends, out_offsets, out_data;
    bool is_open = false, is_sound = true;
    sink s = {0};
    if (edges.data_buffer.len == texts.rows &&
        input_open(&ends, ends_object, texts.rows, 4) == 0) {
        if (output_open(&out_offsets, offsets, edges.rows + 1, 8) == 0) {
            if (PyObject_GetBuffer(out, &out_data, PyBUF_WRITABLE) == 0) {
                is_open = true;
                s.data = out_data.buf;
                s.size = out_data.len;
                int64_t *row_offsets = out_offsets.buf;
                Py_BEGIN_ALLOW_THREADS
                for (int64_t row = 0; row < edges.rows; row++) {
                    row_offsets[row] = s.used;
                    is_sound &= write_document(&s, edges.data, ends.buf, &texts,
                                               edges.offsets[row], edges.offsets[row + 1]);
                }
                row_offsets[edges.rows] = s.used;
                Py_END_ALLOW_THREADS
                PyBuffer_Release(&out_data);
            }
            PyBuffer_Release(&out_offsets);
        }
        PyBuffer_Release(&ends);
    }
    column_close(&edges);
    column_close(&texts);
    if (!is_open || !is_sound) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "The nodes are no documents.");
        }
        return NULL;
    }
    return PyLong_FromLongLong(s.used);
}

PyMethodDef json_methods[] = {
    {"json_read", json_read, METH_VARARGS, NULL},
    {"json_write", json_write, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
