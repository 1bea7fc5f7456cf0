/* Symbols of given frequencies <-> bytes, for coders that make tables of their own. */
#ifndef ASTROAE_SYMBOLS_H
#define ASTROAE_SYMBOLS_H

#include "core.h"

enum { FREQ_BITS = 16 }; /* frequencies are multiples of 2^-16 */

typedef struct {
    const uint8_t *at, *end;
    uint32_t state;
} Symbols;

size_t ae_symbols_bound(int64_t n);
int64_t ae_put_symbols(const uint16_t *start, const uint16_t *freq, int64_t n, uint8_t *out);
int ae_open_symbols(Symbols *s, const uint8_t *data, size_t size);
void ae_get_symbols(Symbols *s, const uint32_t *edges, int count, int64_t n, int64_t *out);
void ae_get_raw(Symbols *s, int bits, int64_t n, int64_t *out);
int ae_close_symbols(const Symbols *s);

#endif
