"""Lines on which a promise hangs, each broken on purpose: some test must notice.

``python -m astroae.tests.mutants`` (``tox -e mutants``) applies every mutant of
`astroae.tests.mutants.table` to a copy of the package and runs the tests nearest to it.
A mutant that survives is a promise that nobody watches.
"""
