"""One simulated field, compressed and restored, for the tests of several metrics."""

from functools import lru_cache

import astroae
from astroae.simulate import FieldSettings, Population, make_field
from astroae.validation.original import Original
from astroae.validation.pair import Pair

SIDE = 384
POPULATION = Population(stars=700, galaxies=150, faintest=200.0)


@lru_cache(maxsize=4)
def original(side=SIDE, population=POPULATION, seed=5):
    """The field as an Original; the same for every test that asks."""
    field = make_field(FieldSettings(shape=(side, side), population=population, seed=seed))
    return Original(field.image, header=field.header)


def restored(level, of=None):
    """Compressed at q = ``level`` and restored; None: as it was."""
    image = (of or original()).data.astype("f4")
    options = {} if level is None else {"quantize_level": level}
    return astroae.decode(astroae.encode(image, **options)).astype(float)


def clean(level, of=None):
    """Pair of the field and its restored version."""
    of = of or original()
    return Pair(of, restored(level, of))
