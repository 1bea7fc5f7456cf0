/* Bytes -> integers.  Every read is bounded; hostile bytes end in AE_CORRUPT. */
#include "adapt.h"
#include "head.h"
#include "mix.h"
#include "params.h"
#include <stdlib.h>

enum {
    BUCKET = 4,                    /* places of a table that share a first guess */
    LOOKAHEAD = 2 * 3 * BLOCK + 2, /* bytes that a block can use at most: three symbols a pixel */
    LAG = 2,                       /* blocks that one row stays behind the row above it */
};

typedef struct {
    uint8_t guess[PROB_ONE / BUCKET];
    struct { uint16_t start, freq; } of[SYMBOLS + 1];
} Lookup;

/* Even rows and odd rows have words and raw bits of their own, so that two rows go on at once. */
typedef struct {
    uint32_t state[2]; /* by x & 1 */
    const uint8_t *word, *end;
    BitReader raw;
    int last;
    uint8_t tail[2 * LOOKAHEAD];
} Lane;

typedef struct {
    Model model;
    Neighbours near;
    const Lookup *lookup[CLASSES * 16]; /* by class and sub-pixel offset */
    Lookup *made;
    Lane lane[2];
    const uint8_t *valid;
    int h, w;
    ptrdiff_t stride;
    int32_t *v, *e;     /* planes, as in Plane */
    int16_t *residual;  /* of the taps; high effort */
    int32_t limit;      /* of |value| */
    Grid grid;
    int64_t base;       /* of values on a grid */
} Decoder;

/* A place in a row: what the next pixel needs. */
typedef struct {
    const Decoder *d;
    const Lookup *const *lookup;
    Lane *lane;
    int32_t *v, *e;
    const uint8_t *valid;
    const int64_t *shift, *step;
    uint32_t state[2];
    const uint8_t *word;
    int odd, copies;
} Cursor;

static void fill_lookup(Lookup *l, const Table *t)
{
    for (int s = 0; s < SYMBOLS; s++) {
        l->of[s].start = t->start[s];
        l->of[s].freq = t->freq[s];
    }
    l->of[SYMBOLS].start = PROB_ONE;
    l->of[SYMBOLS].freq = 0;
    for (int b = 0, s = 0; b < PROB_ONE / BUCKET; b++) {
        while (t->start[s + 1] <= BUCKET * b) s++;
        l->guess[b] = (uint8_t)s;
    }
}

/* Lookups of all classes and offsets; classes outside the model's range take the first's. */
static int make_lookups(Decoder *d)
{
    const Model *m = &d->model;
    int16_t known[SCALES][SHAPES][OFFSETS];
    int count = 0;
    Table own;
    memset(known, -1, sizeof known);
    d->made = take((size_t)(m->last_class - m->first_class + 1) * OFFSETS * sizeof *d->made);
    if (!d->made) return AE_MEMORY;
    for (int c = m->first_class; c <= m->last_class; c++) {
        if (m->own[c]) {
            sent_table(m->histogram[c], &own);
            fill_lookup(&d->made[count++], &own);
        }
        for (int o = 0; o < 16; o++) {
            int offset = coarse_offset(o < 8 ? 8 - o : o - 8, m->scale[c]), i = count - 1;
            if (!m->own[c]) {
                int16_t *seen = &known[m->scale[c]][m->shape[c]][offset];
                if (*seen < 0) {
                    fill_lookup(&d->made[count], frozen_table(m->scale[c], m->shape[c], offset));
                    *seen = (int16_t)count++;
                }
                i = *seen;
            }
            d->lookup[c * 16 + o] = &d->made[i];
        }
    }
    for (int i = 0; i < CLASSES * 16; i++)
        if (i / 16 < m->first_class || i / 16 > m->last_class)
            d->lookup[i] = d->lookup[m->first_class * 16 + i % 16];
    return AE_OK;
}

/* Room for one more block's reads; 0 where the words have run out. */
ALWAYS_INLINE int lane_ready(Lane *l)
{
    if (LIKELY(l->end - l->word >= LOOKAHEAD)) return 1;
    if (l->word > l->end) return 0;
    if (!l->last) {
        size_t left = (size_t)(l->end - l->word);
        memset(l->tail, 0, sizeof l->tail);
        memcpy(l->tail, l->word, left);
        l->word = l->tail;
        l->end = l->tail + left;
        l->last = 1;
    }
    return 1;
}

/* Take a word where the state is low; without a branch, which no machine could foretell. */
ALWAYS_INLINE void renew(uint32_t *state, const uint8_t **word)
{
    uint32_t low = (uint32_t)(((uint64_t)*state - STATE_LOW) >> 63);
    *state = *state << 16 * low | (word16(*word) & (0 - low));
    *word += 2 * low;
}

ALWAYS_INLINE int get_symbol(const Lookup *l, uint32_t *state, const uint8_t **word)
{
    uint32_t x = *state, place = x & (PROB_ONE - 1);
    int s = l->guess[place / BUCKET];
    while (UNLIKELY(place >= l->of[s + 1].start)) s++;
    *state = l->of[s].freq * (x >> PROB_BITS) + place - l->of[s].start;
    renew(state, word);
    return s;
}

