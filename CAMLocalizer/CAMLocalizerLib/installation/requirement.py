"""Requirement: a package and its allowed versions."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ..core import InputError

REQUIREMENTS_FILE = Path(__file__).resolve().parents[2] / "Resources" / "requirements.txt"


@dataclass(frozen=True)
class Requirement:
    """A package and its allowed versions.

    Args:
        name: name of the distribution, as for ``pip``.
        wanted: range of versions, such as ``>=3.8,<4``; empty for any version.
    """

    name: str
    wanted: str = ""

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Parse a requirement in the format of ``pip``: a name and a range of versions.

        Raises:
            InputError: another format, such as an address, extras or an environment marker.
        """
        from packaging.requirements import InvalidRequirement
        from packaging.requirements import Requirement as Parsed

        text = text.strip()
        try:
            parsed = Parsed(text)
        except InvalidRequirement:
            parsed = None
        if parsed is None or parsed.url or parsed.extras or parsed.marker:
            raise InputError(f'"{text}" is not a requirement; expected a package and its versions: name>=1.2,<2')
        return cls(parsed.name, re.sub(r"[\s()]", "", text.removeprefix(parsed.name)))

    def __str__(self) -> str:
        return f"{self.name}{self.wanted}"


# In Slicer the PyTorch extension installs it, because it chooses the build for the machine's GPU.
TORCH = Requirement("torch", ">=2.4")


def requirements(file: str | os.PathLike[str] = REQUIREMENTS_FILE) -> tuple[Requirement, ...]:
    """Return the packages that models need: PyTorch and the packages listed in a file.

    Args:
        file: one requirement per line; lines that start with ``#`` are comments.

    Raises:
        InputError: the file cannot be read or has a line that is not a requirement.
    """
    path = Path(file)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path.name}: the list of packages cannot be read; install CAMLocalizer again") from error
    wanted = (line.partition("#")[0].strip() for line in lines)
    return (TORCH, *(Requirement.parse(line) for line in wanted if line))
