/* Finds names in text by a model that was learnt: a linear-chain conditional random field. */
#include "names.h"

typedef struct model {
    const uint32_t *letters;
    const uint32_t *keys;
    const uint16_t *flags;
    int64_t words;
    const int8_t *templates;
    int64_t templates_size;
    const int8_t *weights;
    int32_t transitions[LANES][LANES]; /* From the lane of the first index to that of the second */
    int32_t reversed[LANES][LANES];
    int32_t doubt;
    bool is_gated;
} model;

/* ---- what is said of a token ------------------------------------------------------------------ */

/* Keys are hashes, so a key stands about as far in as its value tells. */
static uint16_t look_up(const model *model, uint32_t key)
{
    const uint32_t *keys = model->keys;
    int64_t count = model->words, guess = (int64_t)((uint64_t)key * (uint64_t)count >> 32);
    int64_t low = guess, high = guess, step = 64;
    while (low > 0 && keys[low] > key) {
        high = low;
        low = low > step ? low - step : 0;
        step *= 2;
    }
    while (high < count && keys[high] <= key) {
        low = high;
        high = count - high > step ? high + step : count;
        step *= 2;
    }
    /* The key is at low or behind it, and before high. */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        *(keys[middle] <= key ? &low : &high) = middle;
    }
    return keys[low] == key ? model->flags[low] : 0;
}

static void look_up_all(const model *model, tokens *tokens)
{
    token *items = tokens->items;
    for (int64_t i = 0; i < tokens->size; i++) {
        items[i].flags = look_up(model, items[i].hash);
    }
    for (int64_t i = 0; i + 1 < tokens->size; i++) {
        if (look_up(model, mix(items[i].hash, items[i + 1].hash)) & PLACE_PAIR) {
            items[i].flags |= PLACE_PAIR;
            items[i + 1].flags |= PLACE_PAIR;
        }
    }
}

/* The bit for very long words and words with digits in them. It speaks for nothing. */
enum { LONG = 20, ODD = 7, SPEAKS = (1 << ODD) - 1 };

/* What a token speaks for: see `signs_of` of the twin. */
static uint8_t signs_of(const tokens *tokens, int64_t i)
{
    const token *token = &tokens->items[i];
    unsigned flags = token->flags, common = flags >> COMMON_SHIFT & 3;
    unsigned cues = (i > 0 ? token[-1].flags : 0) | (i > 1 ? token[-2].flags : 0);
    bool is_capital = token->first == UPPER, is_rare = common <= 1;
    bool is_name = is_capital && is_rare, is_bare = token->first == LOWER && is_rare;
    bool is_beside_number =
        (i > 0 && token[-1].first == DIGIT) ||
        (i + 1 < tokens->size && token[1].first == DIGIT);
    unsigned person = (flags & (GIVEN | FAMILY) && is_name) || (flags & GIVEN && is_bare) ||
                      (cues & (PERSON_CUE | HONORIFIC) && is_name);
    unsigned place = (flags & PLACES && is_name) || (flags & (COUNTRY | PLACE_PAIR) && is_bare) ||
                     (cues & PLACE_CUE && is_name);
    unsigned company = (flags & COMPANY && (is_name || (is_capital && token->gap == 1))) ||
                       (cues & COMPANY_CUE && is_name);
    unsigned group = (flags & GROUP) != 0;
    unsigned title = (flags & JOB) != 0;
    unsigned street = (flags & STREET && (is_capital || is_beside_number)) ||
                      (is_name && is_beside_number) ||
                      (cues & (PLACES | STREET) && token->first == DIGIT);
    bool is_listed = flags & (GIVEN | FAMILY | PLACES) && token->gap == 1;
    unsigned unusual = is_capital && !(token->rest & HAS_DIGIT) && token->size > 2 &&
                       (common == 0 || is_listed);
    unsigned is_odd = token->first > DIGIT && (token->rest & HAS_DIGIT || token->size > LONG);
    return (uint8_t)(person | place << 1 | company << 2 | group << 3 | title << 4 | street << 5 |
                     unusual << 6 | is_odd << ODD);
}

enum { EDGE = 1, RARE = 2, NUMBER = 3, LONGEST_NUMBER = 8, LONGEST_SHAPE = 5 };