ALWAYS_INLINE int get_flag(uint32_t yes, uint32_t *state, const uint8_t **word)
{
    uint32_t x = *state, place = x & (PROB_ONE - 1);
    int flag = place < yes;
    *state = flag ? yes * (x >> PROB_BITS) + place
                  : (PROB_ONE - yes) * (x >> PROB_BITS) + place - yes;
    renew(state, word);
    return flag;
}

/* A residual outside the alphabet comes raw. */
NOINLINE uint32_t escaped(BitReader *raw) { return (uint32_t)get_escape(raw); }

/* The residual of a place, its sign as the offset has it. */
ALWAYS_INLINE uint32_t residual(Cursor *c, int odd, int offset, int class)
{
    int flip = (offset - 8) >> 31;
    int s = get_symbol(c->lookup[class * 16 + offset], &c->state[odd], &c->word);
    int shift = class_shift(class);
    uint32_t d = (uint32_t)(s - MIDDLE), low = 0;
    if (shift) low = get_bits(&c->lane->raw, shift) - (1u << shift >> 1);
    if (UNLIKELY(s == ESCAPE)) d = escaped(&c->lane->raw);
    d = (d << shift) + low;
    return (d ^ (uint32_t)flip) - (uint32_t)flip;
}

ALWAYS_INLINE int32_t residual_value(Cursor *c, int odd, int32_t mean, uint32_t scale)
{
    int32_t place = mean + 8;
    return (int32_t)((uint32_t)(place >> 4) + residual(c, odd, place & 15, class_of(scale)));
}

/* The same among a pixel's own levels. */
ALWAYS_INLINE int32_t residual_on_grid(Cursor *c, int x, int32_t mean, uint32_t scale)
{
    int64_t step = c->step ? c->step[x] : 4096;
    int64_t place = grid_place(mean, step, c->shift[x], c->d->base) + 8;
    int class = class_of(scale) - step_octaves(step);
    int32_t d = (int32_t)residual(c, x & 1, (int)(place & 15), class > 0 ? class : 0);
    int32_t value = grid_value((place >> 4) + d, step, c->shift[x], c->d->base);
    return value == FAR ? INT32_MAX : value;
}

/* Copied from W or N?  Then *value is set. */
ALWAYS_INLINE int copied(Cursor *c, int x, int32_t *value)
{
    const uint16_t *yes = c->d->model.copy;
    const int32_t *v = c->v + x;
    ptrdiff_t stride = c->d->stride;
    int context = copy_context(v, stride);
    if (yes[context] && get_flag(yes[context], &c->state[x & 1], &c->word)) {
        *value = v[-1];
        return 1;
    }
    context += COPY_CONTEXTS / 2;
    if (v[-stride] != v[-1] && yes[context] && get_flag(yes[context], &c->state[x & 1], &c->word)) {
        *value = v[-stride];
        return 1;
    }
    return 0;
}

ALWAYS_INLINE void finish_pixel(Cursor *c, int x, int odd, int32_t mean, uint32_t scale)
{
    int32_t value;
    if (c->valid && !c->valid[x]) value = c->v[x - 1];
    else if (c->shift) value = residual_on_grid(c, x, mean, scale);
    else if (!c->copies || !copied(c, x, &value)) value = residual_value(c, odd, mean, scale);
    c->v[x] = value;
    c->e[x] = clipped_error_alone(value, mean);
}

/* High effort, with a mixture of tables. */
ALWAYS_INLINE uint32_t residual_mixed(Cursor *c, Mixer *m, int x, int32_t mean, int offset, int class)
{
    uint32_t *state = &c->state[x & 1], place = *state & (PROB_ONE - 1), low = 0;
    int shift = class_shift(class);
    mixer_look(m, c->v + x, c->d->stride, mean, offset, class, (x & 1) | 2 * c->odd, c->shift ? 2 : 0);
    int s = mixer_find(m, (int)place), known = s;
    *state = (uint32_t)(m->start[s + 1] - m->start[s]) * (*state >> PROB_BITS) + place - m->start[s];
    renew(state, &c->word);
    uint32_t d = (uint32_t)(s - MIDDLE);
    if (shift) low = get_bits(&c->lane->raw, shift) - (1u << shift >> 1);
    if (UNLIKELY(s == ESCAPE)) {
        d = escaped(&c->lane->raw);
        known = d + MIDDLE < ESCAPE ? (int)(d + MIDDLE) : ESCAPE;
    }
    mixer_learn(m, known);
    return (d << shift) + low;
}

ALWAYS_INLINE void finish_mixed(Cursor *c, Mixer *m, int x, int32_t mean, uint32_t scale)
{
    int32_t value;
    int class = class_of(scale);
    if (c->valid && !c->valid[x]) value = c->v[x - 1];
    else if (c->shift) {
        int64_t step = c->step ? c->step[x] : 4096, place = grid_place(mean, step, c->shift[x], c->d->base) + 8;
        class = class > step_octaves(step) ? class - step_octaves(step) : 0;
        int32_t d = (int32_t)residual_mixed(c, m, x, mean, (int)(place & 15), class);
        value = grid_value((place >> 4) + d, step, c->shift[x], c->d->base);
        value = value == FAR ? INT32_MAX : value;
    } else if (!c->copies || !copied(c, x, &value))
        value = (int32_t)((uint32_t)((mean + 8) >> 4) + residual_mixed(c, m, x, mean, (mean + 8) & 15, class));
    c->v[x] = value;
    c->e[x] = clipped_error(value, mean);
}

