"""Bring the images behind brain-t1ce into one folder: python3 scripts/prepare_brain_t1ce.py --data DIR

Writes volumes to --output: the figshare slices as pseudo-stacks, Brain-Tumor-Progression and the brains of patients
with multiple sclerosis as they are. Their labels are in Resources/training/brain-t1ce/labels.csv. With --labels that
table is made again; masks are read for that alone, to say which slices of Brain-Tumor-Progression show a tumour.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, required=True, help="folder with figshare_brain_tumor, brain3d_btp and brain_ms_t1post"
    )
    parser.add_argument("--output", type=Path, default=ROOT / "runs" / "brain-t1ce-images")
    parser.add_argument("--labels", action="store_true", help="make the table of labels again")
    return parser.parse_args()


def main() -> None:
    """Write images or labels."""
    from reproduction.models.brain_t1ce.preparation import TABLE, write_images, write_labels

    chosen = options()
    if chosen.labels:
        write_labels(chosen.data)
        print(TABLE)
    else:
        write_images(chosen.data, chosen.output)
        print(chosen.output)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
