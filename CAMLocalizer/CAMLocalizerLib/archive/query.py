"""Conditions on studies, as ``KEY=VALUE``."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..core import SettingsError

TAG = re.compile(r"[0-9A-Fa-f]{8}")
MODALITY, OF_STUDY = "Modality", "ModalitiesInStudy"
SERIES_KEYS = frozenset(
    {
        "BodyPartExamined",
        "Laterality",
        "Manufacturer",
        "ManufacturerModelName",
        "PerformedProcedureStepStartDate",
        "ProtocolName",
        "SeriesDate",
        "SeriesDescription",
        "SeriesInstanceUID",
        "SeriesNumber",
        "StationName",
    }
)


@dataclass(frozen=True)
class Query:
    """Conditions on studies and on their series.

    Args:
        studies: keys and values that a study must fit.
        series: keys and values that a series of it must fit.
        modality: of the series; empty for any.
    """

    studies: Mapping[str, str] = field(default_factory=dict)
    series: Mapping[str, str] = field(default_factory=dict)
    modality: str = ""

    @classmethod
    def parse(cls, conditions: Iterable[str]) -> Query:
        """Read conditions such as ``Modality=MR`` and ``StudyDate=20260101-20260131``.

        Raises:
            SettingsError: another form, an unknown key, or a key given twice.
        """
        studies: dict[str, str] = {}
        series: dict[str, str] = {}
        modality = ""
        for key, value in _pairs(conditions):
            if key == MODALITY:
                modality = value
                studies.setdefault(OF_STUDY, value)
            else:
                (series if key in SERIES_KEYS else studies)[key] = value
        return cls(studies, series, modality)


def _pairs(conditions: Iterable[str]) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for text in conditions:
        key, mark, value = (part.strip() for part in text.partition("="))
        if not (key and mark and value):
            raise SettingsError("--query must be KEY=VALUE, such as StudyDate=20260101-20260131")
        if key in found:
            raise SettingsError(f"--query has {key} twice; give each key once")
        _check_key(key)
        found[key] = value
    return list(found.items())


def _check_key(key: str) -> None:
    from pydicom.datadict import keyword_dict

    if key in keyword_dict or TAG.fullmatch(key):
        return
    near = difflib.get_close_matches(key, keyword_dict, 1)
    raise SettingsError(
        f"--query {key}: is not a DICOM keyword{f'; did you mean {near[0]}?' if near else ', such as StudyDate'}"
    )
