"""Results: verdicts, words and JSON."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from astroae.validation.metrics import Bin, Measured, Quantity, Skipped
from astroae.validation.result import ImageValidation, Result, Validation, judge, worst
from astroae.validation.statistics import Estimate
from astroae.validation.tolerances import Tolerance, Tolerances

METRIC = SimpleNamespace(NAME="some")
QUANTITY = Quantity("bias", "mmag", "within", "a bias")
TOLERANCES = Tolerances("own", "0" * 64, {"some.bias": Tolerance(0.5, "a paper")})


def judged(low, high, **kwargs):
    measured = Measured(Estimate((low + high) / 2, low, high, 40), **kwargs)
    return judge(METRIC, QUANTITY, measured, TOLERANCES)


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["pass", "fail", "undetermined"], "fail"),
        (["pass", "undetermined"], "undetermined"),
        (["pass", "skipped", "reported"], "pass"),
        (["skipped"], "undetermined"),
        ([], "undetermined"),
    ],
)
def test_worst(verdicts, expected):
    assert worst(verdicts) == expected
    assert worst(reversed(verdicts)) == expected


def test_a_file_that_lacks_something_fails_though_its_images_pass():
    image = ImageValidation("SCI", (judged(-0.1, 0.1),))
    for whole, expected in ((judged(-0.1, 0.1), "pass"), (judged(0.6, 0.9), "fail")):
        found = Validation("a.fits", "b.fits", {}, (image,), whole=(whole,))
        assert found.verdict == expected


def test_pass():
    result = judged(-0.1, 0.3, note="radius 3")
    assert (result.name, result.verdict, result.limit) == ("some.bias", "pass", 0.5)
    assert (result.source, result.note, result.needed) == ("a paper", "radius 3", None)
    assert result.text == "0.1 mmag (-0.1 to 0.3), tolerance +- 0.5 mmag"


def test_fail():
    assert judged(0.6, 0.9).verdict == "fail"


def test_undetermined_says_how_many_would_decide():
    result = judged(-0.6, 1.0)
    assert result.verdict == "undetermined"
    assert result.needed == 40 * 7.1111111 // 1 + 1  # (0.8 / 0.3)^2
    assert f"; {result.needed} sources would decide, 40 were there" in result.text
    assert "an image 7.1 times as large" in result.decides
    at_its_limit = judged(0.4, 0.6)
    assert at_its_limit.needed is None and "another tolerance" in at_its_limit.decides


def test_skipped():
    result = judge(METRIC, QUANTITY, Skipped("no sky"), TOLERANCES)
    assert (result.verdict, result.text) == ("skipped", "skipped: no sky")
    assert result.value is None and result.limit is None


def test_reported_without_a_tolerance():
    measured = Measured(Estimate(1, 1, 1, 3))
    result = judge(METRIC, QUANTITY, measured, Tolerances("none", "", {}))
    assert (result.verdict, result.text) == ("reported", "1 mmag")


@pytest.mark.parametrize(("direction", "sign"), [("at most", "<="), ("at least", ">=")])
def test_directions_in_words(direction, sign):
    quantity = Quantity("bias", "", direction, "a bias")
    result = judge(METRIC, quantity, Measured(Estimate(1, 1, 1, 3)), TOLERANCES)
    assert result.text == f"1, tolerance {sign} 0.5"
    assert result.verdict == ("fail" if direction == "at most" else "pass")


def test_a_joint_verdict_is_that_of_the_worst_bin():
    bins = (Bin("18 to 19 mag", Estimate(0, -0.1, 0.1, 20)), Bin("x", Estimate(2, 1.8, 2.2, 20)))
    assert judged(-0.1, 0.1, bins=bins, joint=True).verdict == "fail"
    alone = judged(-0.1, 0.1, bins=bins)
    assert alone.verdict == "pass"
    assert [one["verdict"] for one in alone.bins] == ["pass", "fail"]
    assert alone.bins[0]["label"] == "18 to 19 mag" and alone.bins[0]["n"] == 20


def test_nothing_measured():
    result = judge(METRIC, QUANTITY, Measured(Estimate(np.nan, -np.inf, np.inf, 0)), TOLERANCES)
    assert result.verdict == "undetermined" and result.needed is None
    assert "5 sources at least" in result.text


def validation(*results, **facts):
    image = ImageValidation("SCI", results, {"kinds": ["empty"], **facts})
    return Validation("a.fits", "b.fits", {"name": "own", "sha256": "0"}, (image,), ("a note",))


def test_json_has_no_nan():
    nothing = judge(
        METRIC,
        QUANTITY,
        Measured(
            Estimate(np.nan, -np.inf, np.inf, 0),
            (Bin("x", Estimate(np.float64("nan"), -np.inf, np.inf, 3)),),
        ),
        TOLERANCES,
    )
    one = validation(
        nothing,
        noise=np.float32("nan"),
        many=np.int64(3),
        level=np.float64("inf"),
        yes=np.bool_(True),
        shape=(np.int32(4), 5),
    )
    text = json.dumps(one.to_dict(), allow_nan=False)
    facts = json.loads(text)["images"][0]["facts"]
    assert facts["noise"] is None and facts["level"] is None
    assert (facts["many"], facts["yes"], facts["shape"]) == (3, True, [4, 5])
    result = json.loads(text)["images"][0]["results"][0]
    assert result["value"] is None and result["bins"][0]["low"] is None


def test_to_dict_has_all():
    one = validation(judged(-0.1, 0.3), judge(METRIC, QUANTITY, Skipped("no sky"), TOLERANCES))
    plain = one.to_dict()
    assert plain["verdict"] == one.verdict == "pass" and one.ok
    assert plain["images"][0]["results"][1]["note"] == "no sky"
    assert plain["notes"] == ["a note"]


def test_undetermined_is_not_broken():
    assert validation(judged(-0.6, 1.0)).ok
    assert not validation(judged(0.6, 0.9)).ok
    assert Validation("a", "b", {}, ()).verdict == "undetermined"


def test_summary_names_all():
    text = validation(judged(0.6, 0.9), judge(METRIC, QUANTITY, Skipped("no sky"), TOLERANCES))
    lines = text.summary().splitlines()
    assert "b.fits: fail" in lines[0] and "own" in lines[0]
    assert any("some.bias" in line and "0.75 mmag" in line for line in lines)
    assert any("no sky" in line for line in lines) and "a note" in lines[-1]


def test_results_by_name():
    image = ImageValidation("SCI", (judged(-0.1, 0.3),))
    assert image["some.bias"].value == pytest.approx(0.1)
    assert isinstance(image["some.bias"], Result)
    with pytest.raises(KeyError):
        image["some.other"]
