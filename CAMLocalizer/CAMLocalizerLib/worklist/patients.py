"""Which cases are of the same patient, without names."""

from __future__ import annotations

import hashlib
import hmac
import re
from contextlib import suppress
from pathlib import Path, PurePosixPath

from ..batch.source import Source
from ..io.dicom_files import list_files
from ..io.names import case_name
from ..io.quiet import quiet

DIGITS = 12
SUBJECT = "sub-"  # how folders of patients begin in BIDS


def patient_of(source: Source, expression: re.Pattern[str] | None, salt: str) -> str:
    """Return what the cases of one patient share and those of others do not.

    Args:
        source: where the volume lies.
        expression: its first group is the patient in the path; the rules below count where it does not match.
        salt: secret of the worklist.

    Returns:
        The group; for DICOM a pseudonym of PatientID; or else the folder ``sub-...`` of the path, its first folder, and
        for a file that lies in no folder the name without its ending.
    """
    if expression is not None and (match := expression.search(source.file)) and match[1]:
        return match[1]
    if source.dicom and (identity := _patient_id(source.path)):
        return pseudonym(identity, salt)
    *folders, name = PurePosixPath(source.file).parts
    subjects = [folder for folder in folders if folder.startswith(SUBJECT)]
    return next(iter([*subjects, *folders]), case_name(name))


def pseudonym(identity: str, salt: str) -> str:
    """Return what stands for a PatientID in one worklist and nowhere else.

    Args:
        identity: PatientID.
        salt: secret of the worklist.
    """
    return f"patient-{hmac.new(salt.encode(), identity.encode(), hashlib.sha256).hexdigest()[:DIGITS]}"


def _patient_id(folder: Path) -> str:
    """Return PatientID of the first DICOM file that has one; empty if none has."""
    from pydicom import dcmread

    for path in [folder] if folder.is_file() else list_files(folder):
        with suppress(Exception), quiet():  # a damaged file can fail anywhere in the parser
            header = dcmread(path, stop_before_pixels=True, specific_tags=["PatientID"])
            if identity := str(header.get("PatientID", "")).strip():
                return identity
    return ""
