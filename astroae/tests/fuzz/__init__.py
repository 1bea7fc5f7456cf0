"""Damaged and hostile files: none may give wrong pixels, hang, or fail in a strange way.

``python -m astroae.tests.fuzz --count 100000`` runs as many as wanted; a short
seeded run is among the tests.
"""
