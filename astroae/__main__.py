"""``python -m astroae VERB``: the program without its script."""

import sys

from astroae.cli.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
