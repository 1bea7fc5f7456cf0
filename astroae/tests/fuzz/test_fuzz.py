"""A short seeded run of the fuzzer, and its own parts."""

import numpy as np
import pytest

from astroae.tests.fuzz.judge import WAYS, Finding, judge
from astroae.tests.fuzz.mutate import Parts, mutate
from astroae.tests.fuzz.run import run
from astroae.tests.fuzz.seeds import make_seeds


@pytest.fixture(scope="module")
def seeds():
    return make_seeds()


def test_short_run():
    cases = list(run(0, 400))
    found = [f"{case.number} {case.seed} {case.names}: {case.outcome}" for case in cases]
    assert not [text for case, text in zip(cases, found, strict=True) if case.found]
    # It would show nothing if it damaged nothing, or everything at the first byte.
    outcomes = [case.outcome for case in cases]
    assert outcomes.count("astroae: CorruptFileError") > 100
    assert outcomes.count("right") > 10


@pytest.mark.parametrize("way", WAYS)
def test_seeds_are_whole(seeds, way):
    for seed in seeds:
        assert judge(seed.content, seed, WAYS[way]) == "right"


def test_same_number_gives_the_same_file(seeds):
    once, again = (mutate(seeds[0].content, np.random.default_rng(5)) for _ in range(2))
    assert once == again
    assert once[0] != seeds[0].content


def test_parts_are_where_the_file_has_them(seeds):
    for seed in seeds:
        parts = Parts(seed.content)
        start, stop = parts.stream(seed.content, parts.count - 1)
        assert parts.heap <= start <= stop <= parts.stop


@pytest.mark.parametrize(
    "way, word",
    [
        (lambda content: np.zeros((40, 60), np.int16), "wrong pixels"),
        (lambda content: np.zeros((3, 3), np.int16), "pixels of"),
        (lambda content: 1 / 0, "ZeroDivisionError"),
    ],
)
def test_judge_finds(seeds, way, word):
    with pytest.raises(Finding, match=word):
        judge(b"", seeds[0], way)
