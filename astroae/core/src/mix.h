/* Symbols from a mixture of tables that learn: at high effort, and where pixels repeat.
 *
 * One table is the class's own; the others are kept by value, by the nearest pixels, and by the
 * difference to the pixel on the left and above.  Weights follow whoever foretold best.  Tables are
 * sums of probabilities, so that a mean of sums is a table again.  Where pixels repeat (copies, zoomed
 * plates, values left over from a transform in blocks of two by two) weights are kept by which of the
 * neighbours are equal, two more tables serve, and all learn faster.  Integers only; encoder and
 * decoder call the same functions, pixel by pixel in raster order.
 */
#ifndef ASTROAE_MIX_H
#define ASTROAE_MIX_H

#include "shorts.h"
#include "neighbours.h"

enum {
    MIXED = 5,              /* tables in a mixture */
    MOST_MIXED = 7,         /* of an image that repeats pixels */
    MIX_JUMPS = 64,         /* differences of left and above, modulo this */
    MIX_STEPS = 32,         /* those to the pixel between them, modulo this */
    USUAL_SPEED = 3,        /* of the weights */
    QUICK_SPEED = 24,
    MIX_ONE = 32704,        /* a sum of all probabilities: 2^15 less what rounding up needs */
    MIX_GROUPS = 4,         /* of classes, each with its weights */
    MIX_VALUES = 256,
    MIX_NEAR = 7,           /* differences -3 ... 3 */
    MIX_PATTERNS = 256,     /* six equalities and the parity of x and y */
    WEIGHT_ONE = 65535,
    WEIGHT_LEAST = 200,
};

/* start[s]: probability of the symbols below s. */
typedef struct {
    int16_t start[SYMBOLS];
    uint8_t count; /* of symbols learnt; 0: not yet made */
} Learnt;

/* The same with room for shifts: start is in the middle. */
typedef struct {
    int16_t below[SYMBOLS], start[SYMBOLS], above[SYMBOLS];
    uint8_t count;
} Shifted;

typedef struct {
    int first_class, last_class;
    int16_t usual[CLASSES][16][SYMBOLS]; /* of the model, by class and sub-pixel offset */
    Learnt value[MIX_VALUES * MIX_GROUPS], near[MIX_NEAR * MIX_NEAR * 4 * MIX_GROUPS];
    Shifted left[MIX_PATTERNS], above[MIX_PATTERNS];
    int repeats, mixed, shifts;           /* 5 tables, 2 of them shifted, or 7 and 4 */
    int32_t weight[MIX_GROUPS + MIX_PATTERNS][MOST_MIXED];
    /* of the pixel at hand */
    int group, by[4]; /* what shifts the tables */
    Learnt *learnt[2];
    Shifted *shifted[4];
    const int16_t *table[MOST_MIXED];
    uint16_t start[SYMBOLS + 1];
    /* where pixels repeat, else not even set */
    Shifted jump[MIX_JUMPS * 16], corner[MIX_STEPS * MIX_STEPS * 4];
} Mixer;

/* A table of the model, its sign as the offset has it. */
static inline void mixer_usual(int16_t *to, const Table *t, int flip)
{
    for (int s = 0; s < SYMBOLS; s++) {
        int sum = 8 * (flip ? t->start[ESCAPE] - t->start[ESCAPE - s] : t->start[s]);
        to[s] = (int16_t)(sum - (sum >> 9));
    }
}

static inline void mixer_set(Mixer *x, const Model *m)
{
    memset(x, 0, m->repeats ? sizeof *x : offsetof(Mixer, jump));
    x->first_class = m->first_class, x->last_class = m->last_class;
    for (int c = m->first_class; c <= m->last_class; c++) {
        Table own;
        if (m->own[c]) sent_table(m->histogram[c], &own);
        for (int o = 0; o < 16; o++) {
            const Table *t = m->own[c] ? &own : frozen_table(m->scale[c], m->shape[c], o < 8 ? 8 - o : o - 8);
            mixer_usual(x->usual[c][o], t, o < 8);
        }
    }
    int first = WEIGHT_ONE / (m->repeats ? 7 : 10);
    x->repeats = m->repeats, x->mixed = m->repeats ? MOST_MIXED : MIXED, x->shifts = x->mixed - 3;
    for (int g = 0; g < MIX_GROUPS + MIX_PATTERNS; g++) {
        for (int i = 1; i < x->mixed; i++) x->weight[g][i] = first;
        x->weight[g][0] = WEIGHT_ONE - (x->mixed - 1) * first;
    }
}