static void atoms_of(const token *token, uint32_t *atoms)
{
    uint32_t flags = token->flags, common = flags & COMMON, size = token->size, first = token->first;
    bool is_word = first > DIGIT;
    if (first == DIGIT) {
        atoms[0] = NUMBER + (size < LONGEST_NUMBER ? size : LONGEST_NUMBER);
    } else {
        atoms[0] = flags & KNOWN || first < DIGIT ? token->hash : RARE;
    }
    atoms[1] = first << 6 | (uint32_t)token->rest << 3 | (size < LONGEST_SHAPE ? size : LONGEST_SHAPE);
    atoms[2] = is_word ? token->prefix : 0;
    atoms[3] = is_word ? token->suffix : 0;
    atoms[4] = is_word ? token->ending : 0;
    atoms[5] = flags & (PEOPLE | PLACES | THINGS);
    atoms[6] = (flags & PEOPLE) | common;
    atoms[7] = (flags & PLACES) | common;
    atoms[8] = flags & THINGS;
    atoms[9] = common | first;
    atoms[10] = token->gap;
}

/* ---- scores ----------------------------------------------------------------------------------- */

enum { CERTAIN = 1 << 12 };

/* Add up what the features of a token speak for; `atoms` are those of all tokens of the row. */
static void score(const model *model, const uint32_t (*atoms)[ATOMS], int64_t i, int64_t count,
                  bool is_line, int32_t *scores)
{
    int16_t sums[LANES] = {0};
    const int8_t *part = model->templates;
    for (int64_t number = 0; number < model->templates_size; number++) {
        uint32_t value = (uint32_t)number;
        for (int nth = 0; nth < PARTS; nth++, part += 2) {
            int64_t where = i + part[1];
            if (part[0] >= 0) {
                value = mix(value, where >= 0 && where < count ? atoms[where][part[0]] : EDGE);
            }
        }
        const int8_t *weights = model->weights + (size_t)(value & (BUCKETS - 1)) * LANES;
        for (int lane = 0; lane < LANES; lane++) {
            sums[lane] = (int16_t)(sums[lane] + weights[lane]);
        }
    }
    for (int lane = 0; lane < LANES; lane++) {
        scores[lane] = sums[lane];
    }
    /* No name goes on in the next line. */
    scores[0] += is_line ? CERTAIN : -model->doubt;
}

/* For each lane, the best of what leads to it from the lanes beside it. */
static void step(const int32_t *from, const int32_t moves[LANES][LANES], int32_t *to)
{
    for (int lane = 0; lane < LANES; lane++) {
        to[lane] = from[0] + moves[0][lane];
    }
    for (int other = 1; other < LANES; other++) {
        for (int lane = 0; lane < LANES; lane++) {
            int32_t sum = from[other] + moves[other][lane];
            to[lane] = sum > to[lane] ? sum : to[lane];
        }
    }
}

/* The best lane of a token, and how much worse the best of another label is. */
static int32_t best(const int32_t *before, const int32_t *behind, uint8_t *lane)
{
    int32_t through[LANES], rest = INT32_MIN / 2;
    int winner = 0;
    for (int other = 0; other < LANES; other++) {
        through[other] = before[other] + behind[other];
        winner = through[other] > through[winner] ? other : winner;
    }
    for (int other = 0; other < LANES; other++) {
        bool is_other = (other + 1) / 2 != (winner + 1) / 2;
        rest = is_other && through[other] > rest ? through[other] : rest;
    }
    *lane = (uint8_t)winner;
    return through[winner] - rest;
}

/* Label the tokens of one sequence, by Viterbi's algorithm in both directions. What is before an
 * inner one is no name. */
static void decode(const model *model, const int32_t (*scores)[LANES], int64_t count,
                   bool is_inner, uint8_t *lanes, int32_t *margins)
{
    int32_t before[LONGEST][LANES], behind[LANES] = {0}, ahead[LANES];
    for (int lane = 0; lane < LANES; lane++) {
        before[0][lane] = scores[0][lane] + (is_inner ? model->transitions[0][lane] : 0);
    }
    for (int64_t i = 1; i < count; i++) {
        step(before[i - 1], model->transitions, before[i]);
        for (int lane = 0; lane < LANES; lane++) {
            before[i][lane] += scores[i][lane];
        }
    }
    for (int64_t i = count - 1; i >= 0; i--) {
        margins[i] = best(before[i], behind, &lanes[i]);
        for (int lane = 0; lane < LANES; lane++) {
            ahead[lane] = behind[lane] + scores[i][lane];
        }
        step(ahead, model->reversed, behind);
    }
}

/* ---- rows ------------------------------------------------------------------------------------- */

typedef struct name {
    int64_t start;
    int64_t end;
    int64_t margin;
    int32_t label;
    uint8_t signs;
} name;

typedef struct {
    name *items;
    int64_t size;
    int64_t room;
} names;

