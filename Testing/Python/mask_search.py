"""Which modules a module imports, which of them handle masks, and which files Python opens."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = {"CAMLocalizerLib": ROOT / "CAMLocalizer", "reproduction": ROOT / "scripts"}


def source(module: str) -> Path | None:
    """Find the file of a module of ours, such as ``reproduction.papers``."""
    parts = module.split(".")
    if parts[0] not in FOLDERS:
        return None
    path = FOLDERS[parts[0]].joinpath(*parts)
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None)


def imported(module: str) -> Iterator[str]:
    """Give the modules of ours that a module imports, anywhere in its code."""
    path = source(module)
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) + 1 - node.level] if node.level else []
            name = ".".join(part for part in (*base, *(node.module or "").split(".")) if part)
            yield from (each for each in (name, *(f"{name}.{alias.name}" for alias in node.names)) if source(each))
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if source(alias.name))


def reachable(modules: tuple[str, ...], within: tuple[str, ...]) -> set[str]:
    """Give some modules and those below the packages ``within`` that they come to."""
    found, waiting = set(), list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            others = {*imported(module), module.rpartition(".")[0]}
            waiting += [each for each in others if any(each == name or each.startswith(f"{name}.") for name in within)]
    return found


def names_a_mask(module: str) -> bool:
    """Tell whether a name, argument, attribute or file name in the code, not in words for readers, speaks of a mask."""
    for node in ast.walk(ast.parse(source(module).read_text())):
        name = getattr(node, "id", None) or getattr(node, "arg", None) or getattr(node, "attr", None)
        name = name or getattr(node, "name", None)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            name = node.value
        if isinstance(name, str) and ("mask" in name.lower() or name.lower().startswith("truth")):
            return True
    return False


class Watch:
    """Notes every file that Python opens; an audit hook stays for good, so it only listens when told to."""

    def __init__(self) -> None:
        self.opened: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if self.opened is not None and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            self.opened.append(os.fsdecode(arguments[0]))

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        self.opened = opened = []
        try:
            yield opened
        finally:
            self.opened = None


WATCH = Watch()


def file_names(opened: list[str], folder: Path) -> set[str]:
    """Names of what was opened in a folder; the interpreter opens the test file itself, too."""
    return {Path(path).name for path in opened if folder in Path(path).parents}
