"""Measurements: how small, how fast, and whether the promise holds on real images.

`~astroae.bench.rate` compares sizes, `~astroae.bench.speed` throughput and memory,
`~astroae.bench.real` checks every promise on every image of a folder, and
`~astroae.bench.takeover` does so for files that ``fpack`` wrote.
"""
