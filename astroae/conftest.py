"""What the tests of every room share: real images, and settings of the tools."""

import csv
import os
from pathlib import Path

import pytest

BUNDLED = Path(__file__).parent / "tests" / "data"
MISSING = "the real images of ../shared/data are not here"

try:
    from hypothesis import HealthCheck, settings
except ImportError:  # the core environment may go without
    pass
else:
    # Derandomised: a run of continuous integration fails for what was changed, never by chance.
    settings.register_profile(
        "ci",
        derandomize=True,
        deadline=None,
        max_examples=50,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.register_profile("long", deadline=None, max_examples=5000)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def shared_data(config):
    """The folder of real images beside the repository, or None."""
    folder = config.rootpath.parent / "shared" / "data"
    return folder if (folder / "SOURCES.csv").is_file() else None


@pytest.fixture(scope="session")
def real_images(pytestconfig):
    """Rows of ``SOURCES.csv`` of the shared images, each with its ``path``.

    Tests that ask for it are skipped, with a count, where the images are not.
    """
    folder = shared_data(pytestconfig)
    if folder is None:
        pytest.skip(MISSING)
    with open(folder / "SOURCES.csv", newline="") as file:
        return [row | {"path": folder / row["file"]} for row in csv.DictReader(file)]


@pytest.fixture(scope="session")
def bundled_images():
    """Paths of the small real images that come with the package."""
    return sorted(BUNDLED.glob("*.fits.gz"))


def pytest_terminal_summary(terminalreporter):
    reports = terminalreporter.stats.get("skipped", ())
    names = sorted({r.nodeid for r in reports if MISSING in str(r.longrepr)})
    if names:
        terminalreporter.write_line(f"tests skipped: {len(names)}; {MISSING}")
        terminalreporter.write_line("  " + "\n  ".join(names))
