"""Numbered cases: the same number gives the same damaged file."""

import gc
from dataclasses import dataclass

import numpy as np

from astroae.tests.fuzz.judge import WAYS, Finding, judge
from astroae.tests.fuzz.mutate import mutate
from astroae.tests.fuzz.seeds import make_seeds

FILES_ONE_IN = 8  # whole files are slower: they go through the disk twice


@dataclass(frozen=True)
class Case:
    """One damaged file and what came of it."""

    number: int
    seed: str
    way: str
    names: list[str]
    outcome: str
    found: bool
    content: bytes


def run(start, count):
    """Cases ``start`` to ``start + count``.

    Yields
    ------
    Case
    """
    seeds = make_seeds()
    # HDUs and tracebacks are cycles: large arrays in them would wait for the collector.
    gc.collect()
    gc.freeze()
    for number in range(start, start + count):
        rng = np.random.default_rng([20261120, number])
        seed = seeds[rng.integers(len(seeds))]
        content, names = mutate(seed.content, rng)
        way = "file" if number % FILES_ONE_IN == 0 else "hdu"
        try:
            outcome, found = judge(content, seed, WAYS[way]), False
        except Finding as exc:
            outcome, found = f"FOUND {exc}", True
        gc.collect()
        yield Case(number, seed.name, way, names, outcome, found, content)
