"""Measure brain-t1ce with `camlocalizer evaluate`: python3 scripts/evaluate_brain_t1ce.py --data DIR

Cross-validation on figshare, Brain-Tumor-Progression and brains without tumour, each patient by the network of
--training that did not see it; the bundle --model on collections that it was never trained on. Masks and tables are
put into --work. Writes a folder per collection and table.md to --output; pictures of collections whose licence does
not allow them are left out.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    from reproduction.models.brain_t1ce.cases import TRAINING
    from reproduction.models.brain_t1ce.collection_tables import COLLECTIONS

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with figshare_brain_tumor and the others")
    parser.add_argument("--training", type=Path, default=TRAINING)
    parser.add_argument("--model", default="brain-t1ce", help="bundle for the collections never trained on")
    parser.add_argument("--only", choices=tuple(COLLECTIONS), action="append", default=[])
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "brain-t1ce-quality")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "brain-t1ce")
    return parser.parse_args()


def main() -> None:
    """Prepare, evaluate and sum up."""
    from reproduction.models.brain_t1ce.evaluation import evaluate_collections

    chosen = options()
    evaluate_collections(
        chosen.data, chosen.training, chosen.model, chosen.work, chosen.output, only=tuple(chosen.only)
    )


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
