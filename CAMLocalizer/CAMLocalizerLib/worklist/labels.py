"""labels.csv: the answers of a worklist as the table that ``camlocalizer train`` reads."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from ..core import InputError
from ..io.writing import whole_file
from .judgements import NO, YES, Judgement, is_of_archive, read_classes, read_judgements, read_root, worklist_folder
from .paths import relative_path

LABELS_FILE = "labels.csv"
HEADER = ("file", "label", "patient", "slice", "view", "case", "series", "tumour", "reader", "answered_at")
NO_TUMOUR, TUMOUR = "no tumour", "tumour"
FETCH_IMAGES = "the images lie in an archive; put those of each case where the column file says before training"
T = TypeVar("T")


@dataclass(frozen=True)
class Labels:
    """What is written, and what is to be known of it.

    Args:
        rows: lines of the table, column name to text.
        notes: sentences about what was left out or simplified.
    """

    rows: tuple[Mapping[str, str], ...]
    notes: tuple[str, ...]

    @property
    def patients(self) -> int:
        """How many patients the labels are of."""
        return len({row["patient"] for row in self.rows})

    def summary(self) -> str:
        """Say in a sentence what the table holds."""
        counts = Counter(row["label"] for row in self.rows)
        listed = ", ".join(f"{count} {label}" for label, count in sorted(counts.items()))
        return f"{_count(len(self.rows), 'label')} of {_count(self.patients, 'patient')}: {listed}"


def make_labels(
    judgements: Iterable[Judgement],
    root: Path,
    folder: Path,
    *,
    readers: Collection[str] = (),
    classes: Sequence[str] = (),
    tumour_classes: Sequence[str] = (),
) -> Labels:
    """Make one label of what all readers said about a case or slice.

    The majority counts; where there is none, the case or slice is left out. A case of which slices were labelled is
    listed by slice. Labels are the types of the tumours, by those who named one, if every tumour has one; or else
    whether there is a tumour.

    Args:
        judgements: of one worklist.
        root: folder that their files are relative to.
        folder: of the table, which files are written relative to.
        readers: whose answers count; all if empty.
        classes: of the model; its only class without a tumour names that label.
        tumour_classes: those of ``classes`` that are tumours; a single one names that label.

    Raises:
        InputError: there is no answer that could be written.
    """
    said = [each for each in judgements if each.tumour is not None and (not readers or each.reader in readers)]
    said, notes = _trainable(said)
    votes = [_Vote(group, *_majority(group)) for group in _by_place(said)]
    without = sum(vote.tumour is True and vote.type == "" for vote in votes)
    settled = [vote for vote in votes if vote.tumour is not None and (without or vote.type is not None)]
    if ties := len(votes) - len(settled):
        notes.append(f"{_count(ties, 'case or slice', 'cases or slices')} left out: readers disagree")
    if without and any(vote.type for vote in settled):
        cases = _count(without, "case or slice", "cases or slices")
        notes.append(f"labels say whether there is a tumour, since nobody named its type in {cases}")
    names = _label_names(classes, tumour_classes)
    rows = [_row(vote, names, root, folder, typed=not without) for vote in settled]
    if not rows:
        raise InputError("there is no answer about a tumour to write; answer cases with camlocalizer review first")
    if any(row["tumour"] == YES and not row["slice"] for row in rows):
        notes.append(
            "training takes every slice of a volume that is labelled as a whole as its label says; with --from, "
            "only slices in which the model sees a tumour"
        )
    return Labels(tuple(rows), tuple(notes))


def write_labels(labels: Labels, path: Path) -> None:
    """Write the table, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, HEADER, lineterminator="\n")
    writer.writeheader()
    writer.writerows(labels.rows)
    with whole_file(path) as partial:
        partial.write_text(stream.getvalue(), encoding="utf-8", newline="")


