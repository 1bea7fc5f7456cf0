/* The model of a tile, written and read as bits.  Every number is bounded on reading. */
#ifndef ASTROAE_PARAMS_H
#define ASTROAE_PARAMS_H

#include "neighbours.h"
#include <string.h>

enum { NEAR_TAPS = 5, USUAL_SHAPE = 2, FIRST_COUNT = 20, MOST_COUNT = 128, MOST_DOWN = 12 };

static inline int best_rice(const uint32_t *z, int n)
{
    int best = 0;
    uint64_t least = UINT64_MAX;
    for (int k = 0; k < 16; k++) {
        uint64_t bits = 0;
        for (int i = 0; i < n; i++) bits += (z[i] >> k) + 1 + k;
        if (bits < least) least = bits, best = k;
    }
    return best;
}

/* A parameter of four bits, then the numbers. */
static inline void put_numbers(BitWriter *b, const uint32_t *z, int n)
{
    if (n <= 0) return;
    int k = best_rice(z, n);
    put_bits(b, (uint32_t)k, 4);
    for (int i = 0; i < n; i++) put_rice(b, z[i], k);
}

static inline void get_numbers(BitReader *b, uint32_t *z, int n, uint32_t most)
{
    if (n <= 0) return;
    int k = (int)get_bits(b, 4);
    for (int i = 0; i < n; i++) z[i] = get_rice(b, k, most);
}

static inline void put_histogram(BitWriter *b, const uint8_t *h)
{
    int first = 0, last = SYMBOLS - 1, before = FIRST_COUNT;
    while (first < last && !h[first]) first++;
    while (last > first && !h[last]) last--;
    put_bits(b, (uint32_t)first, 6);
    put_bits(b, (uint32_t)last, 6);
    for (int s = first; s <= last; s++) {
        put_rice(b, zigzag(h[s] - before), 2);
        before = h[s];
    }
}

static inline int histogram_bits(const uint8_t *h)
{
    int first = 0, last = SYMBOLS - 1, before = FIRST_COUNT, bits = 12;
    while (first < last && !h[first]) first++;
    while (last > first && !h[last]) last--;
    for (int s = first; s <= last; s++) {
        bits += (int)(zigzag(h[s] - before) >> 2) + 3;
        before = h[s];
    }
    return bits;
}

static inline void get_histogram(BitReader *b, uint8_t *h)
{
    int first = (int)get_bits(b, 6), last = (int)get_bits(b, 6), count = FIRST_COUNT;
    memset(h, 0, SYMBOLS);
    for (int s = first; s <= last; s++) {
        count += unzigzag(get_rice(b, 2, 2 * MOST_COUNT));
        if (count < 0 || count > MOST_COUNT) b->bad = 1, count = 0;
        h[s] = (uint8_t)count;
    }
}

static inline void put_classes(BitWriter *b, const Model *m)
{
    int before = 0, any = 0;
    put_bits(b, (uint32_t)m->first_class, 7);
    put_bits(b, (uint32_t)m->last_class, 7);
    for (int c = m->first_class; c <= m->last_class; c++) {
        int shift = m->scale[c] - class_scale(c);
        put_rice(b, zigzag(shift - before), 1);
        before = shift;
        put_bits(b, m->shape[c] != USUAL_SHAPE, 1);
        if (m->shape[c] != USUAL_SHAPE) put_bits(b, m->shape[c] - (m->shape[c] > USUAL_SHAPE), 2);
        any |= m->own[c];
    }
    put_bits(b, (uint32_t)any, 1);
    for (int c = m->first_class; c <= m->last_class && any; c++) {
        put_bits(b, m->own[c], 1);
        if (m->own[c]) put_histogram(b, m->histogram[c]);
    }
}

static inline void get_classes(BitReader *b, Model *m)
{
    int shift = 0;
    m->first_class = (int)get_bits(b, 7);
    m->last_class = (int)get_bits(b, 7);
    if (m->first_class > m->last_class || m->last_class >= CLASSES) {
        b->bad = 1, m->first_class = m->last_class = 0;
        return;
    }
    for (int c = m->first_class; c <= m->last_class; c++) {
        shift += unzigzag(get_rice(b, 1, 4 * SCALES));
        int scale = class_scale(c) + shift;
        if (scale < 0 || scale >= SCALES) b->bad = 1, scale = shift = 0;
        m->scale[c] = (uint8_t)scale;
        uint32_t shape = USUAL_SHAPE;
        if (get_bits(b, 1)) {
            shape = get_bits(b, 2);
            shape += shape >= USUAL_SHAPE;
        }
        m->shape[c] = (uint8_t)shape;
    }
    if (!get_bits(b, 1)) return;
    for (int c = m->first_class; c <= m->last_class; c++) {
        m->own[c] = (uint8_t)get_bits(b, 1);
        if (m->own[c]) get_histogram(b, m->histogram[c]);
    }
}