/* Differences are small, most of them, before any was seen. */
static inline void shifted_set(Shifted *t)
{
    int32_t sum = 0, total = 0;
    for (int s = 0; s < ESCAPE; s++) total += 65536 / (10 + 3 * (s - MIDDLE) * (s - MIDDLE));
    for (int s = 0; s < SYMBOLS; s++) {
        t->below[s] = 0, t->above[s] = MIX_ONE;
        t->start[s] = (int16_t)((int64_t)sum * MIX_ONE / total);
        if (s < ESCAPE) sum += 65536 / (10 + 3 * (s - MIDDLE) * (s - MIDDLE));
    }
}

ALWAYS_INLINE int within(int v, int limit) { return v < -limit ? -limit : v > limit ? limit : v; }

/* Which of the neighbours are equal, and the parity of the place. */
ALWAYS_INLINE int mixer_pattern(const int32_t *v, ptrdiff_t stride, int parity)
{
    const int32_t *up = v - stride, *top = up - stride;
    int equal = (v[-1] == up[-1]) | (up[0] == up[-1]) << 1 | (up[1] == up[0]) << 2 | (v[-1] == v[-2]) << 3
              | (v[-2] == up[-2]) << 4 | (top[0] == top[-1]) << 5;
    return 4 * equal + parity;
}

/* The weighted mean of the tables, in 2^-12. */
ALWAYS_INLINE void mix_tables(uint16_t *start, const int16_t *const *table, const int32_t *weight, int mixed)
{
    for (int s = 0; s < SYMBOLS; s += SHORTS_EACH) {
        Shorts sum = shorts_all(0);
        for (int i = 0; i < mixed; i++)
            sum = shorts_add(sum, shorts_upper_positive(shorts_of(table[i] + s), shorts_all(weight[i])));
        sum = shorts_add(sum, shorts_shifted(sum, 9));
        shorts_to(start + s, shorts_shifted(sum, 3));
    }
    start[0] = 0;
    start[SYMBOLS] = PROB_ONE;
}

/* The mixture for the pixel v points at.  `offset`: sub-pixel place of the mean, 0 to 15, where the
 * symbol is counted; `unit`: bits by which values of the plane are finer than symbols. */
ALWAYS_INLINE void mixer_look(Mixer *m, const int32_t *v, ptrdiff_t stride, int32_t mean, int offset, int class,
                              int parity, int unit)
{
    int32_t middle = (mean + 8) >> 4;
    int down = unit + class_shift(class), g = class < 20 ? 0 : class < 26 ? 1 : class < 32 ? 2 : 3;
    int a = (v[-1] - middle) >> down, b = (v[-stride] - middle) >> down, pattern = mixer_pattern(v, stride, parity);
    int near = (within(a, 3) + 3) * MIX_NEAR + within(b, 3) + 3, used = class;
    if (used < m->first_class || used > m->last_class) used = m->first_class;
    m->group = m->repeats ? MIX_GROUPS + pattern : g;
    m->by[0] = within(a, SYMBOLS), m->by[1] = within(b, SYMBOLS);
    m->learnt[0] = &m->value[(middle >> unit & (MIX_VALUES - 1)) * MIX_GROUPS + g];
    m->learnt[1] = &m->near[(near * 4 + (m->repeats ? parity : offset >> 2)) * MIX_GROUPS + g];
    m->shifted[0] = &m->left[pattern], m->shifted[1] = &m->above[pattern];
    if (m->repeats) {
        int32_t between = v[-stride - 1], w = (v[-1] - between) >> down, n = (v[-stride] - between) >> down;
        m->by[2] = within((v[-1] - middle + v[-stride] - between) >> down, SYMBOLS), m->by[3] = m->by[0];
        m->shifted[2] = &m->corner[((n & (MIX_STEPS - 1)) * MIX_STEPS + (w & (MIX_STEPS - 1))) * 4 + parity];
        m->shifted[3] = &m->jump[((b - a) & (MIX_JUMPS - 1)) * 16 + (pattern & 15)];
    }
    m->table[0] = m->usual[used][offset];
    for (int i = 0; i < 2; i++) {
        if (UNLIKELY(!m->learnt[i]->count)) memcpy(m->learnt[i]->start, m->table[0], sizeof m->learnt[i]->start);
        m->table[1 + i] = m->learnt[i]->start;
    }
    for (int i = 0; i < m->shifts; i++) {
        if (UNLIKELY(!m->shifted[i]->count)) shifted_set(m->shifted[i]);
        m->table[3 + i] = m->shifted[i]->below + SYMBOLS - m->by[i];
    }
    if (m->repeats) mix_tables(m->start, m->table, m->weight[m->group], MOST_MIXED);
    else mix_tables(m->start, m->table, m->weight[g], MIXED);
}