def export_labels(path: Path, target: Path | None = None, *, readers: Collection[str] = ()) -> tuple[Path, Labels]:
    """Write the answers of a worklist as the table that training reads.

    Args:
        path: folder of the worklist, or of the scans or results that it belongs to.
        target: the table; ``labels.csv`` in the folder of the worklist if not given.
        readers: whose answers count; all if empty.

    Returns:
        The table's path and what it holds.

    Raises:
        InputError: there is no answer that could be written.
        OutputError: no worklist there, it cannot be read, or the table cannot be written.
    """
    folder = worklist_folder(path)
    target = target or folder / LABELS_FILE
    classes, tumour_classes = read_classes(folder)
    archived = is_of_archive(folder)  # whose last search says nothing of the images of other cases
    labels = make_labels(
        [replace(each, listed=each.listed or archived) for each in read_judgements(folder)],
        read_root(folder),
        target.parent,
        readers=readers,
        classes=classes,
        tumour_classes=tumour_classes,
    )
    if archived:
        labels = replace(labels, notes=(*labels.notes, FETCH_IMAGES))
    write_labels(labels, target)
    return target, labels


def _trainable(said: Sequence[Judgement]) -> tuple[list[Judgement], list[str]]:
    """Leave out what training cannot find, and whole cases of which slices were labelled."""
    notes = []
    per_file = {(each.file, each.series) for each in said if each.series}
    shared = {file for file, count in Counter(file for file, _ in per_file).items() if count > 1}
    found = [each for each in said if each.listed and each.file not in shared]
    if missing := len({each.key for each in said if not each.listed}):
        notes.append(f"{_count(missing, 'case')} left out: no longer among the scans")
    if shared:
        notes.append(f"{_count(len(shared), 'folder')} left out: several DICOM series in one folder")
    sliced = {each.key for each in found if each.slice is not None}
    return [each for each in found if each.slice is not None or each.key not in sliced], notes


def _by_place(said: Iterable[Judgement]) -> list[list[Judgement]]:
    groups: dict[tuple, list[Judgement]] = {}
    for each in said:
        groups.setdefault(each.place, []).append(each)
    return list(groups.values())


@dataclass(frozen=True)
class _Vote:
    """What readers said about a case or slice, and what most of them said; None where two answers are as frequent."""

    group: Sequence[Judgement]
    tumour: bool | None
    type: str | None


def _majority(group: Sequence[Judgement]) -> tuple[bool | None, str | None]:
    """Return whether there is a tumour, and its type by those who named one; empty if nobody did."""
    tumour = _most_frequent([bool(each.tumour) for each in group])
    types = [each.type for each in group if each.tumour and each.type]
    return tumour, _most_frequent(types) if tumour and types else ""


def _most_frequent(values: Sequence[T]) -> T | None:
    """Return the most frequent value; None if two are as frequent."""
    counts = Counter(values).most_common(2)
    return None if len(counts) > 1 and counts[0][1] == counts[1][1] else counts[0][0]


def _label_names(classes: Sequence[str], tumour_classes: Sequence[str]) -> tuple[str, str]:
    """Return the labels without and with a tumour of no class."""
    others = [name for name in classes if name not in tumour_classes]
    without = others[0] if len(others) == 1 else NO_TUMOUR
    return without, tumour_classes[0] if len(tumour_classes) == 1 else TUMOUR


def _row(vote: _Vote, names: tuple[str, str], root: Path, folder: Path, *, typed: bool) -> dict[str, str]:
    group, first = vote.group, vote.group[0]
    kind = (vote.type if typed else "") or names[1]
    return {
        "file": relative_path(root / first.file, folder),
        "label": kind if vote.tumour else names[0],
        "patient": first.patient,
        "slice": "" if first.slice is None else str(first.slice),
        "view": first.view,
        "case": first.key,
        "series": first.series,
        "tumour": YES if vote.tumour else NO,
        "reader": " ".join(sorted({each.reader for each in group})),
        "answered_at": max(each.answered_at for each in group),
    }


def _count(number: int, word: str, plural: str = "") -> str:
    return f"{number} {word if number == 1 else plural or f'{word}s'}"
