"""How much labels are worth, chosen by uncertainty or at random: a model fine-tuned on 100, 200 and 400 slices."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from CAMLocalizerLib.cli import main as camlocalizer
from CAMLocalizerLib.evaluation.assessment import MODEL, SLICE, LabelledFile, assess_file
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.models import ModelBundle, load_model
from CAMLocalizerLib.networks import EncoderDCFPN
from CAMLocalizerLib.training.checks import Problems
from CAMLocalizerLib.training.config import DataOptions, InputOptions
from CAMLocalizerLib.training.dataset import read_images
from CAMLocalizerLib.training.fine_tuning.cached import PackedMaps
from CAMLocalizerLib.training.localisation.encoded import FrozenEncoder
from CAMLocalizerLib.training.table import Row, by_file_and_view, read_table

from ..models.brain_t1ce.collection_tables import figshare
from ..models.brain_t1ce.preparation import TABLE, write_images

SIZES = (50, 100, 200, 400)
RANDOM, UNCERTAIN = "random", "uncertainty"
ARMS = (RANDOM, UNCERTAIN)
HELD_OUT_FOLD = 4
EVERY_STACK = 2
FIGSHARE, FREE = "figshare", "no tumour"
FIELD_MM, SIZE_MULTIPLE = 224, 16
INPUT: Mapping[str, Any] = {"normalisation": "foreground-gamma", "centre": "content", "view": "auto"}
FIRST: Mapping[str, Any] = {
    "network": {
        "name": "dcfpn",
        "encoder_weights": "imagenet",
        "settings": {
            "encoder": "efficientnet-lite0",
            "channels": [16, 32, 48, 96],
            "last_channels": 16,
            "mirror": True,
            "attention": [-1.0, 0.3333333, 0.3333333, 0.3333333],
        },
    },
    "training": {
        "epochs": 6,
        "images_per_epoch": 200,
        "batch_size": 16,
        "optimizer": "adamw",
        "learning_rate": 2e-3,
        "weight_decay": 1e-3,
        "schedule": "one-cycle",
        "augmentation": "strong",
    },
    "localisation": {"rounds": 2, "contrast": "bright", "symmetric": True, "copies": 6.0, "evidence_epochs": 30},
    "folds": {"count": 0},
    "model": {
        "name": "first",
        "modality": "MR, T1-weighted after gadolinium",
        "tumour_classes": ["meningioma", "glioma", "pituitary tumour"],
        "target": "any",
        "scales": [1, 2],
        "map_normalisation": "reference",
        "threshold": "0.4",
        "min_share": 0.2,
        "stack_smoothing_mm": 4.0,
    },
}
CLASSES = ["no tumour", "meningioma", "glioma", "pituitary tumour"]
NEXT: Mapping[str, Any] = {
    "training": {"epochs": 5, "images_per_epoch": 200},
    "localisation": {"contrast": "bright", "copies": 1.5, "evidence_epochs": 30},
    "folds": {"count": 0},
    "fine_tuning": {"copies": 2, "masks": "evidence", "anchor": 0.0},
}


@dataclass(frozen=True)
class Choice:
    """The study.

    Args:
        data: folder with figshare_brain_tumor, brain3d_btp and brain_ms_t1post.
        work: keeps images, trainings and what was measured.
        seeds: each has a first set of labels of its own.
        spacing_mm: of the pixels; the training of brain-t1ce has 1 mm.
    """

    data: Path
    work: Path
    seeds: tuple[int, ...]
    spacing_mm: float = 2.0

    @property
    def width(self) -> int:
        """Pixels of a side, a multiple of 16 near that of brain-t1ce's field of view."""
        return max(1, round(FIELD_MM / self.spacing_mm / SIZE_MULTIPLE)) * SIZE_MULTIPLE

    @property
    def input(self) -> dict[str, Any]:
        """What the networks see."""
        return {"spacing_mm": self.spacing_mm, "size": [self.width, self.width], **INPUT}

    @property
    def images(self) -> Path:
        """Where the volumes lie that labels.csv names."""
        return self.work / "images"

    def prepare(self) -> None:
        """Write images and masks once."""
        if (self.work / "prepared").exists():
            return
        write_images(self.data, self.images)
        (self.work / "figshare" / "masks").mkdir(parents=True, exist_ok=True)
        list(figshare(self.data, self.work / "figshare"))
        (self.work / "prepared").touch()

    @cached_property
    def rows(self) -> list[Row]:
        """All labelled slices."""
        problems = Problems()
        rows = read_table(TABLE, self.images, DataOptions(TABLE.name), problems)
        problems.raise_if_any(str(TABLE))
        return rows

    @cached_property
    def pool(self) -> list[Row]:
        """Slices of which labels may be asked, in the order in which their maps are kept."""
        rows = [row for row in self.rows if row.fold != HELD_OUT_FOLD]
        return [row for members in by_file_and_view(rows).values() for row in members]

    @cached_property
    def held_out(self) -> list[LabelledFile]:
        """Every second figshare stack of the held-out patients with its mask, and their axial slices without tumour."""
        rows = [row for row in self.rows if row.fold == HELD_OUT_FOLD]
        groups = [(path, view, tuple(own)) for (path, view), own in by_file_and_view(rows).items()]
        stacks = [group for group in groups if group[0].parent.name == FIGSHARE][::EVERY_STACK]
        masks = self.work / FIGSHARE / "masks"
        found = [LabelledFile(path, own, masks / path.name, FIGSHARE, "", view) for path, view, own in stacks]
        for path, view, own in groups:
            free = tuple(row for row in own if row.label == FREE)
            if path.parent.name != FIGSHARE and view == "axial" and free:
                found.append(LabelledFile(path, free, None, path.parent.name, "", view))
        return found

    @cached_property
    def packed(self) -> tuple[PackedMaps, torch.Tensor]:
        """The maps of the frozen encoder for every slice of the pool; kept on disk, as they are needed again."""
        network = load_model(self.folder(self.seeds[0], RANDOM, SIZES[0]) / "training" / "first").network()
        assert isinstance(network, EncoderDCFPN)
        packed = PackedMaps(FrozenEncoder(network.encoder), (self.width, self.width))
        path = self.work / "pool-maps.npy"
        if not path.exists():
            problems = Problems()
            prepared = read_images(self.pool, InputOptions(**self.input), problems)
            problems.raise_if_any("pool")
            assert [row for each in prepared for row in each.rows] == self.pool
            parts = [packed.pack(torch.from_numpy(each.images[:, None])).numpy() for each in prepared]
            partial = path.with_name("partial.npy")
            np.save(partial, np.concatenate(parts))
            partial.rename(path)
        return packed, torch.from_numpy(np.load(path))

    def folder(self, seed: int, arm: str, size: int) -> Path:
        """Return where a step is kept; the first labels of a seed are the same for all arms."""
        return self.work / f"seed-{seed}" / (f"{arm}-{size}" if size > SIZES[0] else str(size))

    def run(self) -> None:
        """Do every step that is not finished."""
        self.prepare()
        for seed in self.seeds:
            for arm in ARMS:
                for size in SIZES:
                    self._step(seed, arm, size)

    def _step(self, seed: int, arm: str, size: int) -> None:
        folder = self.folder(seed, arm, size)
        if (folder / "measured.json").exists():
            return
        folder.mkdir(parents=True, exist_ok=True)
        print(f"== seed {seed}, {arm}, {size} labels", flush=True)
        before = None if size == SIZES[0] else self.folder(seed, arm, SIZES[SIZES.index(size) - 1])
        chosen = folder / "chosen.json"
        if not chosen.exists():
            write(chosen, self._chosen(seed, arm, size, before))
        labelled = [self.pool[index] for index in json.loads(chosen.read_text())]
        write_table(folder / "labels.csv", labelled)
        bundle = self._train(folder, before, seed, size)
        write(folder / "measured.json", [dict(zip(COLUMNS, line, strict=True)) for line in self._measured(bundle)])

    def _chosen(self, seed: int, arm: str, size: int, before: Path | None) -> list[int]:
        generator = np.random.default_rng(1000 * seed + size)
        if before is None:
            return generator.permutation(len(self.pool))[:size].tolist()
        had = json.loads((before / "chosen.json").read_text())
        left = np.setdiff1d(np.arange(len(self.pool)), had)
        if arm == RANDOM:
            return [*had, *generator.choice(left, size - len(had), replace=False).tolist()]
        uncertainty = self._uncertainty(load_model(bundle_folder(before)), left)
        return [*had, *left[np.argsort(-uncertainty, kind="stable")][: size - len(had)].tolist()]

    def _uncertainty(self, bundle: ModelBundle, indices: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the entropy of the class probabilities of slices, shape (N,)."""
        network = bundle.network()
        assert isinstance(network, EncoderDCFPN)
        packed, maps = self.packed
        with torch.inference_mode():
            parts = [
                network.classify(network.features_of(packed(maps[own]))).softmax(1)
                for own in torch.from_numpy(indices).split(64)
            ]
        found = torch.cat(parts).double().clamp(min=1e-12)
        return (-(found * found.log()).sum(1)).numpy()

    def _train(self, folder: Path, before: Path | None, seed: int, size: int) -> ModelBundle:
        config, training = folder / "config.json", folder / "training"
        data = {"table": "labels.csv", "images": str(self.images.resolve())}
        values = {**(FIRST if before is None else NEXT), "data": data}
        values["training"] = {**values["training"], "seed": seed}
        start = [] if before is None else ["--from", str(bundle_folder(before)), "--name", f"labels-{size}"]
        if before is None:
            values |= {"input": self.input, "data": {**data, "classes": CLASSES}}
        write(config, values)
        resume = ["--resume"] if training.exists() else []
        if camlocalizer(["train", str(config), *start, "--output", str(training), *resume]):
            sys.exit(1)
        return load_model(bundle_folder(folder))

    def _measured(self, bundle: ModelBundle) -> Iterator[tuple[Any, ...]]:
        localizer = Localizer(bundle, device="cpu")
        for file in self.held_out:
            for found in assess_file(file, localizer)[0]:
                if found.kind == SLICE:
                    iou = found.agreement[MODEL].iou if found.tumour else None
                    yield found.name, found.patient, found.label, found.right, iou


COLUMNS = ("case", "patient", "label", "right", "iou")


def bundle_folder(folder: Path) -> Path:
    """Return the bundle that a step's training wrote."""
    return next(path.parent for path in sorted((folder / "training").glob("*/model.json")))


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write labels as a worklist exports them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "slice", "view", "label", "patient"))
        writer.writerows((row.file, row.slice, row.view, row.label, row.patient) for row in rows)


def write(path: Path, values: Any) -> None:
    """Write JSON whole or not at all."""
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    partial.rename(path)
