"""Requirement: a package, and which of its versions will do."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..core import InputError

REQUIREMENTS_FILE = Path(__file__).resolve().parents[2] / "Resources" / "requirements.txt"


@dataclass(frozen=True)
class Requirement:
    """A package, and which of its versions will do.

    Args:
        name: of the distribution, as ``pip`` takes it.
        wanted: range of versions, such as ``>=3.8,<4``; empty where any will do.
    """

    name: str
    wanted: str = ""

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Read a requirement as ``pip`` takes it: a name and a range.

        Raises:
            InputError: another form, such as an address, extras or a condition.
        """
        from packaging.requirements import InvalidRequirement
        from packaging.requirements import Requirement as Parsed

        text = text.strip()
        try:
            parsed = Parsed(text)
        except InvalidRequirement:
            parsed = None
        if parsed is None or parsed.url or parsed.extras or parsed.marker:
            raise InputError(f'"{text}" is no requirement; expected a package and its versions: name>=1.2,<2')
        return cls(parsed.name, re.sub(r"[\s()]", "", text.removeprefix(parsed.name)))

    def __str__(self) -> str:
        return f"{self.name}{self.wanted}"


# In Slicer it comes with the PyTorch extension, which chooses the build for the machine's GPU.
TORCH = Requirement("torch", ">=2.4")


def requirements(file: str | os.PathLike[str] = REQUIREMENTS_FILE) -> tuple[Requirement, ...]:
    """Return what must be installed for models to run: PyTorch, and the packages that a file lists.

    Args:
        file: a requirement per line; lines that begin with ``#`` are comments.

    Raises:
        InputError: the file cannot be read or has a line that is no requirement.
    """
    path = Path(file)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: the list of packages cannot be read; install CAMLocalizer again") from error
    wanted = (line.partition("#")[0].strip() for line in lines)
    return (TORCH, *(Requirement.parse(line) for line in wanted if line))
