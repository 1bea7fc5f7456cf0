/* Tables and copy flags of a model whose means and classes are in place. */
#ifndef ASTROAE_CHOOSE_H
#define ASTROAE_CHOOSE_H

#include "plane.h"

/* Bits that the tile will take, about. */
double choose(Work *k, Model *m);

#endif
