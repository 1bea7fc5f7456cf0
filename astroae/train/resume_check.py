"""Does a killed training end as an uninterrupted one? ``python -m astroae.train.resume_check``.

A recipe is trained on stamps made here, twice by the command line, on the CPU with one
thread: once in one go; once killed (SIGKILL) after its first epoch and gone on with by
``--resume``.  Weights, batch norm's statistics and Adam's state must be the same bits.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from astroae.errors import OutputError
from astroae.train.recipes import get_recipe

__all__ = ["check_resume", "make_stamps"]

_WAIT = 600  # seconds for the first epoch


def make_stamps(recipe, count, path):
    """Write an array of blobs on noise, as large and as many-coloured as a recipe needs.

    Parameters
    ----------
    recipe : Recipe
    count : int
    path : path-like
        ``.npy``, (count, channel, side, side) of float32.
    """
    network = recipe.network()
    side = network.side or recipe.crop + 32
    rng = np.random.default_rng(1)
    y, x = np.mgrid[:side, :side] / side
    images = rng.normal(0, 0.02, (count, network.channels, side, side))
    for image in images:
        row, column, width = rng.uniform((0.3, 0.3, 0.02), (0.7, 0.7, 0.15))
        image += np.exp(-((y - row) ** 2 + (x - column) ** 2) / width**2)
    np.save(path, images.astype(np.float32))


def check_resume(name, data, folder, *, epochs=4, batch=4):
    """Train with and without a kill, and compare.

    Parameters
    ----------
    name : str
        Of a recipe.
    data : path-like
    folder : path-like
        For the two trainings.
    epochs, batch : int

    Returns
    -------
    dict
        ``epochs_at_kill``, ``tensors`` (how many were compared) and ``differing``.

    Raises
    ------
    OutputError
        A training failed, or was over before it could be killed.
    """
    command = [sys.executable, "-m", "astroae.cli", "train", name, str(data), "--quiet"]
    command += ["--epochs", str(epochs), "--batch-size", str(batch), "--no-perceptual"]
    command += ["--device", "cpu", "--threads", "1", "--precision", "32-true", "-o"]
    whole, parts = (str(Path(folder) / part) for part in ("whole", "parts"))
    _run([*command, whole])
    killed = _killed([*command, parts], _folder(parts) / "log.csv")
    _run([*command, parts, "--resume"])
    a, b = _tensors(whole), _tensors(parts)
    differing = sorted(set(a) ^ set(b) | {key for key in set(a) & set(b) if a[key] != b[key]})
    return {"epochs_at_kill": killed, "tensors": len(a), "differing": differing}


def _folder(model):
    return Path(f"{model}.safetensors.checkpoints")


def _environment():
    return os.environ | {"OMP_NUM_THREADS": "1"}


def _run(command):
    done = subprocess.run(command, env=_environment(), capture_output=True, text=True)
    if done.returncode:
        raise _failed(done.stderr.strip()[-500:])


def _killed(command, log):
    """Epochs that were done when the training was killed."""
    process = subprocess.Popen(
        command, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    start = time.monotonic()
    # last.ckpt follows the log's row; the kill falls into the epoch after it.
    last = log.with_name("last.ckpt")
    while not last.exists() and process.poll() is None and time.monotonic() < start + _WAIT:
        time.sleep(0.005)
    time.sleep(0.03)
    process.kill()
    error = process.communicate()[1].decode(errors="replace").strip()
    if process.returncode >= 0 or not last.exists():
        raise _failed(error[-500:] or "the training was over, or had no checkpoint, when killed")
    return len(log.read_text().splitlines()) - 1


def _failed(found):
    return OutputError(
        "a training of the check did not go as it should",
        where="astroae train",
        found=found,
        hint="with --epochs and --stamps it takes longer and is easier to hit",
    )


def _tensors(model):
    """Bytes of all weights and of the optimiser's state, by name."""
    import torch

    last = torch.load(_folder(model) / "last.ckpt", map_location="cpu", weights_only=True)
    found = {name: tensor.numpy().tobytes() for name, tensor in last["state_dict"].items()}
    for number, state in last["optimizer_states"][0]["state"].items():
        found |= {f"Adam {number} {key}": value.numpy().tobytes() for key, value in state.items()}
    return found


def _main():
    parser = argparse.ArgumentParser(
        prog="python -m astroae.train.resume_check", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("recipe", nargs="?", default="dense784")
    parser.add_argument("--stamps", type=int, default=40)
    parser.add_argument("--epochs", type=int, default=4)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "stamps.npy"
        make_stamps(get_recipe(args.recipe), args.stamps, data)
        result = check_resume(args.recipe, data, folder, epochs=args.epochs)
    differing = result["differing"]
    print(
        f"{args.recipe}: killed after {result['epochs_at_kill']} of {args.epochs} epochs and "
        f"resumed; {result['tensors']} tensors of weights and optimiser, "
        f"{len(differing)} differ" + "".join(f"\n  {name}" for name in differing)
    )
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(_main())