ALWAYS_INLINE int32_t own_row_narrow(const Neighbours *n, const Cursor *c, int x, int odd, int32_t above)
{
    const int32_t *t = n->serial[2 * c->odd + odd], *v = c->v + x;
    uint32_t s = (uint32_t)above;
    for (int i = MAX_SERIAL - 1; i >= 0; i--) s += (uint32_t)t[i] * (uint32_t)v[-1 - i];
    return (int32_t)s >> 8;
}

ALWAYS_INLINE int32_t own_row_wide(const Neighbours *n, const Cursor *c, int x, int odd, int64_t above)
{
    const int32_t *t = n->serial[2 * c->odd + odd], *v = c->v + x;
    for (int i = MAX_SERIAL - 1; i >= 0; i--) above += (int64_t)t[i] * v[-1 - i];
    return narrow_mean(above);
}

/* What a block takes from the rows above it. */
typedef struct {
    int32_t sum[BLOCK];
    int64_t wide[BLOCK];
    uint32_t scale[BLOCK];
} Above;

/* A function of its own, in which the compiler sees loops over a block and nothing else. */
TWO_BUILDS
NOINLINE void look_above_narrow(const Neighbours *n, const int32_t *v, const int32_t *e, int odd, Above *a)
{
    mean_above(n, v, odd, a->sum);
    scale_above(n, v, e, a->scale);
}

TWO_BUILDS
NOINLINE void look_above_wide(const Neighbours *n, const int32_t *v, const int32_t *e, int odd, Above *a)
{
    mean_above_wide(n, v, odd, a->wide);
    scale_above(n, v, e, a->scale);
}

ALWAYS_INLINE void look_above(const Neighbours *n, const Cursor *c, int x, Above *a, int wide)
{
    if (wide) look_above_wide(n, c->v + x, c->e + x, c->odd, a);
    else look_above_narrow(n, c->v + x, c->e + x, c->odd, a);
}

ALWAYS_INLINE void block_pixel(const Neighbours *n, Cursor *c, int x, int i, int odd, const Above *a, int wide)
{
    int32_t mean = wide ? own_row_wide(n, c, x, odd, a->wide[i]) : own_row_narrow(n, c, x, odd, a->sum[i]);
    uint32_t scale = a->scale[i] + scale_beside(n, c->v + x, c->e + x, c->v[x - 1], c->e[x - 1]);
    finish_pixel(c, x, odd, mean, scale);
}

ALWAYS_INLINE int block_is_sound(const Cursor *c, int x, int n)
{
    uint32_t limit = (uint32_t)c->d->limit, bad = 0;
    for (int i = 0; i < n; i++) bad |= (uint32_t)c->v[x + i] + limit > 2 * limit;
    return !bad;
}

static Cursor row_cursor(Decoder *d, int y)
{
    Cursor c = {.d = d, .lookup = d->lookup, .lane = &d->lane[y & 1], .odd = y & 1};
    c.copies = d->model.copies && y;
    c.shift = d->grid.shift ? d->grid.shift + (ptrdiff_t)y * d->w : 0;
    c.step = d->grid.step ? d->grid.step + (ptrdiff_t)y * d->w : 0;
    ptrdiff_t at = ((ptrdiff_t)y + ROWS_ABOVE) * d->stride + PAD;
    c.v = d->v + at;
    c.e = d->e + at;
    c.valid = d->valid ? d->valid + (ptrdiff_t)y * d->w : 0;
    pad_left(c.v, d->stride, y, FIRST_VALUE);
    pad_left(c.e, d->stride, y, FIRST_ERROR);
    return c;
}

ALWAYS_INLINE void take_lane(Cursor *c)
{
    c->state[0] = c->lane->state[0], c->state[1] = c->lane->state[1];
    c->word = c->lane->word;
}

ALWAYS_INLINE void give_lane(const Cursor *c)
{
    c->lane->state[0] = c->state[0], c->lane->state[1] = c->state[1];
    c->lane->word = c->word;
}

static void end_row(Decoder *d, Cursor *c, int y)
{
    pad_right(c->v, d->stride, d->w);
    pad_right(c->e, d->stride, d->w);
    if (y) return;
    for (int r = 1; r <= ROWS_ABOVE; r++) { /* rows above the first are copies of it */
        memcpy(c->v - PAD - r * d->stride, c->v - PAD, (size_t)d->stride * sizeof *d->v);
        memcpy(c->e - PAD - r * d->stride, c->e - PAD, (size_t)d->stride * sizeof *d->e);
    }
}

