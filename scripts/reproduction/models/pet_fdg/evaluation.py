"""pet-fdg on real scans and simulated bodies, beside plain thresholds and the network of the PET paper."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from CAMLocalizerLib.core import CAMLocalizerError
from CAMLocalizerLib.evaluation.baselines import baseline_mask
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.metrics import count_lesions, dice
from CAMLocalizerLib.segment import filter_components

from .cases import SIMULATED, WHOLE, PETCase, real_cases, simulated_cases
from .recipe import POINTS, read_points

MODEL, PAPERS_NETWORK, ONLY_SIMULATED = "pet-fdg", "the paper's network", "pet-fdg, simulation only"
PLAIN = {"SUV >= 4": "suv-4", "SUV >= 2.5": "suv-2.5", "41 % of the highest": "41%"}
LEAST_ML = 0.3  # smaller components do not count, of any method
LEVELS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05)
NOTE = """\
Made by `scripts/evaluate_pet_fdg.py`. STS_001 and the sarcoma crops are judged by a network whose training did not see
the patient; QIN 0024, the lung crop, the phantom and the simulated bodies (other seeds) by the bundle, which saw none
of them. Components below 0.3 ml do not count for any method. A lesion is touched if it shares a voxel with the label
map; a component is false if it shares none with a lesion. MTV error: difference of the whole volumes, as share of the
true one, median of the cases. Ratios are means over the cases."""


@dataclass(frozen=True)
class Row:
    """One case as one method outlines it."""

    group: str
    case: str
    method: str
    dice: float
    lesions: int
    touched: int
    components: int
    false_components: int
    true_ml: float
    found_ml: float


@dataclass(frozen=True)
class Level:
    """One case at one limit of the probability."""

    group: str
    case: str
    limit: float
    lesions: int
    touched: int
    false_components: int


def evaluate(
    data: Path,
    training: Path,
    model: Path,
    output: Path,
    *,
    paper: Path | None = None,
    simulated: int = 20,
    card: bool = False,
) -> None:
    """Measure the model on every case and write table, cases, curve and its picture.

    Args:
        data: folder with pet_wholebody_sts001 and the others.
        training: output of scripts/train_pet_fdg.py, whose networks assess the patients that they did not see.
        model: bundle for all other cases.
        output: where the files are written.
        paper: bundle with the network of the PET paper; None leaves it out.
        simulated: simulated bodies of each kind.
        card: whether to write the figures into the model's card.
    """
    folds = {scan.patient: scan.fold for scan in read_points(POINTS, data)}
    bundles = {fold: training / f"fold-{fold}" for fold in sorted(set(folds.values()))}
    networks = {fold: Localizer(folder, device="cpu") for fold, folder in {0: model, **bundles}.items()}
    others = {ONLY_SIMULATED: Localizer(training / "simulated-only", device="cpu")}
    if paper:
        others[PAPERS_NETWORK] = Localizer(paper, device="cpu")
    rows: list[Row] = []
    levels: list[Level] = []
    for case in chain(real_cases(data, folds), simulated_cases(simulated)):
        rows += outlined_by_each_method(case, networks[case.fold], others)
        levels += free_response(case, networks[case.fold])
        print(f"{case.group}: {case.name}: Dice {rows[-len(PLAIN) - len(others) - 1].dice:.2f}", flush=True)
    write(rows, levels, output)
    if card:
        write_card(rows, model / "model.json")


def write_card(rows: list[Row], path: Path) -> None:
    """Write what the model reached into its card."""
    card = json.loads(path.read_text(encoding="utf-8"))
    own = [line for line in summary(rows) if line["method"] == MODEL]
    names = ("Dice", "lesions touched", "false components per case", "cases")
    card["results"] = {line["scans"]: {name: _number(line[name]) for name in names if line[name] != ""} for line in own}
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _number(value: Any) -> Any:
    """Return the number that a cell of the table holds, or the cell itself."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def outlined_by_each_method(case: PETCase, localizer: Localizer, others: dict[str, Localizer]) -> Iterator[Row]:
    """Outline the lesions of a case by every method."""
    for method, other in {MODEL: localizer, **others}.items():
        try:
            found = other.run(case.volume).label_map().array_kji > 0
        except CAMLocalizerError:  # the paper's network takes SUV only
            continue
        yield _row(case, method, filter_components(found, case.volume.grid, LEAST_ML))
    for method, rule in PLAIN.items():
        mask = baseline_mask(rule, case.volume.array_kji)
        yield _row(case, method, filter_components(mask, case.volume.grid, LEAST_ML))


