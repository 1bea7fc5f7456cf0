"""How well `astroae.explore.denoise` does on faint fields, beside linear filters.

``python -m astroae.explore.denoise_trial``: simulated fields, rms errors against the
truth, and the flux of sources after against before.  The filters know the truth: the
Gaussian its best width, the Wiener filters the spectrum of the fields, or of each
field's own truth, which no observer has.
"""

import argparse
import sys

import numpy as np
from astropy.table import Table

from astroae.explore.denoise import first_estimate, restore_flux
from astroae.explore.extras import needed
from astroae.explore.sky import measure_fwhm
from astroae.simulate import Detector, FieldSettings, MoffatPSF, Population, make_field

__all__ = ["faint_field", "gaussian", "starlet", "trial", "wiener"]

SKY = 300.0
EDGE = 16  # px
REACH = 8  # px, of the stamps on which fluxes are measured
RANGES = ((5, 10), (10, 20), (20, 40))  # S/N


def faint_field(seed, side=512, fwhm=3.0):
    """A field of sources of S/N 2 to 50, and the flux of a star of S/N 1.

    Parameters
    ----------
    seed, side : int
    fwhm : float

    Returns
    -------
    astroae.simulate.Field
    float
    """
    detector = Detector(bad_columns=0, cosmic_rays=0.0)
    psf = MoffatPSF(fwhm)
    one = np.hypot(np.sqrt(SKY), detector.read_noise) / _norm(psf)
    share = (side / 512) ** 2
    population = Population(
        stars=round(300 * share), galaxies=round(100 * share), faintest=2 * one, brightest=50 * one
    )
    return make_field(FieldSettings((side, side), psf, population, detector, SKY, seed=seed)), one


def _norm(psf):
    return float(np.sqrt((psf.stamps([0.0], [0.0], 24) ** 2).sum()))


def gaussian(image, sigma):
    """Gaussian filter, the edge mirrored."""
    return needed("scipy.ndimage").gaussian_filter(image, sigma)


def wiener(image, truth_power, noise_power):
    """Wiener filter of an image about its mean, periodic.

    Parameters
    ----------
    image : ndarray (y, x)
    truth_power, noise_power : ndarray (y, x // 2 + 1) or float
        Squared size of the transforms.

    Returns
    -------
    ndarray (y, x)
    """
    gain = truth_power / (truth_power + noise_power)
    return np.fft.irfft2(np.fft.rfft2(image - image.mean()) * gain, image.shape) + image.mean()


def starlet(image, sigma, cut=3.0, scales=5):
    """Undecimated B3-spline wavelets, hard thresholds at ``cut`` sigma of each scale.

    Starck, Fadili & Murtagh 2007, IEEE Trans. Image Proc. 16, 297.
    """
    convolve = needed("scipy.ndimage").convolve1d
    taps = np.array([1, 4, 6, 4, 1]) / 16
    smooth, out = image, np.zeros_like(image)
    unit = np.zeros((129, 129))
    unit[64, 64] = 1.0
    for scale in range(scales):
        kernel = np.zeros(4 * 2**scale + 1)
        kernel[:: 2**scale] = taps
        pair = []
        for plane in (smooth, unit):
            pair.append(
                convolve(convolve(plane, kernel, 0, mode="mirror"), kernel, 1, mode="mirror")
            )
        detail, noise = smooth - pair[0], sigma * np.sqrt(((unit - pair[1]) ** 2).sum())
        out += np.where(np.abs(detail) > cut * noise, detail, 0.0)
        smooth, unit = pair
    return out + smooth


def _fluxes(image, truth, psf, radius=None):
    """PSF-weighted flux of sources at their true places, or that within a radius.

    In units of one standard deviation of it in white noise of 1.
    """
    x, y = truth["x"].value, truth["y"].value
    row, column = np.rint(y).astype(int), np.rint(x).astype(int)
    reach = np.arange(-REACH, REACH + 1)
    cuts = image[row[:, None, None] + reach[:, None], column[:, None, None] + reach]
    if radius is None:
        weights = psf.stamps(y - row, x - column, REACH)
    else:
        down = reach[:, None] - (y - row)[:, None, None]
        weights = (np.hypot(down, reach - (x - column)[:, None, None]) < radius) * 1.0
    return (cuts * weights).sum((1, 2)) / np.sqrt((weights**2).sum((1, 2)))


def _inner(truth, side):
    x, y = truth["x"].value, truth["y"].value
    inside = (np.minimum(x, y) > EDGE) & (np.maximum(x, y) < side - 1 - EDGE)
    return truth[inside]


def trial(fields=64, *, seed=2026, side=512, model="denoise", progress=None):
    """Errors and flux biases over simulated fields.

    Parameters
    ----------
    fields : int
    seed, side : int
    model : str or Model
    progress : callable, optional
        Called with (done, total).

    Returns
    -------
    errors : Table
        ``method``, ``rms`` (in sigma of the noise) and its 95 % interval by bootstrap
        over fields, ``ratio`` to the best of the linear filters and its interval.
    biases : Table
        Per range of S/N (that of the PSF-weighted flux of the noiseless image): sources,
        mean flux after minus truth, and minus before, in sigma, with 95 % intervals, of
        PSF-weighted and of aperture fluxes (radius 1.5 FWHM).
    """
    squares, rows = {}, []
    seeds = np.random.default_rng([seed, 5]).integers(2**31, size=fields)
    spectrum = _spectrum(seeds, side)
    for done, number in enumerate(seeds, 1):
        field, _ = faint_field(int(number), side)
        image, truth = field.image.astype(np.float64), field.expected.astype(np.float64)
        sigma = float(np.hypot(np.sqrt(SKY), field.settings.detector.read_noise))
        first, clean = _denoised(image, model)
        methods = dict(_filters(image, truth, sigma, spectrum))
        methods |= {"network, flux not restored": first, "denoise": clean}
        for name, given in methods.items():
            squares.setdefault(name, []).append(((given - truth) ** 2).mean() / sigma**2)
        rows.append(_measured(field, image, truth, clean, sigma))
        if progress is not None:
            progress(done, fields)
    return _errors({n: np.array(v) for n, v in squares.items()}), _biases(np.concatenate(rows))


