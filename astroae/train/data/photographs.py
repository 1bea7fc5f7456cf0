"""Photographs that come with scikit-image and scikit-learn.

``"photographs"`` are for training, ``"photographs-kept"`` are kept out; the two share
no picture.  Drawings, text and test patterns of scikit-image are left out.
"""

from importlib.util import find_spec
from pathlib import Path

from astroae.errors import MissingDependencyError
from astroae.train.data.pictures import PictureFiles

__all__ = ["PHOTOGRAPHS", "photographs"]

_CC0, _FREE, _UNSAID = "CC0-1.0", "no known copyright restrictions", "not stated"
_SKIMAGE, _SKLEARN = ("skimage", "data"), ("sklearn", "datasets/images")
#: Per name: picture -> (where it is, licence as its package states it).
PHOTOGRAPHS = {
    "photographs": {
        "brick.png": (_SKIMAGE, _CC0),
        "camera.png": (_SKIMAGE, _CC0),
        "cell.png": (_SKIMAGE, _CC0),
        "china.jpg": (_SKLEARN, "CC-BY-2.0"),
        "clock_motion.png": (_SKIMAGE, "public domain"),
        "coffee.png": (_SKIMAGE, _CC0),
        "coins.png": (_SKIMAGE, _FREE),
        "grass.png": (_SKIMAGE, _CC0),
        "gravel.png": (_SKIMAGE, _CC0),
        "hubble_deep_field.jpg": (_SKIMAGE, "public domain (NASA)"),
        "ihc.png": (_SKIMAGE, _FREE),
        "moon.png": (_SKIMAGE, _UNSAID),
        "motorcycle_left.png": (_SKIMAGE, _UNSAID),
        "page.png": (_SKIMAGE, _UNSAID),
        "retina.jpg": (_SKIMAGE, _CC0),
    },
    "photographs-kept": {
        "astronaut.png": (_SKIMAGE, "public domain (NASA)"),
        "chelsea.png": (_SKIMAGE, _CC0),
        "flower.jpg": (_SKLEARN, "CC-BY-2.0"),
        "rocket.jpg": (_SKIMAGE, "public domain (SpaceX)"),
    },
}


def _folder(package, inside):
    # Found, not imported: the pictures are plain files beside the code.
    spec = find_spec(package)
    if spec is None:
        names = {"skimage": "scikit-image", "sklearn": "scikit-learn"}
        raise MissingDependencyError(
            f"{names[package]}, which holds some of the photographs, is not installed",
            where="photographs",
            found=f"no package {package}",
            hint="pip install astroae[train,explore]",
        )
    return Path(spec.submodule_search_locations[0]) / inside


def photographs(name="photographs"):
    """The photographs, or those that are kept out.

    Parameters
    ----------
    name : {"photographs", "photographs-kept"}

    Returns
    -------
    PictureFiles
        Each picture is a group of its own.

    Raises
    ------
    InputError, MissingDependencyError
        A picture or its package is missing.
    """
    listed = PHOTOGRAPHS[name]
    paths = {file: _folder(*place) / file for file, (place, _) in listed.items()}
    return PictureFiles(paths, {file: licence for file, (_, licence) in listed.items()})
