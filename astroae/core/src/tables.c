/* Tables of symbol frequencies: frozen ones by scale, shape and offset, and sent histograms.
 *
 * All in integers, from the tails in tails.h, so that every machine has the same tables.
 */
#include "bits.h"
#include "tails.h"
#include <math.h>
#include <string.h>

enum { TOTAL = 1 << 30, LEAST = 78643 /* 0.3 of 2^-12; rarer symbols escape */ };

static Table frozen[SCALES][SHAPES][OFFSETS];
static float costs[SCALES][SHAPES][OFFSETS][SYMBOLS]; /* bits, escapes with what follows them */
static float bits_of[PROB_ONE + 1];
Reciprocal reciprocals[PROB_ONE + 1];

/* Fewer offsets matter where the deviation is larger. */
int coarse_offset(int offset, int scale)
{
    int step = scale < 14 ? 1 : scale < 20 ? 2 : scale < 26 ? 4 : 0;
    return step ? (offset + step / 2) / step * step : 0;
}

/* Probability, in 2^-30, of lying above n / 16 steps. */
static uint32_t upper_tail(int n, int scale, int shape)
{
    static const uint32_t quarter[4] = {4194304, 3526975, 2965821, 2493948}; /* 2^(22 - r/4) */
    uint64_t place = (uint64_t)(n < 0 ? -n : n) * (quarter[scale & 3] >> (scale >> 2));
    uint64_t i = place >> 16, part = place & 65535;
    uint32_t tail = 0;
    if (i < TAIL_COUNT - 1) {
        uint32_t a = TAILS[shape][i], b = TAILS[shape][i + 1];
        tail = a - (uint32_t)((a - b) * part >> 16);
    }
    return n < 0 ? TOTAL - tail : tail;
}

/* Frequencies that sum to 4096, nearest to the masses q where it costs least. */
static void share_out(const uint32_t *q, uint16_t *freq)
{
    int sum = 0;
    for (int s = 0; s < SYMBOLS; s++) {
        uint32_t f = (q[s] + (TOTAL >> PROB_BITS) / 2) >> (30 - PROB_BITS);
        freq[s] = (uint16_t)(q[s] || s == ESCAPE ? (f ? f : 1) : 0);
        sum += freq[s];
    }
    for (; sum != PROB_ONE; sum += sum < PROB_ONE ? 1 : -1) {
        int down = sum > PROB_ONE, best = -1;
        uint64_t best_q = 0, best_f = 1;
        for (int s = 0; s < SYMBOLS; s++) {
            if (freq[s] < 1 + down) continue;
            uint64_t f = (uint64_t)2 * freq[s] + (down ? -1 : 1);
            int better = down ? q[s] * best_f < best_q * f : q[s] * best_f > best_q * f;
            if (best < 0 || better) best = s, best_q = q[s], best_f = f;
        }
        freq[best] += down ? -1 : 1;
    }
}

static void add_up(Table *t)
{
    t->start[0] = 0;
    for (int s = 0; s < SYMBOLS; s++) t->start[s + 1] = t->start[s] + t->freq[s];
}

static void freeze(int scale, int shape, int offset)
{
    uint32_t q[SYMBOLS], below = upper_tail(-16 * MIDDLE - 8 - offset, scale, shape);
    uint32_t escape = TOTAL - below;
    for (int s = 0; s < ESCAPE; s++) {
        uint32_t above = upper_tail(16 * (s - MIDDLE) + 8 - offset, scale, shape);
        q[s] = below - above;
        if (q[s] < LEAST) escape += q[s], q[s] = 0;
        below = above;
    }
    q[ESCAPE] = escape + below;
    Table *t = &frozen[scale][shape][offset];
    share_out(q, t->freq);
    add_up(t);
    for (int s = 0; s < SYMBOLS; s++) {
        int f = t->freq[s] && s != ESCAPE ? t->freq[s] : 0;
        costs[scale][shape][offset][s] = f ? bits_of[f] : bits_of[t->freq[ESCAPE]] + 12;
    }
}

void tables_init(void)
{
    for (int f = 1; f <= PROB_ONE; f++) {
        int shift = 0;
        while (f > 1 << shift) shift++;
        bits_of[f] = PROB_BITS - log2f((float)f);
        if (f == 1) continue; /* the coder knows it */
        reciprocals[f].factor = (uint32_t)((((uint64_t)1 << (shift + 31)) + f - 1) / f);
        reciprocals[f].shift = (uint32_t)shift - 1;
    }
    for (int scale = 0; scale < SCALES; scale++)
        for (int shape = 0; shape < SHAPES; shape++)
            for (int offset = 0; offset < OFFSETS; offset++)
                if (coarse_offset(offset, scale) == offset) freeze(scale, shape, offset);
}

const Table *frozen_table(int scale, int shape, int offset)
{
    return &frozen[scale][shape][coarse_offset(offset, scale)];
}

const float *frozen_cost(int scale, int shape, int offset)
{
    return costs[scale][shape][coarse_offset(offset, scale)];
}

/* Counts are sent with three significant bits: 0, then 1 + 4 * exponent + two bits. */
uint8_t count_code(uint32_t count)
{
    if (!count) return 0;
    int n = top_bit(count);
    uint32_t two = n >= 2 ? count >> (n - 2) & 3 : n == 1 ? (count & 1) * 2 : 0;
    return (uint8_t)(1 + 4 * n + (int)two);
}

void sent_table(const uint8_t *histogram, Table *t)
{
    uint64_t count[SYMBOLS], total = 0;
    for (int s = 0; s < SYMBOLS; s++) {
        int code = histogram[s] - 1;
        count[s] = code < 0 ? 0 : (uint64_t)(4 + (code & 3)) << (code >> 2);
        if (s == ESCAPE && !count[s]) count[s] = 1;
        total += count[s];
    }
    int sum = 0, largest = 0;
    for (int s = 0; s < SYMBOLS; s++) {
        uint64_t f = count[s] ? 1 + count[s] * (PROB_ONE - SYMBOLS) / total : 0;
        t->freq[s] = (uint16_t)f;
        sum += (int)f;
        if (t->freq[s] > t->freq[largest]) largest = s;
    }
    t->freq[largest] += (uint16_t)(PROB_ONE - sum);
    add_up(t);
}

float frequency_bits(int freq) { return bits_of[freq]; }
