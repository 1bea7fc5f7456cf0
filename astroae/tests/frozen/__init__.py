"""Small compressed files whose bytes and pixels may change only on purpose.

``python -m astroae.tests.frozen.make`` makes them anew; the commit says why.
"""
