"""Train the bundled model from image-level labels: python3 scripts/train_brain_t1ce.py --data DIR --output DIR"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with figshare_brain_tumor and brain3d_btp")
    parser.add_argument(
        "--output", type=Path, default=ROOT / "runs" / "brain-t1ce", help="a bundle per run is made here"
    )
    parser.add_argument(
        "--hold-out",
        action="append",
        default=None,
        help="folds to leave out, such as 1,2; several times for several runs; none trains on all (default: none)",
    )
    parser.add_argument("--rounds", default="4,6", help="epochs per round (default: 4,6, for half of the folds)")
    return parser.parse_args()


def main() -> None:
    """Train a network per --hold-out; a bundle that is there already is kept, so an interrupted call goes on."""
    from CAMLocalizerLib.training.brain_data import read_brain_slices
    from CAMLocalizerLib.training.brain_t1ce import RECIPE, candidate_regions, train

    chosen = options()
    slices = read_brain_slices(chosen.data, ROOT / "Resources" / "training" / "brain-t1ce" / "slice_labels.csv")
    print(f"{len(slices)} slices of {len(set(slices.patients))} patients", flush=True)
    regions = candidate_regions(slices)
    print(f"{sum(map(len, regions))} candidate regions", flush=True)
    for folds in chosen.hold_out or ["none"]:
        held_out = [] if folds == "none" else [int(fold) for fold in folds.split(",")]
        folder = chosen.output / (
            "brain-t1ce" if not held_out else "brain-t1ce-without-" + "-".join(map(str, held_out))
        )
        if (folder / "model.json").is_file():
            print(f"{folder} is there already", flush=True)
            continue
        recipe = replace(RECIPE, rounds=tuple(int(epochs) for epochs in chosen.rounds.split(",")))
        train(slices, regions, held_out, folder, recipe, report=partial(print, f"{folder.name}:", flush=True))


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
