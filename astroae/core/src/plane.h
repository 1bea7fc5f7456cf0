/* The encoder's planes of a tile: memory, values, and what a model makes of them. */
#ifndef ASTROAE_PLANE_H
#define ASTROAE_PLANE_H

#include "adapt.h"
#include <stdlib.h>

typedef struct {
    Plane plane;
    uint8_t *class;
    int16_t *residual;
    int32_t *moved;
    Grid grid;
    int32_t *place;         /* mean less value in 1/16 of the pixel's own level; on a grid only */
    int64_t area, counted;  /* pixels, valid pixels */
} Work;

void work_free(Work *k);
int work_new(Work *k, int h, int w, const uint8_t *valid, int effort);
void work_pad(Work *k);
void work_predict(Work *k, const Model *m);
int work_adapt(Work *k, const Model *m, int rows);
void work_places(Work *k, const void *levels, int bytes_each, int64_t base);
void work_classes(Work *k, const Model *m);

/* Mean less value, in 1/16 level. */
ALWAYS_INLINE int32_t work_distance(const Work *k, int32_t v, int64_t i)
{
    return k->place ? k->place[i] : (int32_t)((uint32_t)k->plane.mean[i] - 16 * (uint32_t)v);
}

/* Of a distance, rounded, and what is left: (distance + 8) >> 4 and & 15, which may leave 32 bits. */
ALWAYS_INLINE int32_t whole_levels(int32_t distance) { return (distance >> 4) + (distance >> 3 & 1); }
ALWAYS_INLINE int32_t level_offset(int32_t distance) { return (distance & 15) ^ 8; }

#endif
