"""Find the tumour in the sample volume: python3 scripts/demo.py [arguments of camlocalizer localize]"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ensure_environment, ensure_sample, environment_python, run
from _sample import sample_image, sample_label

FOLDER = "demo"


def main(arguments: list[str]) -> int:
    """Run the main job on the sample into ``demo/`` and compare the label map with the sample's outline.

    Args:
        arguments: passed on to ``camlocalizer localize``.

    Returns:
        The exit code of ``camlocalizer localize``.
    """
    from CAMLocalizerLib.cli import main as camlocalizer

    command = ["localize", str(sample_image()), "--model", "brain-t1ce", "--output", FOLDER, "--overwrite"]
    code = camlocalizer([*command, *arguments])
    if code == 0:
        print(f"Overlap with the tumour outlined in {sample_label().name}: Dice {overlap(output(arguments)):.2f}")
    return code


def output(arguments: list[str]) -> Path:
    """Return the folder that ``camlocalizer localize`` writes into."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--output", type=Path, default=Path(FOLDER))
    return parser.parse_known_args(arguments)[0].output


def overlap(folder: Path) -> float:
    """Return the Dice coefficient of the sample's label map in a folder of results and the sample's outline."""
    from CAMLocalizerLib.io import case_name, read_label_map
    from CAMLocalizerLib.metrics import dice

    found = read_label_map(folder / case_name(sample_image()) / "labelmap.nii.gz")
    return dice(read_label_map(sample_label()).array_kji, found.array_kji)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        python = ensure_environment()
        if problem := ensure_sample(python):
            sys.exit(problem)
        sys.exit(run(python, str(Path(__file__).resolve()), *sys.argv[1:]))
    sys.exit(main(sys.argv[1:]))
