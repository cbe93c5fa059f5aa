"""Slicer packages what CMake lists, no more and no less."""

from __future__ import annotations

import re
from pathlib import Path

import module_files
import pytest


@pytest.mark.parametrize("variable", module_files.LISTS)
def test_cmake_lists_every_file_of_the_module(variable: str) -> None:
    listed, present = module_files.listed_files(variable), module_files.files_on_disk(variable)
    missing = "\n".join(f"  {name}" for name in present if name not in listed)
    gone = "\n".join(f"  {name}" for name in listed if name not in present)
    hint = "run: python3 Testing/Python/extension/module_files.py"
    assert listed == present, (
        f"{variable}: not listed\n{missing or '  -'}\nlisted but not there\n{gone or '  -'}\n{hint}"
    )


def test_the_lists_are_written_as_they_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = tmp_path / "CMakeLists.txt"
    copy.write_text(module_files.CMAKE_FILE.read_text().replace("  CAMLocalizer.py\n", "  gone.py\n"))
    monkeypatch.setattr(module_files, "CMAKE_FILE", copy)
    assert "gone.py" in module_files.listed_files("MODULE_PYTHON_SCRIPTS")
    module_files.write()
    for variable in module_files.LISTS:
        assert module_files.listed_files(variable) == module_files.files_on_disk(variable)
    assert "slicerMacroBuildScriptedModule" in copy.read_text()


def test_no_loose_script_lies_beside_the_module() -> None:
    assert [path.name for path in module_files.MODULE.glob("*.py")] == ["CAMLocalizer.py"]


def test_the_root_adds_the_module_and_its_models() -> None:
    text = (module_files.ROOT / "CMakeLists.txt").read_text()
    assert "add_subdirectory(CAMLocalizer)" in text
    assert re.search(r"install\(\s+DIRECTORY \"Resources/models\"", text)


def test_the_tests_of_the_desktop_are_added_where_tests_are_built() -> None:
    root = (module_files.ROOT / "CMakeLists.txt").read_text()
    assert re.search(r"if\(BUILD_TESTING\)\s+add_subdirectory\(Testing\)", root)
    folders = re.findall(r"add_subdirectory\((\w+)\)", (module_files.ROOT / "Testing" / "CMakeLists.txt").read_text())
    for folder in folders:
        lines = (module_files.ROOT / "Testing" / folder / "CMakeLists.txt").read_text()
        scripts = re.findall(r"SCRIPT (\S+)", lines)
        assert scripts
        assert all((module_files.ROOT / "Testing" / folder / script).is_file() for script in scripts)