ALWAYS_INLINE int one_block(const Neighbours *n, Cursor *c, int x, int wide)
{
    Above above;
    int count = c->d->w - x < BLOCK ? c->d->w - x : BLOCK;
    if (!lane_ready(c->lane)) return 0;
    look_above(n, c, x, &above, wide);
    Cursor at = *c;
    take_lane(&at);
    ROLLED
    for (int i = 0; i < count; i++) block_pixel(n, &at, x + i, i, i & 1, &above, wide);
    give_lane(&at);
    return block_is_sound(c, x, count);
}

/* The same as one function: first and last blocks are few, and their code is large. */
TWO_BUILDS
NOINLINE int edge_block(const Neighbours *n, Cursor *c, int x, int wide)
{
    return wide ? one_block(n, c, x, 1) : one_block(n, c, x, 0);
}

/* A block in each of two rows: while one waits for its last pixel the other goes on. */
ALWAYS_INLINE int two_blocks(const Neighbours *n, Cursor *c1, int x1, Cursor *c2, int x2, int wide)
{
    Above above1, above2;
    look_above(n, c1, x1, &above1, wide);
    look_above(n, c2, x2, &above2, wide);
    Cursor a = *c1, b = *c2;
    take_lane(&a);
    take_lane(&b);
    ROLLED
    for (int i = 0; i < BLOCK; i += 2) {
        block_pixel(n, &a, x1 + i, i, 0, &above1, wide);
        block_pixel(n, &b, x2 + i, i, 0, &above2, wide);
        block_pixel(n, &a, x1 + i + 1, i + 1, 1, &above1, wide);
        block_pixel(n, &b, x2 + i + 1, i + 1, 1, &above2, wide);
    }
    give_lane(&a);
    give_lane(&b);
    return block_is_sound(c1, x1, BLOCK) && block_is_sound(c2, x2, BLOCK);
}

/* ---- usual rows: narrow values, no mask, no copies, three taps of the own row at most ------ */

enum {
    QUICK_TAPS = 3,
    LONG_CLASS = 35,      /* from which on residuals have raw bits */
    LONG_SCALE = 7 << 12, /* the least of that class */
};

/* What a pixel hands to the next of its row: kept in registers, since through memory it were late. */
typedef struct {
    uint32_t v1, e1;
    int bad; /* a level beyond 32 bits */
    Cursor at;
} Run;

ALWAYS_INLINE Run run_from(const Cursor *c, int x)
{
    Run r = {(uint32_t)c->v[x - 1], (uint32_t)c->e[x - 1], 0, *c};
    take_lane(&r.at);
    return r;
}

/* A residual with raw bits beside its symbol. */
ALWAYS_INLINE uint32_t long_residual(Run *r, int s, int shift)
{
    BitReader *raw = &r->at.lane->raw;
    uint32_t d = (uint32_t)(s - MIDDLE), low = 0;
    if (shift) low = get_bits(raw, shift) - (1u << shift >> 1);
    if (UNLIKELY(s == ESCAPE)) d = escaped(raw);
    return (d << shift) + low;
}

ALWAYS_INLINE int32_t quick_mean(const Neighbours *n, const Run *r, int x, int odd, uint32_t above)
{
    const int32_t *t = n->serial[2 * r->at.odd + odd], *v = r->at.v + x;
    above += (uint32_t)t[1] * (uint32_t)v[-2] + (uint32_t)t[2] * (uint32_t)v[-3];
    return (int32_t)(above + (uint32_t)t[0] * r->v1) >> 8;
}

ALWAYS_INLINE uint32_t size_of(uint32_t d) /* of a number with a sign; without a branch */
{
    uint32_t sign = 0 - (d >> 31);
    return (d ^ sign) - sign;
}

ALWAYS_INLINE uint32_t quick_scale(const Neighbours *n, const Run *r, int x, uint32_t above)
{
    const int32_t *w = n->weight, *e = r->at.e + x;
    above += (uint32_t)w[3] * (uint32_t)e[-2] + (uint32_t)w[5] * (uint32_t)e[-3];
    above += (uint32_t)w[8] * step_between((int32_t)r->v1, r->at.v[x - 1 - n->stride]);
    return above + (uint32_t)w[6] * r->e1;
}

/* 16 * class_of(scale) + 16 * LOOKUP_BIAS: all bits below the highest three are shifted out. */
enum { LOOKUP_BIAS = 28 };
ALWAYS_INLINE uint32_t quick_class(uint32_t scale)
{
    uint32_t n = (uint32_t)top_bit(scale);
    return (n << 6) + (scale >> (n - 2) << 4);
}

ALWAYS_INLINE void hand_on(Run *r, int x, uint32_t value, uint32_t error)
{
    r->at.v[x] = (int32_t)value, r->at.e[x] = (int32_t)error;
    r->v1 = value, r->e1 = error;
}

