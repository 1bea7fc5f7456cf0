/* Bits, bytes and small numbers.  Bits fill bytes from the low end; words are little-endian. */
#ifndef ASTROAE_BITS_H
#define ASTROAE_BITS_H

#include "core.h"

ALWAYS_INLINE int top_bit(uint32_t v) /* of v > 0 */
{
#if defined(__GNUC__) || defined(__clang__)
    return 31 - __builtin_clz(v);
#else
    int n = 0;
    while (v >>= 1) n++;
    return n;
#endif
}

ALWAYS_INLINE uint32_t zigzag(int32_t v) { return ((uint32_t)v << 1) ^ (uint32_t)(v >> 31); }
ALWAYS_INLINE int32_t unzigzag(uint32_t z) { return (int32_t)(z >> 1) ^ -(int32_t)(z & 1); }
ALWAYS_INLINE int32_t magnitude(int32_t v) { return v < 0 ? -v : v; }
ALWAYS_INLINE uint32_t word16(const uint8_t *p) { return p[0] | (uint32_t)p[1] << 8; }
ALWAYS_INLINE uint32_t word32(const uint8_t *p) { return word16(p) | word16(p + 2) << 16; }

/* ---- writing; the caller has made room */
typedef struct {
    uint64_t held;
    int count;
    uint8_t *at, *end; /* what would pass `end` is counted in `lost` */
    int lost;
} BitWriter;

ALWAYS_INLINE void put_bits(BitWriter *b, uint32_t v, int n) /* n <= 32, v < 2^n */
{
    b->held |= (uint64_t)v << b->count;
    b->count += n;
    if (b->count < 32) return;
    if (LIKELY(b->end - b->at >= 4)) {
        for (int i = 0; i < 4; i++) *b->at++ = (uint8_t)(b->held >> 8 * i);
    } else b->lost = 1;
    b->held >>= 32;
    b->count -= 32;
}

ALWAYS_INLINE void put_last(BitWriter *b)
{
    for (; b->count > 0; b->count -= 8, b->held >>= 8) {
        if (b->at < b->end) *b->at++ = (uint8_t)b->held;
        else b->lost = 1;
    }
    b->count = 0;
}

ALWAYS_INLINE void put_unary(BitWriter *b, uint32_t n)
{
    for (; n >= 24; n -= 24) put_bits(b, 0xffffff, 24);
    put_bits(b, (1u << n) - 1, (int)n + 1);
}

ALWAYS_INLINE void put_rice(BitWriter *b, uint32_t z, int k)
{
    put_unary(b, z >> k);
    if (k) put_bits(b, z & ((1u << k) - 1), k);
}

/* A residual that the alphabet does not hold: Elias-gamma of its zigzag plus one. */
ALWAYS_INLINE void put_escape(BitWriter *b, int32_t d)
{
    uint32_t z = zigzag(d) + 1;
    int n = top_bit(z);
    put_unary(b, (uint32_t)n);
    if (n) put_bits(b, z & ((1u << n) - 1), n);
}

ALWAYS_INLINE uint8_t *put_varint(uint8_t *at, uint64_t v)
{
    for (; v >= 128; v >>= 7) *at++ = (uint8_t)(v | 128);
    *at++ = (uint8_t)v;
    return at;
}

/* ---- reading; past the end come zeros, and `bad` is set */
typedef struct {
    uint64_t held;
    int count;
    const uint8_t *at, *end;
    int bad;
} BitReader;

/* One byte at a time; beyond the end zeros. */
NOINLINE void refill_last(BitReader *b, int n)
{
    while (b->count < n) {
        if (b->at < b->end) b->held |= (uint64_t)*b->at++ << b->count;
        else b->bad = 1;
        b->count += 8;
    }
}

ALWAYS_INLINE void refill(BitReader *b, int n)
{
    if (LIKELY(b->count >= n)) return;
    if (UNLIKELY(b->end - b->at < 8)) {
        refill_last(b, n);
        return;
    }
    uint64_t next = word32(b->at) | (uint64_t)word32(b->at + 4) << 32;
    int bytes = (63 - b->count) >> 3;
    b->held |= (next & (((uint64_t)1 << 8 * bytes) - 1)) << b->count;
    b->at += bytes;
    b->count += 8 * bytes;
}

ALWAYS_INLINE uint32_t get_bits(BitReader *b, int n) /* n <= 32 */
{
    refill(b, n);
    uint32_t v = (uint32_t)(b->held & (((uint64_t)1 << n) - 1));
    b->held >>= n;
    b->count -= n;
    return v;
}

ALWAYS_INLINE uint32_t get_unary(BitReader *b, uint32_t most)
{
    uint32_t n = 0;
    while (get_bits(b, 1))
        if (++n > most) {
            b->bad = 1;
            return 0;
        }
    return n;
}

ALWAYS_INLINE uint32_t get_rice(BitReader *b, int k, uint32_t most)
{
    uint32_t q = get_unary(b, most >> k);
    uint32_t z = k ? q << k | get_bits(b, k) : q;
    if (z > most) b->bad = 1, z = 0;
    return z;
}

ALWAYS_INLINE int32_t get_escape(BitReader *b)
{
    int n = (int)get_unary(b, 30);
    return unzigzag((1u << n | get_bits(b, n)) - 1);
}

/* Nothing is left but the zeros that fill the last byte. */
ALWAYS_INLINE int all_read(const BitReader *b)
{
    return !b->bad && b->at == b->end && b->count < 8 && b->held == 0;
}

typedef struct {
    const uint8_t *at, *end;
    int bad;
} ByteReader;

ALWAYS_INLINE uint32_t get_byte(ByteReader *r)
{
    if (r->at < r->end) return *r->at++;
    r->bad = 1;
    return 0;
}

ALWAYS_INLINE uint64_t get_varint(ByteReader *r)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint32_t byte = get_byte(r);
        v |= (uint64_t)(byte & 127) << shift;
        if (byte < 128) return v;
    }
    r->bad = 1;
    return 0;
}

#endif
