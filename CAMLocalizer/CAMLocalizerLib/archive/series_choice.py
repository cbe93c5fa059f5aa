"""The choice of the series that a model is made for, with the reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase

from ..localizer.inputs import MAGNETIC_RESONANCE
from ..models import ModelCard
from .errors import NoSuitableSeriesError
from .series_facts import SeriesFacts

PET = re.compile(r"\bPET\b|positron", re.IGNORECASE)
CT = re.compile(r"\bCT\b|computed tomography", re.IGNORECASE)
AFTER_CONTRAST = re.compile(r"gadolinium|contrast|enhanced|\bT1-?(ce|gd|c)\b", re.IGNORECASE)
NO_CONTRAST = re.compile(r"(without|before) (contrast|gadolinium)|unenhanced|non-?contrast", re.IGNORECASE)
T1_WEIGHTED = re.compile(r"\bT1", re.IGNORECASE)
FLUORODEOXYGLUCOSE = re.compile(r"fluorodeoxyglucose|\bFDG\b", re.IGNORECASE)
LEAST_IMAGES = 3


@dataclass(frozen=True)
class Requirements:
    """What a model's card asks of a series.

    Args:
        modality: ``MR``, ``PT`` or ``CT``; empty for any.
        contrast: whether a contrast agent has to be shown.
        t1: whether T1 weighting has to be shown.
        fdg: whether another tracer rules it out.
        planes: preferred planes, best first; empty for any.
    """

    modality: str = ""
    contrast: bool = False
    t1: bool = False
    fdg: bool = False
    planes: tuple[str, ...] = ()

    @classmethod
    def of(cls, card: ModelCard) -> Requirements:
        """Read them from a card."""
        text = card.modality
        modality = "MR" if MAGNETIC_RESONANCE.search(text) else "PT" if PET.search(text) else ""
        modality = modality or ("CT" if CT.search(text) else "")
        return cls(
            modality=modality,
            contrast=AFTER_CONTRAST.search(text) is not None and NO_CONTRAST.search(text) is None,
            t1=modality == "MR" and T1_WEIGHTED.search(text) is not None,
            fdg=modality == "PT" and FLUORODEOXYGLUCOSE.search(text) is not None,
            planes=() if card.projections else card.views,
        )

    @property
    def read_headers(self) -> bool:
        """Whether more than the list of series is needed even if only one has the modality."""
        return self.contrast or self.t1 or self.fdg


@dataclass(frozen=True, eq=False)
class Choice:
    """The series to be looked at.

    Args:
        series: the series.
        reason: why, in a sentence without text of the archive.
    """

    series: SeriesFacts
    reason: str


def choose_series(
    listed: Sequence[SeriesFacts],
    required: Requirements,
    read_header: Callable[[SeriesFacts], SeriesFacts],
    *,
    description: str = "",
) -> Choice:
    """Choose the series of a study that fits a model best.

    Args:
        listed: series of the study, results among them.
        required: by the model.
        read_header: adds the header of one of its images to a series.
        description: text or pattern with ``*`` and ``?`` that the SeriesDescription has to fit, whatever the case of
            its letters; it takes the place of what the model requires.

    Raises:
        NoSuitableSeriesError: none fits; the message says why.
    """
    images = [entry for entry in listed if entry.is_image]
    if not images:
        raise NoSuitableSeriesError("the study has no series of images")
    if description:
        return _described(images, required, read_header, description)
    of_modality = [entry for entry in images if required.modality in ("", entry.modality)]
    if len(of_modality) > 1 or (of_modality and required.read_headers):
        of_modality = [read_header(entry) for entry in of_modality]
    refused = Counter({f"not {required.modality}": len(images) - len(of_modality)})
    fitting = []
    for entry in of_modality:
        if problem := _problem(entry, required):
            refused[problem] += 1
        else:
            fitting.append(entry)
    if not fitting:
        told = ", ".join(f"{count} {problem}" for problem, count in refused.items() if count)
        raise NoSuitableSeriesError(
            f"no series suits the model ({len(images)} series of images: {told}); choose one with --series-description"
        )
    best, *others = sorted(fitting, key=lambda entry: _rank(entry, required))
    return Choice(best, _reason(best, required, len(images), others))


def chosen_by_name(listed: Sequence[SeriesFacts], uid: str) -> Choice:
    """Return the series of a UID; one that the archive does not list is still asked for.

    Raises:
        NoSuitableSeriesError: it is not in the study, or holds no images.
    """
    found = next((entry for entry in listed if entry.uid == uid), None)
    if found is None:
        raise NoSuitableSeriesError(f"the study has no series {uid}; it may have been deleted")
    if not found.is_image:
        raise NoSuitableSeriesError(f"series {uid} is of type {found.modality}, which holds no images; give another")
    return Choice(found, f"{found.name} was asked for by its UID")


def _described(
    images: Sequence[SeriesFacts],
    required: Requirements,
    read_header: Callable[[SeriesFacts], SeriesFacts],
    description: str,
) -> Choice:
    wanted = description.casefold()
    pattern = wanted if set(wanted) & set("*?") else f"*{wanted}*"
    found = [entry for entry in images if fnmatchcase(entry.description.casefold(), pattern)]
    if not found:
        raise NoSuitableSeriesError(
            f"none of {len(images)} series of images fits --series-description {description!r}; loosen it"
        )
    if len(found) > 1:
        found = [read_header(entry) for entry in found]
    best, *others = sorted(found, key=lambda entry: (bool(_problem(entry, required)), *_rank(entry, required)))
    return Choice(best, f"{best.name} was chosen from {len(images)} series by its description{_also(others)}")


def _problem(entry: SeriesFacts, required: Requirements) -> str:
    """Say in a few words why a series does not fit; empty if it does."""
    if entry.auxiliary:
        return "localizers or derived"
    if 0 < entry.images < LEAST_IMAGES:
        return "with too few images"
    if required.t1 and not entry.t1:
        return "without T1 weighting"
    if required.contrast and not entry.contrast:
        return "without a contrast agent"
    if required.modality == "PT" and not entry.attenuation_corrected:
        return "without attenuation correction"
    if required.fdg and entry.other_tracer:
        return "of another tracer"
    return ""


def _rank(entry: SeriesFacts, required: Requirements) -> tuple:
    planes = required.planes
    plane = planes.index(entry.plane) if entry.plane in planes else len(planes)
    number = int(entry.number) if entry.number.isdecimal() else 0
    return entry.reformatted, plane, -entry.images, number, entry.uid


def _reason(best: SeriesFacts, required: Requirements, count: int, others: Sequence[SeriesFacts]) -> str:
    shown = [best.modality or "of no modality"]
    shown += [best.t1] if required.t1 else []
    shown += [best.contrast] if required.contrast else []
    shown += [best.plane] if best.plane else []
    shown += [f"{best.images} images"] if best.images else []
    return f"{best.name} was chosen from {count} series: {', '.join(shown)}{_also(others)}"


def _also(others: Sequence[SeriesFacts]) -> str:
    if not others:
        return ""
    return f" ({', '.join(entry.name for entry in others[:5])}{' and more' if len(others) > 5 else ''} would fit too)"


def with_header(entry: SeriesFacts, header: object) -> SeriesFacts:
    """Return a series with the header of one of its images."""
    return replace(entry, header=header)
