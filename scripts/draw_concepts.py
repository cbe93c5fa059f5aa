"""Draw the figures of the concept pages from the sample volume: python3 scripts/draw_concepts.py [--output DIR]"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from _environment import ROOT, ensure_environment, ensure_sample, environment_python, run
from _sample import sample_image

OUTPUT = ROOT / "docs" / "concepts"


def main(arguments: list[str]) -> int:
    """Run ``brain-t1ce`` on the sample volume and write one PNG for each concept page.

    Args:
        arguments: ``--output DIR``, the folder of the figures; ``docs/concepts`` by default.

    Returns:
        The exit code, always 0.
    """
    from _concepts import FIGURES, run_sample

    parser = argparse.ArgumentParser(description="Draw the figures of the concept pages from the sample volume.")
    parser.add_argument("--output", type=Path, default=OUTPUT)
    folder = parser.parse_args(arguments).output
    folder.mkdir(parents=True, exist_ok=True)
    sample = run_sample(sample_image())
    for name, draw in FIGURES.items():
        draw(sample).savefig(folder / f"{name}.png", metadata={"Software": None})
        print(folder / f"{name}.png")
    return 0


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        python = ensure_environment()
        if problem := ensure_sample(python):
            sys.exit(problem)
        sys.exit(run(python, str(Path(__file__).resolve()), *sys.argv[1:]))
    sys.exit(main(sys.argv[1:]))
