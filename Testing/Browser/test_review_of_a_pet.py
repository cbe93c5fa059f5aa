"""The list of regions of a PET in the browser: SUVmax, SUVmean, SUVpeak, MTV and TLG of each and of all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from browser_review import RunningReview
from review_page import WINDOW, run, shown, watched_page

from CAMLocalizerLib.core import SUV_COLUMNS
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.localizer import LabelSettings, Localizer


@pytest.fixture
def pet_page(browser: Any, blob_file: Path, bundle: Path) -> Any:
    with RunningReview([blob_file, "--model", bundle, "--device", "cpu", "--unit", "SUVbw"]) as review:
        yield from watched_page(browser, review, WINDOW)


def test_regions_are_listed_with_their_measures_and_their_total(pet_page: Any, blob_file: Path, bundle: Path) -> None:
    found = Localizer(str(bundle), device="cpu").run(read_volume(blob_file, unit="SUVbw"))
    components = found.components(LabelSettings.of(found).label_map(found))
    run(pet_page)
    pet_page.wait_for_selector("[data-suv]")
    rows = shown(pet_page, "regions")["rows"]
    assert [row["suv"] for row in rows] == [list(component.suv.phrases()) for component in components[: len(rows)]]
    assert pet_page.locator('[data-suv="1"] i').all_inner_texts() == list(components[0].suv.phrases())
    total = pet_page.locator('[data-suv="total"]').inner_text()
    assert pet_page.locator('[data-suv="total"] i').count() == len(SUV_COLUMNS)
    pet_page.locator('[data-keep="1"]').uncheck()
    pet_page.wait_for_function("before => document.querySelector('[data-suv=total]')?.innerText !== before", arg=total)


def test_other_scans_have_none(page: Any) -> None:
    run(page)
    page.wait_for_selector("[data-region]")
    assert page.locator("[data-suv]").count() == 0