/* Without raw bits an error is known from symbol and offset, which are there before the value. */
ALWAYS_INLINE void quick_pixel(const Neighbours *n, Run *r, int x, int i, int odd, const Above *a)
{
    int32_t place = quick_mean(n, r, x, odd, (uint32_t)a->sum[i]) + 8;
    uint32_t scale = 64 + quick_scale(n, r, x, a->scale[i]);
    uint32_t offset = (uint32_t)place & 15, flip = (uint32_t)((int32_t)(offset - 8) >> 31);
    ptrdiff_t table = (ptrdiff_t)(quick_class(scale) + offset) - 16 * LOOKUP_BIAS;
    int s = get_symbol(r->at.lookup[table], &r->at.state[odd], &r->at.word);
    uint32_t d = (uint32_t)s - MIDDLE, error = size_of(16 * d - size_of(offset - 8));
    if (UNLIKELY((scale >= LONG_SCALE) | (s == ESCAPE))) {
        d = long_residual(r, s, class_shift(class_of(scale - 64)));
        error = (uint32_t)clipped_error_alone((int32_t)((uint32_t)(place >> 4) + ((d ^ flip) - flip)), place - 8);
    }
    hand_on(r, x, (uint32_t)(place >> 4) + ((d ^ flip) - flip), error);
}

/* On a grid of shifts alone: floor_div by 4096 is a shift.  The mean is near its level's value. */
ALWAYS_INLINE void quick_grid_pixel(const Neighbours *n, Run *r, int x, int i, int odd, const Above *a)
{
    int64_t from_base = r->at.d->base - r->at.shift[x];
    int32_t mean = quick_mean(n, r, x, odd, (uint32_t)a->sum[i]);
    int64_t place = 8 + (((int64_t)mean * 64 + from_base) >> 8);
    int class = class_of(quick_scale(n, r, x, a->scale[i])) - STEP_OCTAVES;
    class = class < 0 ? 0 : class;
    uint32_t offset = (uint32_t)place & 15, flip = (uint32_t)((int32_t)(offset - 8) >> 31);
    int s = get_symbol(r->at.lookup[16 * (uint32_t)class + offset], &r->at.state[odd], &r->at.word);
    int64_t level = place >> 4, value = 4 * level + ((512 - from_base) >> 10);
    uint32_t d = (uint32_t)s - MIDDLE, left = 16 * (uint32_t)value - (uint32_t)mean;
    uint32_t error = size_of(64 * d + ((left ^ flip) - flip));
    int is_long = UNLIKELY((class >= LONG_CLASS) | (s == ESCAPE));
    if (is_long) d = long_residual(r, s, class_shift(class));
    d = (d ^ flip) - flip;
    level += (int32_t)d, value += 4 * (int64_t)(int32_t)d;
    if (is_long) error = (uint32_t)clipped_error_alone((int32_t)value, mean);
    r->bad |= (level != (int32_t)level) | (value != (int32_t)value);
    hand_on(r, x, (uint32_t)value, error);
}

ALWAYS_INLINE void any_quick_pixel(const Neighbours *n, Run *r, int x, int i, int odd, const Above *a, int on_grid)
{
    if (on_grid) quick_grid_pixel(n, r, x, i, odd, a);
    else quick_pixel(n, r, x, i, odd, a);
}

ALWAYS_INLINE int two_quick_blocks(const Neighbours *n, Cursor *c1, int x1, Cursor *c2, int x2, int on_grid)
{
    Above above1, above2;
    look_above(n, c1, x1, &above1, 0);
    look_above(n, c2, x2, &above2, 0);
    Run a = run_from(c1, x1), b = run_from(c2, x2);
    ROLLED
    for (int i = 0; i < BLOCK; i += 2) {
        any_quick_pixel(n, &a, x1 + i, i, 0, &above1, on_grid);
        any_quick_pixel(n, &b, x2 + i, i, 0, &above2, on_grid);
        any_quick_pixel(n, &a, x1 + i + 1, i + 1, 1, &above1, on_grid);
        any_quick_pixel(n, &b, x2 + i + 1, i + 1, 1, &above2, on_grid);
    }
    give_lane(&a.at);
    give_lane(&b.at);
    return !a.bad && !b.bad && block_is_sound(c1, x1, BLOCK) && block_is_sound(c2, x2, BLOCK);
}

enum { NARROW_ROWS, WIDE_ROWS, QUICK_ROWS, QUICK_GRID_ROWS };

ALWAYS_INLINE int blocks(const Neighbours *n, Cursor *c1, int x1, Cursor *c2, int x2, int kind)
{
    if (c1->d->w - x1 < BLOCK || c1->d->w - x2 < BLOCK)
        return edge_block(n, c1, x1, kind == WIDE_ROWS) && edge_block(n, c2, x2, kind == WIDE_ROWS);
    if (!lane_ready(c1->lane) || !lane_ready(c2->lane)) return 0;
    return kind < QUICK_ROWS ? two_blocks(n, c1, x1, c2, x2, kind == WIDE_ROWS)
                             : two_quick_blocks(n, c1, x1, c2, x2, kind == QUICK_GRID_ROWS);
}

