"""The table of stages has a cost for each."""

from astroae.bench.stages import READ, WRITTEN, measure


def test_every_stage_has_a_cost():
    cost = measure(32, seconds=0)
    assert all(ns > 0 for ns in cost.values())
    assert cost["write"] > max(cost[name] for name in WRITTEN)
    assert cost["read"] > max(cost[name] for name in READ)
