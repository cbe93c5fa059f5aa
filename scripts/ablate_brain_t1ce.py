"""Say what each part of the training of brain-t1ce brings: python3 scripts/ablate_brain_t1ce.py --data DIR

Trains networks without --fold that differ in one part each, the seed and all else equal, and measures them on that
fold by `camlocalizer evaluate`. Images come from scripts/prepare_brain_t1ce.py. An interrupted run resumes; several
may be started side by side with --variant. Writes table.md to --output from all variants that are measured.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    from reproduction.models.brain_t1ce.ablation import VARIANTS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with figshare_brain_tumor and brain3d_btp")
    parser.add_argument("--images", type=Path, default=ROOT / "runs" / "brain-t1ce-images")
    parser.add_argument("--fold", type=int, default=1, help="fold that is held out")
    parser.add_argument("--variant", choices=VARIANTS, action="append", default=[], help="all if not given")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "brain-t1ce-ablation")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "brain-t1ce" / "ablation")
    return parser.parse_args()


def main() -> None:
    """Train, measure and write the table."""
    from reproduction.models.brain_t1ce.ablation import VARIANTS, Ablation, train_and_measure, write_table

    chosen = options()
    ablation = Ablation(chosen.data, chosen.images, chosen.fold, chosen.work)
    for name in chosen.variant or VARIANTS:
        train_and_measure(name, ablation)
    write_table(ablation, chosen.output)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