def _row(case: PETCase, method: str, found: NDArray[np.bool_]) -> Row:
    counts = count_lesions(case.lesions, found)
    ml = case.volume.grid.voxel_volume_mm3 / 1000
    return Row(
        case.group,
        case.name,
        method,
        round(float(dice(found, case.lesions)), 4),
        **asdict(counts),
        true_ml=round(float(case.lesions.sum()) * ml, 3),
        found_ml=round(float(found.sum()) * ml, 3),
    )


def free_response(case: PETCase, localizer: Localizer) -> Iterator[Level]:
    """Count lesions touched and false components at several limits of the probability."""
    found = localizer.run(case.volume)
    for limit in LEVELS:
        counts = count_lesions(case.lesions, found.label_map(threshold=str(limit), min_volume_ml=LEAST_ML).array_kji)
        yield Level(case.group, case.name, limit, counts.lesions, counts.touched, counts.false_components)


def summary(rows: list[Row]) -> list[dict[str, Any]]:
    """Sum up by collection and method."""
    groups: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.group, row.method].append(row)
    lines = []
    for (group, method), own in groups.items():
        lesions, ill = sum(row.lesions for row in own), [row for row in own if row.true_ml > 0]
        errors = [abs(row.found_ml - row.true_ml) / row.true_ml for row in ill]
        lines.append(
            {
                "scans": group,
                "method": method,
                "cases": len(own),
                "lesions touched": f"{sum(row.touched for row in own)} of {lesions}" if lesions else "",
                "false components per case": f"{np.mean([row.false_components for row in own]):.1f}",
                "Dice": f"{np.mean([row.dice for row in ill]):.3f}" if ill else "",
                "MTV error": f"{np.median(errors):.0%}" if ill else "",
                "ml marked": f"{np.mean([row.found_ml for row in own]):.1f}",
            }
        )
    return lines


def write(rows: list[Row], levels: list[Level], folder: Path) -> None:
    """Write cases, table, free-response curve and its picture."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, entries in (("cases.csv", rows), ("froc.csv", levels)):
        with (folder / name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(asdict(entries[0])), lineterminator="\n")
            writer.writeheader()
            writer.writerows(map(asdict, entries))
    lines = summary(rows)
    titles = list(lines[0])
    text = ["# pet-fdg, real and simulated scans", "", NOTE, "", "| " + " | ".join(titles) + " |"]
    text += ["|---" * len(titles) + "|", *("| " + " | ".join(map(str, line.values())) + " |" for line in lines), ""]
    (folder / "table.md").write_text("\n".join(text), encoding="utf-8")
    draw(rows, levels, folder / "froc.png")
    print("\n".join(text))


def draw(rows: list[Row], levels: list[Level], path: Path) -> None:
    """Draw the free-response curves of whole bodies, real and simulated, with the plain thresholds as points."""
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for group, colour in ((WHOLE, "tab:red"), (SIMULATED, "tab:blue")):
        own = [level for level in levels if level.group == group]
        if not own:
            continue
        shares, false = [], []
        for limit in LEVELS:
            at = [level for level in own if level.limit == limit]
            shares.append(sum(level.touched for level in at) / max(1, sum(level.lesions for level in at)))
            false.append(np.mean([level.false_components for level in at]))
        axes.plot(false, shares, "o-", color=colour, label=f"{MODEL}, {group}")
        for method, marker in zip(PLAIN, "s^v", strict=True):
            plain = [row for row in rows if (row.group, row.method) == (group, method)]
            touched = sum(row.touched for row in plain) / max(1, sum(row.lesions for row in plain))
            spot = np.mean([row.false_components for row in plain]), touched
            axes.plot(*spot, marker, color=colour, fillstyle="none", label=f"{method}, {group}")
    axes.set_xscale("symlog", linthresh=1)
    axes.set(xlabel="false components per body", ylabel="share of lesions touched", ylim=(-0.02, 1.02))
    axes.legend(fontsize=8)
    figure.savefig(path, dpi=120, metadata={"Software": None})
