"""The arguments of ``localize``, ``batch`` and ``review`` that are about DICOMweb archives."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ..option_names import ARCHIVE_PREFIX

if TYPE_CHECKING:
    from ..archive.request import StudyOptions

FLAGS = {
    "query": "--query",
    "limit": "--limit",
    "series_description": "--series-description",
    "store": "--store",
    "again": "--again",
    "allow_http": "--allow-http",
}


def archive_or_path(text: str) -> str | Path:
    """Return the address of an archive, or of what is meant to be one, as text; anything else as a path."""
    return text if text.lower().startswith((ARCHIVE_PREFIX, "https://", "http://")) else Path(text)


def add_archive_arguments(parser: argparse.ArgumentParser, *, search: bool, results: bool = True) -> None:
    """Add the arguments.

    Args:
        parser: of the command.
        search: whether the command searches for studies.
        results: whether the command decides for all studies which results are made and sent.
    """
    add = parser.add_argument_group("DICOMweb archive; user and password come from ~/.netrc").add_argument
    if search:
        add("--query", action="append", default=[], metavar="KEY=VALUE", help="of the studies, such as Modality=MR")
        add("--limit", type=int, metavar="N", help="number of studies at most")
    add("--series-description", default="", metavar="GLOB", help="series to take, instead of one that suits the model")
    if results:
        add("--store", action="store_true", help="send DICOM segmentation and report back into the study")
        add("--again", action="store_true", help="do studies whose archive holds the same result already")
    add("--allow-http", action="store_true", help="let images travel unencrypted to an address with dicomweb+http://")


def study_options(options: argparse.Namespace) -> StudyOptions:
    """Return how studies are to be dealt with."""
    from ..archive.request import StudyOptions

    return StudyOptions(
        query=tuple(getattr(options, "query", ())),
        series_description=options.series_description,
        store=getattr(options, "store", False),
        again=getattr(options, "again", False),
    )


def check_no_archive_options(options: argparse.Namespace) -> None:
    """Refuse options that are for archives only.

    Raises:
        SettingsError: such an option.
    """
    from ..core import SettingsError

    given = [flag for name, flag in FLAGS.items() if getattr(options, name, None)]
    if given:
        raise SettingsError(f"{given[0]} is for a DICOMweb archive; give an address such as dicomweb+https://HOST/PATH")