/* The symbol whose part of the mixture holds a place. */
ALWAYS_INLINE int mixer_find(const Mixer *m, int place)
{
    Shorts n = shorts_all(0), at = shorts_all(place + 1);
    for (int s = 0; s < SYMBOLS; s += SHORTS_EACH) n = shorts_add(n, shorts_above(at, shorts_of(m->start + s)));
    return shorts_count(n) - 1;
}

static const int16_t PLACES[SHORTS_EACH] = {0, 1, 2, 3, 4, 5, 6, 7};

/* Towards a table in which `symbol` is certain: the faster the less was learnt. */
ALWAYS_INLINE void learn_symbol(int16_t *start, uint8_t *count, int symbol, int quick)
{
    int rate = quick && *count < 6 ? 2 : *count < 8 ? 3 : *count < 24 ? 4 : *count < 56 ? 5 : 6;
    Shorts up = shorts_all(MIX_ONE + (1 << rate) - 1), part = shorts_all(1 << (16 - rate)), after = shorts_all(symbol);
    Shorts place = shorts_of(PLACES), eight = shorts_all(SHORTS_EACH);
    for (int s = 0; s < SYMBOLS; s += SHORTS_EACH) {
        Shorts before = shorts_of(start + s), to = shorts_and(shorts_above(place, after), up);
        shorts_to(start + s, shorts_add(before, shorts_upper(shorts_less(to, before), part)));
        place = shorts_add(place, eight);
    }
    *count = (uint8_t)(*count + (*count < 255));
}

ALWAYS_INLINE int32_t probability(const int16_t *table, int symbol)
{
    int32_t low = symbol ? table[symbol] : 0;
    return (symbol < ESCAPE ? table[symbol + 1] : MIX_ONE) - low;
}

/* Learn a symbol; the escape is whatever the alphabet does not hold. */
ALWAYS_INLINE void mixer_learn(Mixer *m, int symbol)
{
    int32_t *weight = m->weight[m->group], found[MOST_MIXED], others = 0, largest = 1;
    int64_t sum = 0, gain = m->repeats ? QUICK_SPEED : USUAL_SPEED;
    for (int i = 0; i < m->mixed; i++) {
        found[i] = probability(m->table[i], symbol);
        sum += (int64_t)weight[i] * found[i];
    }
    int32_t all = (int32_t)(sum >> 16) + 8, inverse = (1 << 22) / all;
    for (int i = 1; i < m->mixed; i++) {
        int64_t more = (int64_t)(found[i] - all) * inverse >> 12; /* in 1/1024 */
        weight[i] += (int32_t)(weight[i] * more * gain >> 17);
        if (weight[i] < WEIGHT_LEAST) weight[i] = WEIGHT_LEAST;
        if (weight[i] > weight[largest]) largest = i;
        others += weight[i];
    }
    if (others > WEIGHT_ONE - WEIGHT_LEAST) {
        weight[largest] -= others - (WEIGHT_ONE - WEIGHT_LEAST);
        others = WEIGHT_ONE - WEIGHT_LEAST;
    }
    weight[0] = WEIGHT_ONE - others;
    for (int i = 0; i < 2; i++) learn_symbol(m->learnt[i]->start, &m->learnt[i]->count, symbol, m->repeats);
    for (int i = 0; i < m->shifts; i++) {
        int by = symbol - m->by[i];
        if (symbol < ESCAPE && by >= 0 && by < ESCAPE) learn_symbol(m->shifted[i]->start, &m->shifted[i]->count, by, m->repeats);
    }
}

#endif
