"""Measure the bundled PET model: python3 scripts/evaluate_pet_fdg.py --model DIR --data DIR

On simulated bodies that it never saw, and on what is openly there of real PET: sarcomas and the NEMA phantom. Writes
cases.csv and table.md to --output, and the figures into the model's card with --card.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from _environment import ROOT, ensure_environment, environment_python, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from CAMLocalizerLib.training.pet_evaluation import PETCase, PETOutcome

NOTE = (
    "Made by `scripts/evaluate_pet_fdg.py`. The model was trained on simulated bodies; those measured here have other "
    "seeds. Sarcomas and phantom are no tumours of its classes: they show what transfers, not what it is for."
)
SIMULATED, CROPPED = "simulated whole bodies", "simulated cropped scans"


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=ROOT / "Resources" / "models" / "pet-fdg")
    parser.add_argument("--data", type=Path, help="folder with pet_sts_cropped, pet_wholebody_sts001, pet_nema_phantom")
    parser.add_argument("--patients", type=int, default=60, help="simulated whole bodies; half as many cropped scans")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "pet-fdg")
    parser.add_argument("--card", action="store_true", help="write the figures into the model's card")
    return parser.parse_args()


def collections(chosen: argparse.Namespace) -> Iterator[tuple[str, PETCase]]:
    """Give every case with the name of its collection."""
    from CAMLocalizerLib.training.pet_evaluation import (
        PHANTOM,
        SARCOMA,
        WHOLE_BODY,
        phantom_case,
        sarcoma_cases,
        simulated_cases,
        whole_body_case,
    )
    from CAMLocalizerLib.training.pet_fdg import TEST_FROM
    from CAMLocalizerLib.training.projected import ProjectionOptions

    seeds = range(TEST_FROM, TEST_FROM + chosen.patients)
    yield from ((SIMULATED, case) for case in simulated_cases(seeds, ProjectionOptions()))
    cropped = ProjectionOptions(trunk_share=0.5, box_share=0.5)
    half = range(seeds.stop, seeds.stop + chosen.patients // 2)
    yield from ((CROPPED, case) for case in simulated_cases(half, cropped))
    if chosen.data is None:
        return
    yield WHOLE_BODY, whole_body_case(chosen.data / WHOLE_BODY)
    yield from ((SARCOMA, case) for case in sarcoma_cases(chosen.data / SARCOMA))
    yield PHANTOM, phantom_case(chosen.data / PHANTOM)


def summary(results: list[tuple[str, PETOutcome]]) -> dict[str, Any]:
    """Average over the cases of each collection, and over those of each class where there are classes."""
    from CAMLocalizerLib.training.simulated_pet import CLASSES

    figures: dict[str, Any] = {}
    for title in dict.fromkeys(title for title, _ in results):
        cases = [entry for name, entry in results if name == title]
        figures[title] = averages(cases)
        for label, name in enumerate(CLASSES):
            if own := [entry for entry in cases if entry.label == label]:
                figures[f"{title}, {name}"] = averages(own)
    return figures


def averages(cases: list[PETOutcome]) -> dict[str, Any]:
    """Average one group of cases, to three places."""
    import numpy as np

    def share(name: str) -> float:
        return round(float(np.mean([getattr(entry, name) for entry in cases])), 3)

    figures = {
        "cases": len(cases),
        "Dice": share("dice"),
        "Dice, standard deviation": round(float(np.std([entry.dice for entry in cases])), 3),
        "share with the label map touching the tumour": share("hit"),
        "share with the peak of evidence inside the tumour": share("peak_inside"),
        "share with the hottest voxel inside the tumour": share("hottest_inside"),
    }
    if all(entry.label is not None for entry in cases):
        right = [entry.found_label == entry.label for entry in cases]
        figures["type right"] = round(float(np.mean(right)), 3)
    return figures


def write(results: list[tuple[str, PETOutcome]], figures: dict[str, Any], folder: Path) -> None:
    """Write a row per case and the summary."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "cases.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["collection", *asdict(results[0][1])])
        for title, entry in results:
            values = (round(value, 4) if isinstance(value, float) else value for value in asdict(entry).values())
            writer.writerow([title, *values])
    columns = list(next(iter(figures.values())))
    lines = ["# pet-fdg, simulated and real scans", "", NOTE, ""]
    lines += ["| scans | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for title, row in figures.items():
        cells = [str(row.get(column, "–")) for column in columns]
        lines.append(f"| {title} | " + " | ".join(cells) + " |")
    (folder / "table.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


def main() -> None:
    """Evaluate, print, write."""
    from CAMLocalizerLib.localizer import Localizer
    from CAMLocalizerLib.models import load_model
    from CAMLocalizerLib.training.pet_evaluation import evaluate_pet

    chosen = options()
    localizer, results = Localizer(load_model(chosen.model), device="cpu"), []
    for title, case in collections(chosen):
        for _, entry in evaluate_pet(localizer, [case]):
            print(f"{title}: {entry.name}: Dice {entry.dice:.2f}, peak inside: {entry.peak_inside}", flush=True)
            results.append((title, entry))
    figures = summary(results)
    print(json.dumps(figures, indent=1))
    write(results, figures, chosen.output)
    if chosen.card:
        path = chosen.model / "model.json"
        card = json.loads(path.read_text(encoding="utf-8"))
        card["results"] = figures
        path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if Path(sys.executable) != environment_python():
        sys.exit(run(ensure_environment(), str(Path(__file__).resolve()), *sys.argv[1:]))
    main()
