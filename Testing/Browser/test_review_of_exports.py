"""The further files that the page exports: the same list as in Slicer's panel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from review_page import shown

from CAMLocalizerLib.workbench.export_choices import EXPORT_CHOICES, NOT_DICOM


def test_what_is_ticked_is_written_and_can_be_downloaded(reviewed: Any, folder: Path) -> None:
    assert [row["title"] for row in shown(reviewed, "exports")["rows"]] == [choice.title for choice in EXPORT_CHOICES]
    reviewed.click(".exports summary")
    reviewed.locator('[data-export="stl"]').check()
    reviewed.locator('[data-export="html"]').uncheck()
    reviewed.click('[data-do="export"]')
    reviewed.wait_for_selector("dialog#exported[open]")
    assert reviewed.locator('[data-file="surface.stl"]').inner_text().startswith("Surface (STL)")
    assert (folder / "blob-review" / "surface.stl").is_file()
    assert not (folder / "blob-review" / "report.html").exists()
    reviewed.keyboard.press("Escape")


def test_without_dicom_its_results_cannot_be_ticked(reviewed: Any) -> None:
    reviewed.click(".exports summary")
    box = reviewed.locator('[data-export="dicom-seg"]')
    assert box.is_disabled()
    assert box.locator("..").get_attribute("title") == NOT_DICOM