static inline void put_model(BitWriter *b, const Model *m)
{
    uint32_t z[MAX_TAPS];
    int k = m->taps_count, near = k < NEAR_TAPS ? k : NEAR_TAPS;
    put_bits(b, (uint32_t)k, 6);
    put_bits(b, (uint32_t)m->by_parity, 1);
    put_bits(b, (uint32_t)m->wide, 1);
    put_bits(b, (uint32_t)m->adapt, 1);
    put_bits(b, (uint32_t)m->bias, 1);
    put_bits(b, (uint32_t)m->copies, 1);
    put_bits(b, (uint32_t)m->mix, 1);
    if (m->mix) put_bits(b, (uint32_t)m->repeats, 1);
    if (m->adapt || m->bias) {
        put_bits(b, (uint32_t)m->rate, 2);
        put_bits(b, (uint32_t)m->down, 4);
    }
    for (int set = 0; set < (m->by_parity ? 4 : 1); set++) {
        for (int i = 0; i < k; i++) z[i] = zigzag(m->taps[set][i]);
        put_numbers(b, z, near);
        put_numbers(b, z + near, k - near);
    }
    for (int i = 0; i < WEIGHTS; i++) z[i] = (uint32_t)m->weight[i];
    put_numbers(b, z, WEIGHTS);
    put_classes(b, m);
    for (int i = 0; i < COPY_CONTEXTS && m->copies; i++) {
        put_bits(b, m->copy[i] > 0, 1);
        if (m->copy[i]) put_bits(b, m->copy[i], PROB_BITS);
    }
}

static inline void get_taps(BitReader *b, Model *m)
{
    uint32_t z[MAX_TAPS];
    int k = m->taps_count, near = k < NEAR_TAPS ? k : NEAR_TAPS;
    for (int set = 0; set < (m->by_parity ? 4 : 1); set++) {
        int32_t sum = 0;
        get_numbers(b, z, near, 65535);
        get_numbers(b, z + near, k - near, 65535);
        for (int i = 0; i < k; i++) {
            m->taps[set][i] = (int16_t)unzigzag(z[i]);
            sum += magnitude(m->taps[set][i]);
        }
        if (sum > (m->wide ? WIDE_TAP_SUM : TAP_SUM)) b->bad = 1;
    }
    for (int set = 1; set < 4 && !m->by_parity; set++) memcpy(m->taps[set], m->taps[0], sizeof m->taps[0]);
}

static inline void get_weights(BitReader *b, Model *m)
{
    static const int count[WEIGHTS] = {0, 1, 2, 2, 4, 8, 1, 2, 1, 1};
    uint32_t z[WEIGHTS];
    int32_t sum = 0;
    get_numbers(b, z, WEIGHTS, 65535);
    for (int i = 0; i < WEIGHTS; i++) {
        m->weight[i] = (int32_t)z[i];
        sum += count[i] * m->weight[i];
    }
    if (sum > WEIGHT_SUM) b->bad = 1;
}

/* 0 where the bits make no model. */
static inline int get_model(BitReader *b, Model *m, int h)
{
    memset(m, 0, sizeof *m);
    int k = (int)get_bits(b, 6);
    if (k > MAX_TAPS || (h == 1 && k > MAX_SERIAL)) return 0;
    model_hood(m, k, h);
    m->by_parity = (int)get_bits(b, 1);
    m->wide = (int)get_bits(b, 1);
    m->adapt = (int)get_bits(b, 1);
    m->bias = (int)get_bits(b, 1);
    m->copies = (int)get_bits(b, 1);
    m->mix = (int)get_bits(b, 1);
    m->repeats = m->mix && get_bits(b, 1);
    if (h == 1 && (m->adapt || m->bias || m->mix)) return 0;
    if (m->adapt || m->bias) {
        m->rate = (int)get_bits(b, 2);
        m->down = (int)get_bits(b, 4);
        if (m->down > MOST_DOWN) return 0;
    }
    get_taps(b, m);
    if (b->bad) return 0;
    get_weights(b, m);
    get_classes(b, m);
    for (int i = 0; i < COPY_CONTEXTS && m->copies; i++)
        if (get_bits(b, 1)) m->copy[i] = (uint16_t)get_bits(b, PROB_BITS);
    return all_read(b);
}

#endif
