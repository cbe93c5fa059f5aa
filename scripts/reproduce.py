"""Train and measure a published system: python3 scripts/reproduce.py PAPER [--quick] [--training DIR]

PAPER is pgcam, quantitative, segmenters, pet-mip or sam. Writes table.md, table.csv and pictures with our figures
beside the paper's; an interrupted run resumes where it stopped. With --training, pgcam and quantitative also measure
the network of brain-t1ce that was trained without the held-out fold.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run

PAPERS = ("pgcam", "quantitative", "segmenters", "pet-mip", "sam")


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("paper", choices=PAPERS)
    parser.add_argument("--quick", action="store_true", help="minutes instead of hours; measures nothing")
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data", help="folder with the data sets")
    parser.add_argument("--output", type=Path, help="default: docs/results/PAPER; quick: under --work")
    parser.add_argument("--work", type=Path, help="checkpoints; default: runs/PAPER, with --quick runs/PAPER-quick")
    parser.add_argument("--training", type=Path, help="output folder of camlocalizer train for brain-t1ce, with folds")
    return parser.parse_args()


def main() -> int:
    """Run the reproduction in the project's environment."""
    from CAMLocalizerLib import CAMLocalizerError
    from reproduction.papers import reproduce

    chosen = options()
    work = chosen.work or ROOT / "runs" / (chosen.paper + ("-quick" if chosen.quick else ""))
    output = chosen.output or (work / "results" if chosen.quick else ROOT / "docs" / "results" / chosen.paper)
    begin = time.monotonic()
    try:
        reproduce(
            chosen.paper,
            chosen.data,
            output,
            work,
            quick=chosen.quick,
            training=chosen.training,
            report=partial(print, flush=True),
        )
    except CAMLocalizerError as error:
        print(f"reproduce: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("reproduce: interrupted; the same command resumes where it stopped", file=sys.stderr)
        return 130
    print(f"{output / 'table.md'} ({(time.monotonic() - begin) / 60:.1f} min)")
    return 0


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    sys.exit(main())
