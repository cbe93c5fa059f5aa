"""Shared parts of DICOM results: codes, equipment, identifiers and saving."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import InputError, OutputError, SettingsError
from ..version import VERSION
from .dicom_source import DicomSource
from .quiet import quiet
from .segmentation_writer import TUMOUR_TYPES
from .writing import output_errors

if TYPE_CHECKING:
    from pydicom import Dataset

PROGRAM = "CAMLocalizer"
CAVEAT = "Localisation by a classifier, not a verified boundary"
CATEGORY = ("49755003", "SCT", "Morphologically Abnormal Structure")
NEWER_CODES = {"Neoplasm, Primary": "372087000"}
MAX_LABEL_LENGTH, MAX_SERIES_NUMBER = 64, 2**31 - 1
SERIES_STEP = 100


def tumour_code(tumour_type: str) -> tuple[str, str, str]:
    """Return code value, scheme and meaning of a tumour type.

    Args:
        tumour_type: one of :data:`TUMOUR_TYPES`.

    Raises:
        SettingsError: an unknown tumour type.

    Source: DICOM PS3.16 CID 7159, whose code of primary neoplasms is newer than the one in 3D Slicer's list.
    """
    if tumour_type not in TUMOUR_TYPES:
        raise SettingsError(f"tumour type {tumour_type!r} is unknown; choose one of {', '.join(TUMOUR_TYPES)}")
    return NEWER_CODES.get(tumour_type, TUMOUR_TYPES[tumour_type]), "SCT", tumour_type


def derived_uid(*parts: str | bytes) -> str:
    """Return a UID derived from ``parts``; equal parts give equal UIDs.

    Source: DICOM PS3.5 B.2, UUID derived UIDs.
    """
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(len(data).to_bytes(8, "big") + data)
    return f"2.25.{uuid.UUID(bytes=digest.digest()[:16], version=5).int}"


def label_text(text: str) -> str:
    """Return a name as valid DICOM long string: no backslash, no line break, at most 64 characters."""
    shown = "".join(character if character.isprintable() else " " for character in text.replace("\\", "/")).strip()
    return shown[:MAX_LABEL_LENGTH].strip() or "Segment"


def instance_attributes(
    source: DicomSource, kind: str, number: int, created: datetime, content_uid: str
) -> Mapping[str, Any]:
    """Return highdicom's keyword arguments for an instance in a new series.

    Args:
        source: source series; the new series number is based on a hundred times its number.
        kind: series description after the program's name.
        number: added to the series number.
        created: date and time of the content.
        content_uid: UID derived from the content.
    """
    moment = created.isoformat()
    return {
        "series_instance_uid": derived_uid("series", content_uid, moment),
        "sop_instance_uid": derived_uid("instance", content_uid, moment),
        "series_number": _series_number(source) + number,
        "instance_number": 1,
        "manufacturer": PROGRAM,
        "manufacturer_model_name": PROGRAM,
        "software_versions": VERSION,
        "device_serial_number": VERSION,
        "series_description": f"{PROGRAM} {kind}",
        "content_date": created.date(),
        "content_time": created.time(),
        "specific_character_set": "ISO_IR 192",
    }


def _series_number(source: DicomSource) -> int:
    try:
        number = abs(int(source.headers[0].get("SeriesNumber") or 0)) * SERIES_STEP
    except (TypeError, ValueError):
        number = 0
    return number if number < MAX_SERIES_NUMBER - SERIES_STEP else 0


@contextmanager
def highdicom_errors(source: DicomSource, what: str) -> Iterator[None]:
    """Silence highdicom and convert its errors to an InputError without values of the source."""
    from pydicom.uid import UID

    with quiet():
        try:
            yield
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            kind = UID(str(source.headers[0].SOPClassUID)).name
            raise InputError(
                f"a {what} cannot be made from a series of type {kind!r} (highdicom raised {type(error).__name__}); "
                "convert the series to MR, CT or PET images first"
            ) from error


def save_dicom(dataset: Dataset, path: Path, created: datetime) -> None:
    """Write a result; the same result with the same ``created`` gives the same bytes.

    Raises:
        OutputError: a file name without ``.dcm``, or a file that cannot be written.
    """
    if path.suffix.lower() != ".dcm":
        raise OutputError(f"{path}: a DICOM file must be named .dcm")
    _fix_clock(dataset, created)
    with quiet(), output_errors(path):
        dataset.save_as(path, enforce_file_format=True)


def _fix_clock(dataset: Dataset, created: datetime) -> None:
    """Replace the current times and random UIDs that highdicom writes."""
    dataset.InstanceCreationDate, dataset.InstanceCreationTime = created.date(), created.time()
    for equipment in dataset.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = created
    uid = derived_uid("dimensions", str(dataset.SOPInstanceUID))
    for item in (*dataset.get("DimensionOrganizationSequence", ()), *dataset.get("DimensionIndexSequence", ())):
        item.DimensionOrganizationUID = uid
