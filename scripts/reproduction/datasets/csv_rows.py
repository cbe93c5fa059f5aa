"""Rows of a CSV file that describes a data set."""

from __future__ import annotations

import csv
from pathlib import Path

from CAMLocalizerLib.core import InputError


def read_rows(path: Path) -> list[dict[str, str]]:
    """Read a CSV with a header line.

    Raises:
        InputError: the file is missing.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing; see the data's README for where it comes from")
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