def _spectrum(seeds, side):
    """Mean power of the truth, and of its noise, over the fields."""
    light = noise = 0.0
    for number in seeds:
        field, _ = faint_field(int(number), side)
        truth = field.expected.astype(np.float64)
        light = light + np.abs(np.fft.rfft2(truth - truth.mean())) ** 2
        noise += ((field.image - truth) ** 2).sum()
    return light / len(seeds), noise / len(seeds)


def _denoised(image, model):
    """What `denoise` does, its first estimate too."""
    sky, scaled, first = first_estimate(image, model)
    clean = restore_flux(scaled, first, measure_fwhm(scaled), sky.bad)
    return (sky.level + sky.sigma * plane for plane in (first, clean))


def _filters(image, truth, sigma, spectrum):
    yield "nothing", image
    for width in (0.8, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0, 2.4):
        yield f"Gaussian, sigma {width}", gaussian(image, width)
    yield "Wiener, spectrum of the fields", wiener(image, *spectrum)
    own = np.abs(np.fft.rfft2(truth - truth.mean())) ** 2
    yield "Wiener, spectrum of each field's truth", wiener(image, own, spectrum[1])
    yield "starlet, 3 sigma", starlet(image, sigma)


def _measured(field, image, truth, clean, sigma):
    """Of sources: PSF-weighted and aperture flux of truth, before and after; if a star."""
    sources = _inner(field.truth, len(image))
    level = SKY * (1 + field.settings.sky_gradient * np.linspace(-0.5, 0.5, len(image))[:, None])
    radius = 1.5 * field.psf.fwhm
    columns = [
        _fluxes((plane - level) / sigma, sources, field.psf, r)
        for r in (None, radius)
        for plane in (truth, image, clean)
    ]
    return np.column_stack([*columns, sources["kind"] == "star"])


def _interval(statistic, count, rounds=500):
    """95 % of a statistic of resampled indices."""
    rng = np.random.default_rng(0)
    values = [statistic(rng.integers(count, size=count)) for _ in range(rounds)]
    return np.percentile(values, [2.5, 97.5])


def _errors(squares):
    filters = [name for name in squares if name.startswith(("Gaussian", "Wiener"))]
    best = min(filters, key=lambda name: squares[name].mean())
    widths = [name for name in filters if name.startswith("Gaussian")]
    shown = min(widths, key=lambda name: squares[name].mean())
    rows = []
    for name, values in squares.items():
        if name in widths and name != shown:
            continue

        def rms(picked, values=values):
            return values[picked].mean() ** 0.5

        def ratio(picked, values=values):
            return (values[picked].mean() / squares[best][picked].mean()) ** 0.5

        every, count = np.arange(len(values)), len(values)
        both = (f(every) for f in (rms, ratio))
        low_high = np.concatenate([_interval(f, count) for f in (rms, ratio)])
        rows.append([name, *both, *low_high])
    names = ["method", "rms", "ratio", "rms_low", "rms_high", "ratio_low", "ratio_high"]
    return Table(rows=rows, names=names)


def _biases(rows):
    out = []
    for low, high in RANGES:
        for kind in ("all", "star", "galaxy"):
            chosen = (rows[:, 0] >= low) & (rows[:, 0] < high)
            chosen &= (kind == "all") | (rows[:, 6] == (kind == "star"))
            here = rows[chosen]
            line = [f"{low} to {high}", kind, len(here)]
            for first in (0, 3):
                for before in (0, 1):
                    change = here[:, first + 2] - here[:, first + before]
                    line += _mean(change)
            out.append(line)
    names = ["snr", "kind", "sources"]
    for flux in ("psf", "aperture"):
        for reference in ("truth", "before"):
            names += [f"{flux}_minus_{reference}", f"{flux}_{reference}_pm"]
    return Table(rows=out, names=names)


def _mean(change):
    """Mean, and half of its 95 % interval; NaN of nothing."""
    if not len(change):
        return [np.nan, np.nan]
    return [change.mean(), 1.96 * change.std() / len(change) ** 0.5]


def main(arguments=None):
    """The command: prints both tables."""
    parser = argparse.ArgumentParser("astroae.explore.denoise_trial")
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--fields", type=int, default=64, help="of 512 x 512 pixels")
    parser.add_argument("--model", default="denoise")
    parser.add_argument("-o", "--output", help="two ECSV files: NAME_errors and NAME_biases")
    given = parser.parse_args(arguments)

    def told(done, total):
        print(f"field {done} of {total}", file=sys.stderr, flush=True)

    tables = trial(given.fields, seed=given.seed, model=given.model, progress=told)
    for name, table in zip(("errors", "biases"), tables):
        for column in table.columns.values():
            if column.dtype.kind == "f":
                column.info.format = ".3f"
        table.pprint_all(align=["<"] + [">"] * (len(table.columns) - 1))
        if given.output:
            table.write(f"{given.output}_{name}.ecsv", format="ascii.ecsv", overwrite=True)


if __name__ == "__main__":
    main()
