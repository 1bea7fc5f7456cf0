/* Symbols of given frequencies <-> bytes: rANS with one state, bytes as words.
 *
 * Coding goes backwards, from a state of FIRST: lower than LOW, so that a short list costs little,
 * and no lower, since a decoder that has run out of bytes falls to 0 but never comes to FIRST.
 */
#include "symbols.h"
#include <string.h>

enum {
    FIRST = 1 << FREQ_BITS,
    LOW = 1 << 23, /* with fewer bits of state, up to 0.3 % were lost to rounding */
};

/* No symbol takes more than two bytes, the state four. */
size_t ae_symbols_bound(int64_t n) { return 2 * (size_t)n + 4; }

/* Bytes written to `out`, which has room; AE_UNFIT where a symbol has no interval below 2^16. */
int64_t ae_put_symbols(const uint16_t *start, const uint16_t *freq, int64_t n, uint8_t *out)
{
    uint8_t *end = out + ae_symbols_bound(n), *at = end;
    uint32_t state = FIRST;
    for (int64_t i = n - 1; i >= 0; i--) {
        uint32_t f = freq[i];
        if (!f || start[i] + f > 1 << FREQ_BITS) return AE_UNFIT;
        for (; state >= f * (LOW >> FREQ_BITS << 8); state >>= 8) *--at = (uint8_t)state;
        state = (state / f << FREQ_BITS) + start[i] + state % f;
    }
    for (; state; state >>= 8) *--at = (uint8_t)state;
    memmove(out, at, (size_t)(end - at));
    return end - at;
}

ALWAYS_INLINE void refill(Symbols *s)
{
    while (s->state < LOW && s->at < s->end) s->state = s->state << 8 | *s->at++;
}

ALWAYS_INLINE void pop(Symbols *s, uint32_t start, uint32_t freq)
{
    s->state = freq * (s->state >> FREQ_BITS) + (s->state & ((1 << FREQ_BITS) - 1)) - start;
    refill(s);
}

int ae_open_symbols(Symbols *s, const uint8_t *data, size_t size)
{
    if (!size || !*data) return AE_CORRUPT;
    *s = (Symbols){data, data + size, 0};
    refill(s);
    return AE_OK;
}

/* `n` symbols of one table: symbol i of `count` has the places from edges[i] to edges[i + 1]. */
void ae_get_symbols(Symbols *s, const uint32_t *edges, int count, int64_t n, int64_t *out)
{
    for (int64_t i = 0; i < n; i++) {
        uint32_t place = s->state & ((1 << FREQ_BITS) - 1);
        int found = 0;
        for (int beyond = count; beyond - found > 1;) {
            int middle = (found + beyond) / 2;
            if (edges[middle] <= place) found = middle;
            else beyond = middle;
        }
        out[i] = found;
        pop(s, edges[found], edges[found + 1] - edges[found]);
    }
}

/* `n` numbers of so many bits, 1 to 16, all equally likely. */
void ae_get_raw(Symbols *s, int bits, int64_t n, int64_t *out)
{
    int rest = FREQ_BITS - bits;
    for (int64_t i = 0; i < n; i++) {
        uint32_t value = (s->state & ((1 << FREQ_BITS) - 1)) >> rest;
        out[i] = value;
        pop(s, value << rest, 1u << rest);
    }
}

/* Whether these were all symbols, and the bytes those that were written: below LOW, none is left. */
int ae_close_symbols(const Symbols *s) { return s->state == FIRST ? AE_OK : AE_CORRUPT; }