/* Odd rows lead, even rows follow two blocks behind the row above them. */
ALWAYS_INLINE int rows_in_pairs(Decoder *d, int kind)
{
    const Neighbours *n = &d->near;
    int y1 = 1, y2 = 2, x1 = 0, x2 = 0;
    Cursor c1, c2;
    for (int step = 0; y1 < d->h || y2 < d->h; step++) {
        int go1 = y1 < d->h, go2 = y2 < d->h && step >= LAG;
        if (go1 && !x1) c1 = row_cursor(d, y1);
        if (go2 && !x2) c2 = row_cursor(d, y2);
        if (go1 && go2) {
            if (!blocks(n, &c1, x1, &c2, x2, kind)) return 0;
        } else if (go1) {
            if (!edge_block(n, &c1, x1, kind == WIDE_ROWS)) return 0;
        } else if (go2 && !edge_block(n, &c2, x2, kind == WIDE_ROWS)) return 0;
        if (go1 && (x1 += BLOCK) >= d->w) end_row(d, &c1, y1), y1 += 2, x1 = 0;
        if (go2 && (x2 += BLOCK) >= d->w) end_row(d, &c2, y2), y2 += 2, x2 = 0;
    }
    return 1;
}

ALWAYS_INLINE int rows_in_turn(Decoder *d, const Neighbours *n, int y, int end, int wide)
{
    for (; y < end; y++) {
        Cursor c = row_cursor(d, y);
        for (int x = 0; x < d->w; x += BLOCK)
            if (!one_block(n, &c, x, wide)) return 0;
        end_row(d, &c, y);
    }
    return 1;
}

/* One function each, so that the compiler has few things to keep in registers. */
TWO_BUILDS
static int quick_rows(Decoder *d) { return rows_in_pairs(d, QUICK_ROWS); }

TWO_BUILDS
static int quick_grid_rows(Decoder *d) { return rows_in_pairs(d, QUICK_GRID_ROWS); }

TWO_BUILDS
static int narrow_rows(Decoder *d) { return rows_in_pairs(d, NARROW_ROWS); }

TWO_BUILDS
static int wide_rows(Decoder *d) { return rows_in_pairs(d, WIDE_ROWS); }

TWO_BUILDS
static int some_rows(Decoder *d, const Neighbours *n, int y, int end)
{
    return d->model.wide ? rows_in_turn(d, n, y, end, 1) : rows_in_turn(d, n, y, end, 0);
}

static int plain_rows(Decoder *d)
{
    const Model *m = &d->model;
    if (d->w <= (LAG + 1) * BLOCK) return some_rows(d, &d->near, 1, d->h);
    if (m->wide) return wide_rows(d);
    if (d->valid || m->copies || m->serial > QUICK_TAPS || d->grid.step) return narrow_rows(d);
    return d->grid.shift ? quick_grid_rows(d) : quick_rows(d);
}

TWO_BUILDS
static int adapted_rows(Decoder *d, Adapt *a, Mixer *mixer)
{
    int good = 1, wide = d->model.wide;
    Neighbours n = d->near;
    adapt_set(a, &d->model);
    if (mixer) mixer_set(mixer, &d->model);
    if (a->nlms) n.weight[9] = 0;
    for (int y = 1; y < d->h && good; y++) {
        Cursor c = row_cursor(d, y);
        int16_t *r = d->residual + (c.v - d->v);
        for (int i = 1; i <= PAD; i++) r[-i] = r[-d->stride];
        for (int x = 0; x < d->w && good; x++) {
            Above above;
            int i = x % BLOCK;
            if (!i) {
                if (!lane_ready(c.lane)) good = 0;
                look_above(&n, &c, x, &above, wide);
                take_lane(&c);
            }
            int32_t p = wide ? own_row_wide(&n, &c, x, x & 1, above.wide[i])
                             : own_row_narrow(&n, &c, x, x & 1, above.sum[i]);
            int32_t mean = adapt_mean(a, c.v + x, c.e + x, r + x, d->stride, p);
            uint32_t scale = above.scale[i] + scale_beside(&n, c.v + x, c.e + x, c.v[x - 1], c.e[x - 1]);
            if (a->nlms) scale += (uint32_t)(d->model.weight[9] * a->moved);
            if (mixer) finish_mixed(&c, mixer, x, mean, scale);
            else finish_pixel(&c, x, x & 1, mean, scale);
            if (!block_is_sound(&c, x, 1)) good = 0;
            else adapt_learn(a, c.v[x], p, r + x);
            if (i == BLOCK - 1 || x == d->w - 1) give_lane(&c);
        }
        for (ptrdiff_t x = d->w; x < d->stride - PAD; x++) r[x] = r[d->w - 1];
        end_row(d, &c, y);
    }
    return good ? AE_OK : AE_CORRUPT;
}

static int learning_rows(Decoder *d)
{
    Adapt *a = take(sizeof *a);
    Mixer *mixer = d->model.mix ? take(sizeof *mixer) : 0;
    int status = a && (mixer || !d->model.mix) ? adapted_rows(d, a, mixer) : AE_MEMORY;
    give(a), give(mixer);
    return status;
}

/* The first row's residuals of the taps, from which NLMS starts. */
static void first_residuals(Decoder *d, const Neighbours *first)
{
    ptrdiff_t at = ROWS_ABOVE * d->stride + PAD;
    const int32_t *v = d->v + at;
    int16_t *r = d->residual + at;
    for (int x = 0; x < d->w; x++) {
        int32_t p = narrow_mean((int64_t)first->serial[x & 1][0] * v[x - 1] + 128);
        r[x] = (int16_t)clip((v[x] * 16 - p) >> d->model.down, INPUT_LIMIT);
    }
    for (ptrdiff_t x = d->w; x < d->stride - PAD; x++) r[x] = r[d->w - 1];
}

