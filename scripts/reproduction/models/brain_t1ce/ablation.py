"""What each part of the training of brain-t1ce brings: networks that differ in one part, measured on one fold."""

from __future__ import annotations

import json
import sys
import tomllib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from CAMLocalizerLib.cli import main as camlocalizer

from ...paths import TRAINING_RESOURCES
from .collection_tables import FIGSHARE, PROGRESSION, figshare, progression
from .evaluation import evaluate, held_out

CONFIG = TRAINING_RESOURCES / "brain-t1ce" / "config.toml"
# What each variant changes in the configuration: section, option, value.
VARIANTS: dict[str, tuple[tuple[str, str, Any], ...]] = {
    "as published": (),
    "one round": (("localisation", "rounds", 1),),
    "three rounds": (("localisation", "rounds", 3),),
    "no comparison with other patients": (("localisation", "compare_patients", False),),
    "no asymmetry": (("localisation", "symmetric", False), ("network.settings", "mirror", False)),
    "position changed, not appearance": (("training", "augmentation", "affine"),),
    "encoder trained in the last round": (("localisation", "encoder_learning_rate", 1e-4),),
    "encoder trained in the last round, random weights": (
        ("localisation", "encoder_learning_rate", 1e-3),
        ("network", "encoder_weights", ""),
    ),
    "all cells of a class count alike": (("network.settings", "attention", None),),
    "EfficientNet-Lite2": (("network.settings", "encoder", "efficientnet-lite2"),),
    "all pseudo-masks kept": (("localisation", "keep", 1.0),),
    "pixels of 0.8 mm": (("input", "spacing_mm", 0.8), ("input", "size", [288, 288])),
}
FIGURES = (
    (FIGSHARE, "tumour slices", "mean IoU", "all", "mean IoU"),
    (FIGSHARE, "tumour slices", "mean IoU", "meningioma", "meningioma"),
    (FIGSHARE, "tumour slices", "mean IoU", "glioma", "glioma"),
    (FIGSHARE, "tumour slices", "mean IoU", "pituitary tumour", "pituitary tumour"),
    (FIGSHARE, "tumour slices", "share with IoU <= 0.01", "all", "IoU <= 0.01"),
    (FIGSHARE, "classes of slices", "share with the right type", "all", "type right"),
    (PROGRESSION, "tumour volumes", "mean Dice in 3D", "all", "Dice of Brain-Tumor-Progression"),
    (PROGRESSION, "classes of slices", "AUC", "all", "its slice AUC"),
)


@dataclass(frozen=True)
class Ablation:
    """Where the variants are trained.

    Args:
        data: folder with figshare_brain_tumor and brain3d_btp.
        images: as scripts/prepare_brain_t1ce.py writes them.
        fold: that is held out.
        work: keeps trainings and figures.
    """

    data: Path
    images: Path
    fold: int
    work: Path


def write_table(ablation: Ablation, output: Path) -> None:
    """Write ``table.md`` with the variants that are measured into a folder."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "table.md").write_text("\n".join(table(ablation)) + "\n", encoding="utf-8")


def folder_of(name: str, work: Path) -> Path:
    """Return where a variant is kept."""
    return work / name.replace(",", "").replace(" ", "-").lower()


def train_and_measure(name: str, ablation: Ablation) -> None:
    """Train a variant, or resume its training, and measure it where figures are missing."""
    folder = folder_of(name, ablation.work)
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.json"
    config.write_text(json.dumps(configuration(name, ablation), indent=1), encoding="utf-8")
    training = folder / "training"
    resume = ["--resume"] if training.exists() else []
    print(f"== {name}", flush=True)
    if camlocalizer(["train", str(config), "--output", str(training), *resume]):
        sys.exit(1)
    for collection, maker in ((FIGSHARE, figshare), (PROGRESSION, progression)):
        if (folder / collection / "figures.json").exists():
            continue
        data = folder / "data" / collection
        (data / "masks").mkdir(parents=True, exist_ok=True)
        evaluate(str(training), held_out(list(maker(ablation.data, data)), training), data, folder / collection)


def configuration(name: str, ablation: Ablation) -> dict[str, Any]:
    """Return the configuration of a variant, with absolute paths and one fold."""
    config = deepcopy(tomllib.loads(CONFIG.read_text(encoding="utf-8")))
    config["data"] |= {"table": str(CONFIG.parent / config["data"]["table"]), "images": str(ablation.images.resolve())}
    config["folds"] |= {"run": [ablation.fold], "final": False}
    for path, option, value in VARIANTS[name]:
        section = config
        for part in path.split("."):
            section = section[part]
        section.pop(option, None) if value is None else section.update({option: value})
    return config


def table(ablation: Ablation) -> list[str]:
    """Return the lines of the table, and below it the intervals of the published training."""
    titles = [title for *_, title in FIGURES]
    lines = [
        "# What each part of the training of brain-t1ce brings",
        "",
        f"Made by `scripts/ablate_brain_t1ce.py`: fold {ablation.fold} held out, one seed, all else equal. The masks",
        "of fold 1 were in view when the constants of the recipe were ablation.",
        "",
        f"| training | {' | '.join(titles)} |",
        "|---" * (len(titles) + 1) + "|",
    ]
    for name in VARIANTS:
        folder = folder_of(name, ablation.work)
        if (folder / FIGSHARE / "figures.json").exists() and (folder / PROGRESSION / "figures.json").exists():
            lines.append(f"| {name} | {' | '.join(figures(folder))} |")
    return lines


def figures(folder: Path) -> list[str]:
    """Return the figures of one variant."""
    cells = []
    for collection, part, measure, group, _ in FIGURES:
        found = json.loads((folder / collection / "figures.json").read_text(encoding="utf-8"))["figures"]
        wanted = (part, measure, group, "model")
        values = [
            each["value"] for each in found if (each["part"], each["measure"], each["group"], each["system"]) == wanted
        ]
        cells.append("" if not values or values[0] is None else f"{values[0]:.3f}")
    return cells
