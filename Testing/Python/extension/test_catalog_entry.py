"""What Slicer's extension index asks of the repository."""

from __future__ import annotations

import json
import re
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[3]
ALLOWED = {
    "$schema",
    "build_dependencies",
    "build_subdirectory",
    "category",
    "dicom_support_rule",
    "enabled",
    "scm_revision",
    "scm_type",
    "scm_url",
    "tier",
}


def cmake_value(name: str) -> str:
    return re.search(rf'set\({name} "(.*?)"\)', (ROOT / "CMakeLists.txt").read_text())[1]


def test_the_catalog_entry_has_what_the_schema_requires_and_nothing_else() -> None:
    entry = json.loads((ROOT / "CAMLocalizer.json").read_text())
    assert entry["$schema"].endswith("slicer-extension-catalog-entry-schema-v1.0.2.json#")
    assert {"$schema", "category", "scm_url"} <= set(entry) <= ALLOWED
    assert 1 <= entry["tier"] <= 5


def test_homepage_and_repository_are_the_same_place() -> None:
    entry = json.loads((ROOT / "CAMLocalizer.json").read_text())
    assert entry["scm_url"] == cmake_value("EXTENSION_HOMEPAGE") + ".git"


def test_the_index_builds_what_the_extension_depends_on() -> None:
    entry = json.loads((ROOT / "CAMLocalizer.json").read_text())
    assert entry["build_dependencies"] == cmake_value("EXTENSION_DEPENDS").split()


def test_the_icon_is_where_the_index_looks_for_it() -> None:
    address = cmake_value("EXTENSION_ICONURL")
    with Image.open(ROOT / address.split("/main/", 1)[1]) as icon:
        assert icon.size == (128, 128)


def test_the_licence_is_there_in_full() -> None:
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
    assert "CAMLocalizer contributors" in text