static int all_rows(Decoder *d)
{
    const Model *m = &d->model;
    Neighbours first = d->near;
    if (d->h > 1) neighbours_first_row(&first, m);
    if (!some_rows(d, &first, 0, 1)) return AE_CORRUPT;
    if (m->adapt || m->bias || m->mix) {
        first_residuals(d, &first);
        return learning_rows(d);
    }
    return plain_rows(d) ? AE_OK : AE_CORRUPT;
}

/* ---- from the planes to the integers ------------------------------------------------------- */

typedef struct {
    Head head;
    const uint8_t *part[PARTS];
    const int64_t *levels;
    int64_t level_count;
} Source;

static int put_value(void *k, int bytes_each, int64_t i, int64_t value)
{
    if (bytes_each == 8) {
        ((int64_t *)k)[i] = value;
        return 1;
    }
    ((int32_t *)k)[i] = (int32_t)value;
    return value == (int32_t)value;
}

/* A rank's level, or the value itself; bad ranks are found by the caller. */
static int put_ranked(const Source *s, void *k, int bytes_each, int64_t i, int64_t value)
{
    if (!s->head.ranks) return put_value(k, bytes_each, i, value) ? AE_OK : AE_RANGE;
    if (value < 0 || value >= s->level_count) return AE_CORRUPT;
    return put_value(k, bytes_each, i, s->levels[value]) ? AE_OK : AE_RANGE;
}

static BitReader bit_reader(const Source *s, int part)
{
    BitReader b = {0, 0, s->part[part], s->part[part] + s->head.size[part], 0};
    return b;
}

/* Values that need nothing but their base, or the base of their levels. */
ALWAYS_INLINE int put_simple(const Decoder *d, int64_t base, void *k, int bytes_each)
{
    int fits = 1;
    for (int y = 0; y < d->h; y++) {
        const int32_t *v = d->v + ((ptrdiff_t)y + ROWS_ABOVE) * d->stride + PAD;
        ptrdiff_t first = (ptrdiff_t)y * d->w;
        const uint8_t *valid = d->valid ? d->valid + first : 0;
        const int64_t *shift = d->grid.shift ? d->grid.shift + first : 0;
        for (int x = 0; x < d->w; x++) {
            int64_t value = shift ? (1024 * (int64_t)v[x] + base - shift[x] + 2048) >> 12 : base + v[x];
            value = valid && !valid[x] ? 0 : value;
            if (bytes_each == 8) ((int64_t *)k)[first + x] = value;
            else ((int32_t *)k)[first + x] = (int32_t)value;
            if (bytes_each == 4 && shift) fits &= value == (int32_t)value;
        }
    }
    return fits ? AE_OK : AE_RANGE;
}

TWO_BUILDS
static int put_simple_rows(const Decoder *d, int64_t base, void *k, int bytes_each)
{
    return bytes_each == 8 ? put_simple(d, base, k, 8) : put_simple(d, base, k, 4);
}

/* Nothing apart, no ranks, and sums that fit the output. */
static int is_simple(const Decoder *d, const Source *s, int bytes_each)
{
    const Head *h = &s->head;
    int64_t base = (int64_t)h->base, most = bytes_each == 8 ? INT64_MAX / 2 : INT32_MAX - 2 * (int64_t)FAR;
    if (d->grid.step || h->ranks || h->shift || h->size[PART_LOW] || h->size[PART_FAR]) return 0;
    return h->on_grid || (!d->model.wide && base < most && base > -most);
}

static int put_rows(const Decoder *d, const Source *s, void *k, int bytes_each)
{
    int64_t base = (int64_t)s->head.base;
    if (is_simple(d, s, bytes_each)) return put_simple_rows(d, base, k, bytes_each);
    BitReader low = bit_reader(s, PART_LOW);
    const uint8_t *far = s->part[PART_FAR], *end = far + s->head.size[PART_FAR];
    int shift = s->head.shift, status = AE_OK;
    for (int64_t i = 0; i < (int64_t)d->h * d->w && !status; i++) {
        int32_t v = d->v[(i / d->w + ROWS_ABOVE) * d->stride + PAD + i % d->w];
        if (d->valid && !d->valid[i]) {
            put_value(k, bytes_each, i, 0);
            continue;
        }
        uint64_t value = s->head.base + (uint64_t)v * ((uint64_t)1 << shift);
        if (s->head.on_grid) {
            value = (uint64_t)grid_level(v, d->grid.step ? d->grid.step[i] : 4096, d->grid.shift[i], base);
        } else if (v == FAR || v == -FAR) {
            if (end - far < 8) return AE_CORRUPT;
            value = word32(far) | (uint64_t)word32(far + 4) << 32;
            far += 8;
        } else if (shift) {
            uint32_t first = get_bits(&low, shift < 32 ? shift : 32);
            value += first | (shift > 32 ? (uint64_t)get_bits(&low, shift - 32) << 32 : 0);
        }
        status = put_ranked(s, k, bytes_each, i, (int64_t)value);
    }
    return status ? status : far == end && all_read(&low) ? AE_OK : AE_CORRUPT;
}

