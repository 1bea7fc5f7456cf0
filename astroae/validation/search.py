"""Which levels are tried, in which order, and what is said of them."""

from astroae.validation.metrics import metrics
from astroae.validation.recommendation import brief

__all__ = ["LEVELS", "Steps", "reason_of", "search"]

#: Levels that are tried, coarsest first.
LEVELS = (0.5, 1, 2, 4, 8, 16, 32, 64, 128)
_TRIES = 4  # of a bisection of these levels


def search(bench, steps):
    """Trials by bisection, coarse to fine, lossless last; and why nothing else was tried."""
    if not bench.original.good.any():
        return [bench.lossless], "lossless: no pixel is finite"
    if "labels" in bench.original.scene.kinds:
        return [bench.lossless], f"lossless: {bench.original.scene.no_sources}"
    trials, low, high = [], 0, len(LEVELS)
    while low < high:
        middle = (low + high) // 2
        trials.append(bench.attempt(LEVELS[middle], steps.trial()))
        if trials[-1].verdict in ("pass", "not smaller"):
            high = middle
        else:
            low = middle + 1
    trials.sort(key=lambda trial: trial.quantize_level)
    return [*trials, bench.lossless], ""


def reason_of(best, trials):
    """Why this one, in a sentence."""
    if best.quantize_level is not None:
        return (
            f"{best.setting} is the smallest that passes: {best.bits_per_pixel:.2f} bits/px,"
            f" lossless {trials[-1].bits_per_pixel:.2f}"
        )
    validated = [trial for trial in trials[:-1] if trial.verdict != "not smaller"]
    if not validated:
        return "lossless: no level makes it smaller"
    finest = validated[-1]
    finer = "" if len(validated) == len(trials) - 1 else "; finer levels are not smaller"
    return f"lossless: {finest.setting} does not pass: {brief(finest)}{finer}"


class Steps:
    """Progress over images, tries and metrics."""

    def __init__(self, progress, images):
        self._progress, self._images = progress, images
        self._of_trial = len(metrics())
        self._of_image = _TRIES * self._of_trial
        self._image = self._tried = 0

    def trial(self):
        """``progress`` of the next trial."""
        start = self._image * self._of_image + min(self._tried, _TRIES - 1) * self._of_trial
        self._tried += 1
        return lambda done, total: self._say(start + done * self._of_trial // total)

    def image_done(self):
        """On to the next."""
        self._image, self._tried = self._image + 1, 0
        self._say(self._image * self._of_image)

    def _say(self, done):
        if self._progress is not None:
            self._progress(done, self._images * self._of_image)
