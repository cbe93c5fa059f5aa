"""Measure the partial volume effect: python3 scripts/evaluate_suv_phantom.py --data DIR

The six hot spheres of the NEMA image quality phantom in DIR/pet_nema_phantom have one uptake and known diameters.
SUVmax, SUVmean and SUVpeak of each are given as a share of that uptake, which is the mean within 10 mm of the centre
of the largest sphere. Writes table.md to --output.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, environment_python, run


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with pet_nema_phantom")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "suv")
    return parser.parse_args()


def main() -> None:
    """Measure and write the table."""
    from reproduction.evaluations.suv_phantom import write_table

    chosen = options()
    write_table(chosen.data, chosen.output)


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