static int set_lane(Decoder *d, const Source *s, int number)
{
    Lane *l = &d->lane[number];
    const uint8_t *at = s->part[PART_WORDS0 + number];
    size_t size = s->head.size[PART_WORDS0 + number];
    l->raw = bit_reader(s, PART_RAW0 + number);
    if (number && d->h == 1) return size == 0;
    if (size < 8 || size % 2) return 0;
    l->state[0] = word32(at), l->state[1] = word32(at + 4);
    l->word = at + 8;
    l->end = at + size;
    return 1;
}

/* All words are used up and the coder is back where the encoder started. */
static int lane_is_done(const Decoder *d, int number)
{
    const Lane *l = &d->lane[number];
    if (!all_read(&l->raw)) return 0;
    if (number && d->h == 1) return 1;
    return l->word == l->end && l->state[0] == STATE_LOW && l->state[1] == STATE_LOW;
}

static int make_planes(Decoder *d)
{
    d->stride = (d->w + BLOCK - 1) / BLOCK * BLOCK + 2 * PAD;
    size_t area = (size_t)(d->h + ROWS_ABOVE) * (size_t)d->stride;
    int adapts = d->model.adapt || d->model.bias || d->model.mix;
    d->v = take(area * sizeof *d->v);
    d->e = take(area * sizeof *d->e);
    d->residual = adapts ? take_zeros(area, sizeof *d->residual) : 0;
    if (!d->v || !d->e || (adapts && !d->residual)) return AE_MEMORY;
    memset(d->v, 0, ROWS_ABOVE * (size_t)d->stride * sizeof *d->v);
    memset(d->e, 0, ROWS_ABOVE * (size_t)d->stride * sizeof *d->e);
    return AE_OK;
}

static int decode_coded(Decoder *d, const Source *s, void *k, int bytes_each)
{
    BitReader bits = bit_reader(s, PART_MODEL);
    if (!get_model(&bits, &d->model, d->h)) return AE_CORRUPT;
    if (!set_lane(d, s, 0) || !set_lane(d, s, 1)) return AE_CORRUPT;
    d->limit = d->model.wide ? FAR : NARROW;
    int status = make_planes(d);
    if (!status) status = make_lookups(d);
    if (status) return status;
    neighbours_set(&d->near, &d->model, d->stride);
    /* Columns that a row's last block looks at and that are never used must still be there. */
    for (int y = 0; y < d->h; y++) {
        ptrdiff_t end = ((ptrdiff_t)y + ROWS_ABOVE + 1) * d->stride;
        memset(d->v + end - PAD - BLOCK, 0, (PAD + BLOCK) * sizeof *d->v);
        memset(d->e + end - PAD - BLOCK, 0, (PAD + BLOCK) * sizeof *d->e);
    }
    status = all_rows(d);
    if (status) return status;
    if (!lane_is_done(d, 0) || !lane_is_done(d, 1)) return AE_CORRUPT;
    return put_rows(d, s, k, bytes_each);
}

static int decode_flat(const Decoder *d, const Source *s, ByteReader *r, void *k, int bytes_each)
{
    BitReader bits = {0, 0, r->at, r->end, 0};
    int width = s->head.method == METHOD_PACKED ? s->head.width : 0, status = AE_OK;
    for (int64_t i = 0; i < (int64_t)d->h * d->w && !status; i++) {
        uint64_t low = 0;
        if (d->valid && !d->valid[i]) {
            put_value(k, bytes_each, i, 0);
            continue;
        }
        if (width) low = get_bits(&bits, width < 32 ? width : 32);
        if (width > 32) low |= (uint64_t)get_bits(&bits, width - 32) << 32;
        status = put_ranked(s, k, bytes_each, i, (int64_t)(s->head.base + low));
        if (bits.bad) return AE_CORRUPT;
    }
    return status ? status : all_read(&bits) ? AE_OK : AE_CORRUPT;
}

int ae_decode(const uint8_t *data, size_t size, const uint8_t *valid, int h, int w, Grid grid,
              const int64_t *levels, int64_t level_count, void *k, int bytes_each)
{
    ByteReader r = {data, data + size, 0};
    Source s = {.levels = levels, .level_count = level_count};
    if (!get_head(&r, &s.head) || (s.head.on_grid && !grid.shift)) return AE_CORRUPT;
    Decoder *d = take_zeros(1, sizeof *d);
    if (!d) return AE_MEMORY;
    d->valid = valid;
    if (s.head.on_grid) d->grid = grid, d->base = (int64_t)s.head.base;
    d->h = w == 1 ? 1 : h; /* a column lies on its side */
    d->w = w == 1 ? h : w;
    const uint8_t *at = r.at;
    for (int i = 0; i < PARTS && s.head.method == METHOD_CODED; i++) s.part[i] = at, at += s.head.size[i];
    int status = s.head.method == METHOD_CODED ? decode_coded(d, &s, k, bytes_each)
                                               : decode_flat(d, &s, &r, k, bytes_each);
    give(d->v), give(d->e), give(d->residual), give(d->made);
    give(d);
    return status;
}