/* What is needed for the tokens of one row; used again for the next. */
typedef struct {
    tokens tokens;
    uint32_t (*atoms)[ATOMS];
    uint8_t *lanes;
    int32_t *margins;
    int64_t room;
} work;

static bool make_room(work *work)
{
    if (work->tokens.size <= work->room) {
        return true;
    }
    work->room = work->tokens.room;
    size_t room = (size_t)work->room;
    free(work->atoms);
    free(work->lanes);
    free(work->margins);
    work->atoms = malloc(room * sizeof *work->atoms);
    work->lanes = malloc(room);
    work->margins = malloc(room * sizeof *work->margins);
    return work->atoms && work->lanes && work->margins;
}

static bool add(names *names, name name)
{
    if (names->size == names->room) {
        int64_t room = names->room ? 2 * names->room : 64;
        struct name *items = realloc(names->items, (size_t)room * sizeof *items);
        if (items == NULL) {
            return false;
        }
        names->items = items;
        names->room = room;
    }
    names->items[names->size++] = name;
    return true;
}

/* Join tokens to names: one begins with its first lane, or where another label was before. */
static bool join(const work *work, names *names)
{
    const token *items = work->tokens.items;
    for (int64_t i = 0, next; i < work->tokens.size; i = next) {
        int label = (work->lanes[i] + 1) / 2 - 1;
        next = i + 1;
        if (label < 0) {
            continue;
        }
        int64_t margins = work->margins[i];
        uint8_t signs = items[i].signs;
        for (; next < work->tokens.size && work->lanes[next] == 2 * label + 2; next++) {
            margins += work->margins[next];
            signs |= items[next].signs;
        }
        name found = {
            .start = items[i].start,
            .end = items[next - 1].end,
            .margin = margins / (next - i),
            .label = label,
            .signs = signs,
        };
        if (!add(names, found)) {
            return false;
        }
    }
    return true;
}

static bool find_in_row(const model *model, work *work, const uint8_t *data, int64_t begin,
                        int64_t end, names *names)
{
    tokens *tokens = &work->tokens;
    if (!names_cut(tokens, data, begin, end, model->letters)) {
        return false;
    }
    look_up_all(model, tokens);
    unsigned signs = 0;
    for (int64_t i = 0; i < tokens->size; i++) {
        tokens->items[i].signs = tokens->size > 1 ? signs_of(tokens, i) : 0;
        signs |= tokens->items[i].signs;
    }
    if (tokens->size == 0 || (model->is_gated && (signs & SPEAKS) == 0)) {
        return true;
    }
    if (!make_room(work)) {
        return false;
    }
    for (int64_t i = 0; i < tokens->size; i++) {
        atoms_of(&tokens->items[i], work->atoms[i]);
    }
    memset(work->lanes, 0, (size_t)tokens->size);
    for (int64_t first = 0, count; first < tokens->size; first += count) {
        int32_t scores[LONGEST][LANES];
        bool is_end = false;
        signs = 0;
        for (count = 0; !is_end && count < LONGEST && first + count < tokens->size; count++) {
            signs |= tokens->items[first + count].signs;
            is_end = tokens->items[first + count].first == LINE;
        }
        if (model->is_gated && (signs & SPEAKS) == 0) {
            continue;
        }
        for (int64_t i = 0; i < count; i++) {
            score(model, work->atoms, first + i, tokens->size,
                  tokens->items[first + i].first == LINE, scores[i]);
        }
        decode(model, scores, count, first > 0, work->lanes + first, work->margins + first);
    }
    return join(work, names);
}

static bool find_all(const model *model, const column *column, names *names)
{
    work work = {0};
    bool has_memory = true;
    for (int64_t row = 0; row < column->rows && has_memory; row++) {
        has_memory = find_in_row(model, &work, column->data, column->offsets[row],
                                 column->offsets[row + 1], names);
    }
    free(work.tokens.items);
    free(work.atoms);
    free(work.lanes);
    free(work.margins);
    return has_memory;
}

/* ---- the interpreter's side ------------------------------------------------------------------- */

