"""The list of files in CAMLocalizer/CMakeLists.txt: python3 Testing/Python/extension/module_files.py writes it anew."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
MODULE = ROOT / "CAMLocalizer"
CMAKE_FILE = MODULE / "CMakeLists.txt"
LISTS = ("MODULE_PYTHON_SCRIPTS", "MODULE_PYTHON_RESOURCES")


def files_on_disk(variable: str) -> list[str]:
    """Return what belongs into a list of the module: scripts, or whatever else lies beside them."""
    found = [MODULE / "CAMLocalizer.py"]
    found += [path for folder in ("CAMLocalizerLib", "Resources") for path in (MODULE / folder).rglob("*")]
    wanted = (path for path in found if path.is_file() and path.suffix != ".pyc" and not path.name.startswith("."))
    chosen = (path for path in wanted if (path.suffix == ".py") == (variable == LISTS[0]))
    names = (path.relative_to(MODULE).as_posix() for path in chosen)
    return sorted(names, key=lambda name: ("/" in name, name))


def listed_files(variable: str) -> list[str]:
    """Return what a list of the module's CMakeLists.txt names."""
    match = re.search(rf"set\({variable}\n(.*?)\n\s*\)", CMAKE_FILE.read_text(), re.DOTALL)
    return [] if match is None else [line.strip() for line in match[1].splitlines()]


def write() -> None:
    """Write both lists anew, everything else as it was."""
    text = CMAKE_FILE.read_text()
    for variable in LISTS:
        lines = "\n".join(f"  {name}" for name in files_on_disk(variable))
        text = re.sub(rf"(?<=set\({variable}\n).*?(?=\n\s*\))", lines, text, flags=re.DOTALL)
    CMAKE_FILE.write_text(text)


if __name__ == "__main__":
    write()
