"""Stars and galaxies of a stamp, fitted one after the other, the strongest first.

An orthogonal matching pursuit: the ordinary shape that fits the residual best is added,
with its derivatives by place, size and shear, and all amounts are solved for anew.  What
is not explained is seen through the whitened residual, at every step of the way.
"""

import numpy as np

from astroae.explore.shapes import REACH, ordinary_kernels

__all__ = ["Ordinary"]

LEAST = 4.5  # S/N of a source that is fitted
MOST = 8  # sources of a stamp
UNSURE = 0.1  # of a source's brightness: what the fitted shapes may be wrong by


class Ordinary:
    """The ordinary sources of stamps under one PSF.

    Parameters
    ----------
    psf : MoffatPSF, GaussianPSF or AiryPSF
    side : int
        Of the stamps.
    electrons : float, optional
        That one noise sigma is, for the noise of the sources' own light; by default
        none is counted.
    """

    def __init__(self, psf, side, electrons=np.inf):
        self.kernels = ordinary_kernels(psf, side)
        self.side, self.electrons = side, electrons
        self._families = [_derivatives(kernel) for kernel in self.kernels.values]

    def steps(self, stamp, bad=None):
        """Whitened residuals with 0, 1, 2, ... sources fitted.

        Parameters
        ----------
        stamp : ndarray (side, side)
            In units of the noise.
        bad : bool ndarray, optional
            Pixels that do not count.

        Yields
        ------
        whitened : ndarray (side, side)
            Residual in units of the noise, of the sources' light and of what their fit
            may be wrong by.
        response : ndarray (side, side)
            S/N of the best ordinary source of the residual at each pixel.
        """
        good = np.ones(stamp.shape, bool) if bad is None else ~bad
        columns, noise = [np.ones(stamp.size)], np.ones_like(stamp)
        residual = stamp - np.median(stamp[good])
        for count in range(MOST + 1):
            whitened = np.where(good, residual / noise, 0.0)
            responses = self.kernels.correlate(whitened)
            yield whitened, responses.max(0)
            which, row, column = np.unravel_index(np.argmax(responses), responses.shape)
            if responses[which, row, column] < LEAST or count == MOST:
                return
            columns += [_placed(k, row, column, self.side) for k in self._families[which]]
            residual, noise = self._fitted(stamp, np.array(columns).T, noise, good)

    def _fitted(self, stamp, columns, noise, good):
        weight = (good / noise).ravel()
        amounts = np.linalg.lstsq(columns * weight[:, None], stamp.ravel() * weight, rcond=1e-6)[0]
        fitted = (columns @ amounts).reshape(stamp.shape)
        light = np.maximum(fitted - amounts[0], 0)
        return stamp - fitted, np.sqrt(1 + light / self.electrons + (UNSURE * light) ** 2)


def _derivatives(kernel):
    """The kernel, and its changes: by y, by x, by size and by the two shears."""
    y, x = np.mgrid[-REACH : REACH + 1, -REACH : REACH + 1]
    by_y, by_x = np.gradient(kernel)
    return (
        kernel,
        by_y,
        by_x,
        y * by_y + x * by_x,
        y * by_x + x * by_y,
        x * by_x - y * by_y,
    )


def _placed(kernel, row, column, side):
    """A kernel around one pixel of an empty stamp, flat."""
    out = np.zeros((side, side))
    top, left = max(0, row - REACH), max(0, column - REACH)
    bottom, right = min(side, row + REACH + 1), min(side, column + REACH + 1)
    out[top:bottom, left:right] = kernel[
        top - row + REACH : bottom - row + REACH, left - column + REACH : right - column + REACH
    ]
    return out.ravel()
