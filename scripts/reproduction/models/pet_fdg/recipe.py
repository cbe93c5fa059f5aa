"""The recipe of the bundled model `pet-fdg`: simulated bodies first, then real scans with one point per tumour."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from CAMLocalizerLib.core import InputError, Volume
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.io.writing import whole_file
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.networks import build_network
from CAMLocalizerLib.networks.candidate_network import CandidateNetwork

from ...paths import TRAINING_RESOURCES
from .fitting import CandidateOptions, fit_candidates
from .inserting import inserted_samples
from .samples import CandidateSamples, simulated_samples

POINTS = TRAINING_RESOURCES / "pet-fdg" / "points.csv"
BODIES_AT_ONCE = 25
WHOLE_BODY_MM = 600.0
COLUMNS = ("file", "patient", "fold", "x", "y", "z")
UNIT = "SUVbw"
USUAL = "usual"  # begins the names of files with bodies of usual uptake


@dataclass(frozen=True)
class CandidateRecipe:
    """How `pet-fdg` is trained.

    Args:
        bodies: simulated bodies of wide variety, seeds from 0.
        usual_bodies: simulated bodies of usual uptake with one tumour, seeds from 0.
        copies: of each real scan that shows a part of the body, with lesions put in.
        whole_copies: the same of each whole body.
        first: training on simulated bodies.
        second: training on both, half of the draws each.
    """

    bodies: int = 600
    usual_bodies: int = 100
    copies: int = 6
    whole_copies: int = 50
    first: CandidateOptions = field(default_factory=CandidateOptions)
    second: CandidateOptions = field(
        default_factory=lambda: CandidateOptions(epochs=4, candidates_per_epoch=6000, learning_rate=1e-3)
    )


@dataclass(frozen=True, eq=False)
class PointedScan:
    """A real scan with one point per tumour.

    Args:
        path: of the PET in SUV.
        patient: whose.
        fold: of the patient, from 1.
        points_lps_mm: one per tumour.
    """

    path: Path
    patient: str
    fold: int
    points_lps_mm: tuple[tuple[float, float, float], ...]

    def volume(self) -> Volume:
        """Read the scan; NIfTI names no unit, the table stands for SUV.

        Raises:
            InputError: the file is missing or cannot be read.
        """
        return replace(read_volume(self.path), unit=UNIT)


def read_points(table: Path, data: Path) -> list[PointedScan]:
    """Read a table of points: columns ``file``, ``patient``, ``fold``, and ``x``, ``y``, ``z`` in LPS mm.

    Args:
        table: a CSV file with a line per tumour.
        data: folder that the files lie in.

    Raises:
        InputError: the table is missing, or a column or a number in it.
    """
    scans: dict[str, PointedScan] = {}
    try:
        with table.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                point = (float(row["x"]), float(row["y"]), float(row["z"]))
                known = scans.get(row["file"])
                points = (*(known.points_lps_mm if known else ()), point)
                scans[row["file"]] = PointedScan(data / row["file"], row["patient"], int(row["fold"]), points)
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(f"{table}: is not a table of points ({error!r}); it needs {', '.join(COLUMNS)}") from error
    return list(scans.values())


def simulated_bodies(recipe: CandidateRecipe, work: Path, workers: int) -> CandidateSamples:
    """Simulate the recipe's bodies; what is in ``work`` already is taken from there."""
    parts = []
    for count, kind in ((recipe.bodies, "simulated"), (recipe.usual_bodies, USUAL)):
        for start in range(0, count, BODIES_AT_ONCE):
            stop = min(start + BODIES_AT_ONCE, count)
            parts.append((range(start, stop), work / f"{kind}-{start}-{stop}.npz"))
    missing = [(seeds, file) for seeds, file in parts if not file.exists()]
    if workers > 1 and missing:
        with ProcessPoolExecutor(workers) as pool:
            list(pool.map(_simulate, *zip(*missing, strict=True)))
    else:
        for seeds, file in missing:
            _simulate(seeds, file)
    return CandidateSamples.joined(CandidateSamples.load(file) for _, file in parts)


def _simulate(seeds: Sequence[int], file: Path) -> None:
    simulated_samples(seeds, usual=file.name.startswith(USUAL)).save(file)


def real_scans(
    scans: Iterable[PointedScan], recipe: CandidateRecipe, work: Path
) -> Iterator[tuple[PointedScan, CandidateSamples]]:
    """Yield the candidates of real scans; what is in ``work`` already is taken from there."""
    for number, scan in enumerate(scans):
        file = work / f"real-{number}.npz"
        if not file.exists():
            volume = scan.volume()
            whole = max(n * mm for n, mm in zip(volume.grid.size, volume.grid.spacing_mm, strict=True)) > WHOLE_BODY_MM
            copies = recipe.whole_copies if whole else recipe.copies
            found = inserted_samples(volume, scan.points_lps_mm, number, copies=copies)
            if found is None:
                continue
            found.save(file)
        yield scan, CandidateSamples.load(file)


def fresh_candidate_network(seed: int) -> CandidateNetwork:
    """Build the recipe's network with weights that the seed decides."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build_network("candidates", classes=2)
    assert isinstance(network, CandidateNetwork)
    return network


def first_network(
    simulated: CandidateSamples, recipe: CandidateRecipe, work: Path, *, report: Callable[[str], None]
) -> CandidateNetwork:
    """Train on simulated bodies alone; a network in ``work`` is taken from there."""
    from safetensors.torch import load_file, save_file

    network, file = fresh_candidate_network(recipe.first.seed), work / "first.safetensors"
    if file.exists():
        network.load_state_dict(load_file(file))
        return network.eval()
    fit_candidates(network, [(simulated, 1.0)], recipe.first, report=report)
    with whole_file(file) as partial:
        save_file(network.state_dict(), partial)
    return network


def second_network(
    first: CandidateNetwork,
    simulated: CandidateSamples,
    real: Sequence[CandidateSamples],
    recipe: CandidateRecipe,
    *,
    report: Callable[[str], None],
) -> CandidateNetwork:
    """Train a copy of the first network on, half of the draws from real scans.

    Args:
        first: stays as it is.
        simulated: candidates of simulated bodies.
        real: candidates of real scans, at least one.
        recipe: how to train.
        report: takes a line per epoch.
    """
    both = [(simulated, 0.5), (CandidateSamples.joined(real), 0.5)]
    return fit_candidates(deepcopy(first), both, recipe.second, standardise=False, report=report)


def candidate_card(name: str, **changes: Any) -> ModelCard:
    """Describe a network of this recipe, without measured results; ``changes`` replace fields."""
    card = ModelCard(
        name=name,
        version="2.0.0",
        network="candidates",
        modality="PET with fluorodeoxyglucose, SUV by body weight",
        title="Tumours, FDG-PET",
        spacing_mm=4.0,
        size=(32, 32),
        normalisation="suv-30",
        classes=("physiological uptake", "tumour"),
        tumour_classes=("tumour",),
        scales=(1,),
        views=("coronal", "sagittal"),
        target="class",
        threshold="0.5",
        map_normalisation="reference",
        map_levels={1: 1.0},
        min_volume_ml=0.3,
        projections=True,
        candidates=True,
        uptake_border="adaptive",
        unit=UNIT,
    )
    return replace(card, **changes)
