"""Train a model on synthetic pictures, from labels alone: python examples/train_your_own.py [--output DIR]

Needs the extra ``training``. Every second picture shows a bright square. The table says which ones, but not where the
square is.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from CAMLocalizerLib.cli import main as camlocalizer

SIZE = 32
CONFIGURATION = """
[data]
table = "labels.csv"
images = "images"
classes = ["nothing", "square"]

[network]
name = "dcfpn"
settings = { channels = [4, 4, 8, 8] }

[input]
spacing_mm = 1.0
size = [32, 32]
normalisation = "none"

[training]
epochs = 6
batch_size = 4
learning_rate = 3e-3

[folds]
count = 3
run = [1]
validation = "none"

[model]
name = "squares"
modality = "pictures"
tumour_classes = ["square"]
scales = [1]
threshold = "0.5"
"""


def write_pictures(folder: Path, count: int = 48) -> None:
    """Write the pictures, the table of labels and the configuration."""
    noise = np.random.default_rng(0)
    (folder / "images").mkdir(parents=True)
    lines = ["file,label,patient"]
    for number in range(count):
        pixels = noise.normal(60, 10, (SIZE, SIZE))
        if number % 2:
            column, row = noise.integers(6, SIZE - 6, 2)
            pixels[row - 4 : row + 5, column - 4 : column + 5] += 120
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / "images" / f"{number:03d}.png")
        lines.append(f"{number:03d}.png,{'square' if number % 2 else 'nothing'},P{number // 2}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")
    (folder / "squares.toml").write_text(CONFIGURATION)


def main(arguments: list[str] | None = None) -> int:
    """Write the data, train, and localise the square of one picture; return the exit code of the last command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, help="folder for data and results, which must not exist")
    folder = parser.parse_args(arguments).output or Path(tempfile.mkdtemp(prefix="camlocalizer-"))

    write_pictures(folder / "data")
    training, picture = folder / "training", folder / "data" / "images" / "001.png"
    code = camlocalizer(["train", str(folder / "data" / "squares.toml"), "--output", str(training)])
    if code:
        return code
    model = str(training / "squares")
    return camlocalizer(["localize", str(picture), "--model", model, "--output", str(folder / "results")])


if __name__ == "__main__":
    raise SystemExit(main())