static PyObject *result_of(const names *names)
{
    PyObject *starts = PyBytes_FromStringAndSize(NULL, names->size * (Py_ssize_t)sizeof(int64_t));
    PyObject *ends = PyBytes_FromStringAndSize(NULL, names->size * (Py_ssize_t)sizeof(int64_t));
    PyObject *labels = PyBytes_FromStringAndSize(NULL, names->size * (Py_ssize_t)sizeof(int32_t));
    PyObject *margins = PyBytes_FromStringAndSize(NULL, names->size * (Py_ssize_t)sizeof(int64_t));
    PyObject *signs = PyBytes_FromStringAndSize(NULL, names->size);
    PyObject *result = NULL;
    if (starts && ends && labels && margins && signs) {
        for (int64_t i = 0; i < names->size; i++) {
            const name *name = &names->items[i];
            memcpy(PyBytes_AsString(starts) + i * 8, &name->start, sizeof name->start);
            memcpy(PyBytes_AsString(ends) + i * 8, &name->end, sizeof name->end);
            memcpy(PyBytes_AsString(labels) + i * 4, &name->label, sizeof name->label);
            memcpy(PyBytes_AsString(margins) + i * 8, &name->margin, sizeof name->margin);
            PyBytes_AsString(signs)[i] = (char)name->signs;
        }
        result = PyTuple_Pack(5, starts, ends, labels, margins, signs);
    }
    Py_XDECREF(starts);
    Py_XDECREF(ends);
    Py_XDECREF(labels);
    Py_XDECREF(margins);
    Py_XDECREF(signs);
    return result;
}

/* Whether templates want what there is, and so few that the sums of weights fit 16 bits. */
static bool are_sound(const int8_t *templates, int64_t size)
{
    bool are = size <= INT16_MAX / INT8_MAX - 2;
    for (int64_t part = 0; part < size * PARTS; part++) {
        are &= templates[2 * part] < ATOMS;
    }
    return are;
}

/* names(offsets, data, letters, keys, flags, templates, weights, transitions, doubt, is_gated):
 * (starts, ends, labels, margins, signs) of what was found, in the order of the text. */
static PyObject *find_names(PyObject *Py_UNUSED(module), PyObject *args)
{
    enum { LETTERS_OF, KEYS_OF, FLAGS_OF, TEMPLATES_OF, WEIGHTS_OF, TRANSITIONS_OF, INPUTS };
    PyObject *offsets, *data, *objects[INPUTS], *result = NULL;
    Py_buffer inputs[INPUTS];
    column rows;
    model model;
    int doubt, is_gated, opened = 0;
    if (!PyArg_ParseTuple(args, "OOOOOOOOip", &offsets, &data, &objects[0], &objects[1],
                          &objects[2], &objects[3], &objects[4], &objects[5], &doubt, &is_gated)) {
        return NULL;
    }
    Py_ssize_t words = PyObject_Length(objects[KEYS_OF]);
    Py_ssize_t templates = PyObject_Length(objects[TEMPLATES_OF]);
    if (words < 0 || templates < 0 || column_open(&rows, offsets, data) < 0) {
        return NULL;
    }
    const int64_t sizes[INPUTS] = {POINTS,         words,           words,
                                   templates * 6, BUCKETS * LANES, LANES * LANES};
    const int64_t widths[INPUTS] = {4, 4, 2, 1, 1, 4};
    while (opened < INPUTS &&
           input_open(&inputs[opened], objects[opened], sizes[opened], widths[opened]) == 0) {
        opened++;
    }
    if (opened < INPUTS) {
        goto close;
    }
    if (words == 0 || !are_sound(inputs[TEMPLATES_OF].buf, templates)) {
        PyErr_SetString(PyExc_ValueError, "The lexicon is empty, or the templates are unsound.");
        goto close;
    }
    model = (struct model){
        .letters = inputs[LETTERS_OF].buf,
        .keys = inputs[KEYS_OF].buf,
        .flags = inputs[FLAGS_OF].buf,
        .words = words,
        .templates = inputs[TEMPLATES_OF].buf,
        .templates_size = templates,
        .weights = inputs[WEIGHTS_OF].buf,
        .doubt = doubt,
        .is_gated = is_gated,
    };
    memcpy(model.transitions, inputs[TRANSITIONS_OF].buf, sizeof model.transitions);
    for (int from = 0; from < LANES; from++) {
        for (int to = 0; to < LANES; to++) {
            model.reversed[to][from] = model.transitions[from][to];
        }
    }
    names names = {0};
    bool has_memory;
    Py_BEGIN_ALLOW_THREADS
    has_memory = find_all(&model, &rows, &names);
    Py_END_ALLOW_THREADS
    result = has_memory ? result_of(&names) : PyErr_NoMemory();
    free(names.items);
close:
    while (opened > 0) {
        PyBuffer_Release(&inputs[--opened]);
    }
    column_close(&rows);
    return result;
}

PyMethodDef names_methods[] = {
    {"names", find_names, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
