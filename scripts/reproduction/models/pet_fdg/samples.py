"""CandidateSamples: candidates of many bodies with their labels, ready to be learnt from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.io.writing import whole_file
from CAMLocalizerLib.segment import Candidates, find_candidates
from CAMLocalizerLib.segment.candidate_features import candidate_features
from CAMLocalizerLib.segment.candidate_views import candidate_views
from CAMLocalizerLib.segment.candidates import EDGE_MM
from CAMLocalizerLib.views import isotropic

from ...datasets.simulated_pet import simulate
from ...datasets.simulated_pet.varied import simulate_body
from .labelling import PHYSIOLOGICAL, UNCLEAR, lesion_labels

MOST_OF_A_BODY = 90  # candidates; of more, some that are not tumours are left out
FIELDS = ("images", "numbers", "labels", "bodies")


@dataclass(frozen=True, eq=False)
class CandidateSamples:
    """Candidates with their labels.

    Args:
        images: projections, see `candidate_views`, float16, shape (N, 2, 3, 32, 32).
        numbers: see `candidate_features`, float32, shape (N, features).
        labels: 1 for a tumour, 0 for physiological uptake; int8, shape (N,).
        bodies: number of the body that each comes from, int64, shape (N,).
    """

    images: NDArray[np.float16]
    numbers: NDArray[np.float32]
    labels: NDArray[np.int8]
    bodies: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def of_bodies(self, chosen: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> CandidateSamples:
        """Return the candidates of some bodies."""
        kept = chosen(self.bodies)
        return CandidateSamples(*(getattr(self, name)[kept] for name in FIELDS))

    @classmethod
    def joined(cls, parts: Iterable[CandidateSamples]) -> CandidateSamples:
        """Put samples together."""
        every = list(parts)
        return cls(*(np.concatenate([getattr(part, name) for part in every]) for name in FIELDS))

    def save(self, path: Path) -> None:
        """Write to a file that appears whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial, partial.open("wb") as file:
            np.savez(file, **{name: getattr(self, name) for name in FIELDS})

    @classmethod
    def load(cls, path: Path) -> CandidateSamples:
        """Read what `save` wrote.

        Raises:
            InputError: the file is damaged.
        """
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                return cls(*(file[name] for name in FIELDS))
        except (BadZipFile, KeyError, ValueError, OSError) as error:
            raise InputError(f"{path} holds no samples of candidates ({error}); delete it to make it anew") from error


def samples_of(
    candidates: Candidates, labels: NDArray[np.int8], body: int, random: np.random.Generator
) -> CandidateSamples | None:
    """Describe the candidates of one body; None if there is nothing to learn from. Unclear ones are left out."""
    kept = labels != UNCLEAR
    if (excess := int(kept.sum()) - MOST_OF_A_BODY) > 0:
        usual = np.flatnonzero(labels == PHYSIOLOGICAL)
        kept[random.choice(usual, min(excess, len(usual)), replace=False)] = False
    if not kept.any():
        return None
    numbers = candidate_features(candidates)
    images = candidate_views(replace(candidates, peaks=candidates.peaks[kept]))
    bodies = np.full(np.count_nonzero(kept), body, dtype=np.int64)
    return CandidateSamples(images.astype(np.float16), numbers[kept], labels[kept], bodies)


def simulated_samples(seeds: Sequence[int], *, usual: bool = False) -> CandidateSamples:
    """Simulate bodies and describe their candidates.

    Args:
        seeds: of the bodies, which are numbered by them.
        usual: bodies of usual uptake with one tumour in a lung or along the oesophagus, as in the paper, instead of
            bodies of wide variety; they are numbered from -1 downwards.
    """
    parts = []
    for seed in seeds:
        if usual:
            case = simulate(seed, spacing_mm=(EDGE_MM,) * 3)
            volume, lesions = isotropic(case.volume, EDGE_MM), case.truth.array_kji
        else:
            body = simulate_body(seed)
            volume, lesions = body.volume, body.lesions.array_kji
        candidates = find_candidates(volume)
        number = -1 - seed if usual else seed
        part = samples_of(candidates, lesion_labels(candidates, lesions), number, np.random.default_rng([seed, 7]))
        parts += [part] if part is not None else []
    return CandidateSamples.joined(parts)
