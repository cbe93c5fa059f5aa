"""evaluate_quality: from a table of labels to figures, cases and pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from ..core import InputError
from ..metrics import DRAWS
from ..training.checks import Problems
from .assessment import MODEL, SLICE, VOLUME, Assessment, LabelledFile, assess_file, localize_file
from .baselines import check_baselines, default_baselines
from .figures import Figure, measure_quality, reliability
from .labelled_files import check_files, read_labelled_files
from .networks_by_patient import NetworksByPatient
from .quality_files import CASES_FILE, FIGURES_FILE, TABLE_FILE, Study, write_cases, write_figures, write_table
from .quality_pictures import CASES_PICTURE, RELIABILITY_PICTURE, Example, draw_cases, draw_reliability, example, ranked
from .sources import Sources

FILES = (FIGURES_FILE, CASES_FILE, TABLE_FILE, CASES_PICTURE, RELIABILITY_PICTURE)
Progress = Callable[[int, int], None]


def evaluate_quality(
    networks: NetworksByPatient,
    sources: Sources,
    folder: Path,
    *,
    baselines: tuple[str, ...] | None = None,
    command: str = "",
    seed: int = 0,
    draws: int = DRAWS,
    progress: Progress | None = None,
) -> list[Figure]:
    """Assess every image of a table and write :data:`FILES`; pictures only where there is something to draw.

    Args:
        networks: the model, or the networks of a training's folds.
        sources: where the data lie.
        folder: an existing one.
        baselines: to compare with; those of :func:`default_baselines` if not given.
        command: to be quoted in the table.
        seed: of the bootstrap.
        draws: of the bootstrap.
        progress: called after each file with (files done, files).

    Returns:
        The figures.

    Raises:
        SettingsError: an unknown baseline.
        InputError: everything that is wrong with table, images and masks, at once.
        OSError: a file cannot be written.
    """
    chosen = default_baselines(networks.card) if baselines is None else baselines
    check_baselines(chosen)
    files = checked_files(networks, sources)
    assessments, notes = _assessed(networks, files, chosen, progress, str(sources.table))
    study = Study(
        command=command,
        model=f"{networks.card.name} {networks.card.version}",
        checksums=_checksums(networks),
        patients=len({each.patient for file in files for each in file.rows}),
        files=len(files),
        baselines=chosen,
        seed=seed,
        draws=draws,
        notes=(*_notes(networks, assessments), *notes),
    )
    figures = measure_quality(assessments, chosen, draws=draws, seed=seed)
    bins = {kind: reliability(assessments, kind) for kind in (SLICE, VOLUME)}
    write_figures(study, figures, bins, folder / FIGURES_FILE)
    write_cases(assessments, folder / CASES_FILE)
    write_table(study, figures, folder / TABLE_FILE)
    if examples := _examples(networks, assessments):
        draw_cases(examples, study.model, folder / CASES_PICTURE, inverted=networks.card.projections)
    if any(each.images for own in bins.values() for each in own):
        draw_reliability(bins, study.model, folder / RELIABILITY_PICTURE)
    return figures


def checked_files(networks: NetworksByPatient, sources: Sources) -> list[LabelledFile]:
    """Read the table and check every image and mask once.

    Raises:
        InputError: everything that is wrong, at once.
    """
    problems = Problems()
    files = read_labelled_files(sources, networks.card, problems)
    check_files(files, networks.card, problems)
    problems.extend(networks.unknown([row.patient for file in files for row in file.rows]))
    problems.raise_if_any(str(sources.table))
    return files


def _assessed(
    networks: NetworksByPatient,
    files: Sequence[LabelledFile],
    baselines: tuple[str, ...],
    progress: Progress | None,
    subject: str,
) -> tuple[list[Assessment], list[str]]:
    problems, assessments = Problems(), []
    notes: dict[str, None] = {}
    for count, file in enumerate(files, 1):
        patient = file.rows[0].patient
        with problems.noted():
            found, assumed = assess_file(file, networks.localizer(patient), baselines, networks.fold(patient))
            assessments += found
            notes |= dict.fromkeys(assumed)
        if progress is not None:
            progress(count, len(files))
    problems.raise_if_any(subject)
    if not assessments:
        raise InputError(f"{subject}: has no image that can be judged; tumour volumes of slices need masks")
    return assessments, list(notes)


def _checksums(networks: NetworksByPatient) -> dict[str, str]:
    names = {fold: f"network of fold {fold}" if networks.cross_validated else MODEL for fold in networks.bundles}
    return {name: networks.bundles[fold].card.sha256 for fold, name in names.items()}


def _notes(networks: NetworksByPatient, assessments: Sequence[Assessment]) -> list[str]:
    notes = []
    unmasked = sum(each.tumour and not each.agreement for each in assessments)
    if unmasked:
        notes.append(f"{unmasked} of {len(assessments)} images show a tumour without a mask; their overlap is unknown")
    if networks.shares_levels:
        notes.append("the maps of all folds are divided by the reference levels of the training's final network")
    return notes


def _examples(networks: NetworksByPatient, assessments: Sequence[Assessment]) -> list[Example]:
    """Look again at the few cases that are shown, so that no other image has to be kept in memory."""
    return [
        example(rank, assessed, localize_file(assessed.file, networks.localizer(assessed.patient)))
        for kind in (SLICE, VOLUME)
        for rank, assessed in ranked(assessments, kind).items()
    ]
