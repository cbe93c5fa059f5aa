"""The studies use the library; neither the library nor its packages hold them."""

from __future__ import annotations

import tomllib
from pathlib import Path

import module_files
from mask_search import FOLDERS, ROOT, imported, source


def modules_below(package: str) -> list[str]:
    folder = FOLDERS[package]
    files = (path.relative_to(folder).with_suffix("") for path in sorted((folder / package).rglob("*.py")))
    return [".".join(path.parts).removesuffix(".__init__") for path in files]


def test_no_module_of_the_library_imports_a_study() -> None:
    library = modules_below("CAMLocalizerLib")
    assert len(library) > 300
    assert [name for name in library if any(each.startswith("reproduction") for each in imported(name))] == []


def test_the_search_finds_an_import_of_a_study() -> None:
    assert "reproduction.papers.results" in set(imported("reproduction.papers.pgcam.report"))
    assert source("reproduction.papers.pgcam.report") == ROOT / "scripts/reproduction/papers/pgcam/report.py"


def test_neither_wheel_nor_extension_holds_a_study() -> None:
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    assert setuptools["packages"]["find"] == {"where": ["CAMLocalizer"], "include": ["CAMLocalizerLib*"]}
    assert not any("scripts" in pattern for patterns in setuptools["data-files"].values() for pattern in patterns)
    listed = [Path(file) for variable in module_files.LISTS for file in module_files.listed_files(variable)]
    assert listed
    assert not any("reproduction" in file.parts for file in listed)
