/* The head of a coded tile, and the order of its parts. */
#ifndef ASTROAE_HEAD_H
#define ASTROAE_HEAD_H

#include "bits.h"

enum { RANKS = 1 << 4, SHIFTED = 1 << 5, ON_GRID = 1 << 6, METHOD_MASK = 15, MOST_SHIFT = 36 };

/* Parts that follow the head, in this order; the last takes what is left. */
enum { PART_MODEL, PART_RAW0, PART_RAW1, PART_LOW, PART_FAR, PART_WORDS0, PART_WORDS1, PARTS };

typedef struct {
    int method, ranks, shift, on_grid;
    uint64_t base; /* two's complement */
    int width;     /* bits per pixel of a packed tile */
    size_t size[PARTS];
} Head;

static inline uint8_t *put_head(uint8_t *at, const Head *h)
{
    *at++ = (uint8_t)(h->method | (h->ranks ? RANKS : 0) | (h->shift ? SHIFTED : 0) | (h->on_grid ? ON_GRID : 0));
    at = put_varint(at, h->base << 1 ^ (h->base >> 63 ? ~(uint64_t)0 : 0));
    if (h->method == METHOD_PACKED) *at++ = (uint8_t)h->width;
    if (h->method != METHOD_CODED) return at;
    if (h->shift) *at++ = (uint8_t)h->shift;
    for (int i = 0; i < PARTS - 1; i++) at = put_varint(at, h->size[i]);
    return at;
}

/* 0 where the bytes make no head.  Sizes are within what is left. */
static inline int get_head(ByteReader *r, Head *h)
{
    uint32_t first = get_byte(r);
    uint64_t z = get_varint(r);
    h->method = first & METHOD_MASK;
    h->ranks = (first & RANKS) != 0;
    h->on_grid = (first & ON_GRID) != 0;
    h->base = z >> 1 ^ (0 - (z & 1));
    h->shift = h->width = 0;
    if (r->bad || first >> 7 || (h->on_grid && (first & ~(uint32_t)ON_GRID) != METHOD_CODED) || h->method > METHOD_CODED) return 0;
    if (h->method == METHOD_PACKED) h->width = (int)get_byte(r);
    if (h->method != METHOD_CODED) return !r->bad && h->width <= 64 && !(first & SHIFTED);
    if (first & SHIFTED) h->shift = (int)get_byte(r);
    if (h->on_grid && h->base + ((uint64_t)1 << 52) > (uint64_t)1 << 53) return 0;
    if (h->shift > MOST_SHIFT || ((first & SHIFTED) && !h->shift)) return 0;
    uint64_t sum = 0;
    for (int i = 0; i < PARTS - 1; i++) {
        uint64_t n = get_varint(r);
        if (n > MAX_AREA * (uint64_t)64) return 0;
        sum += h->size[i] = (size_t)n;
    }
    if (r->bad || sum > (uint64_t)(r->end - r->at)) return 0;
    h->size[PART_WORDS1] = (size_t)(r->end - r->at) - (size_t)sum;
    return 1;
}

#endif
