"""The list of components of a PET in the browser: SUVmax, SUVmean, SUVpeak, MTV and TLG of each and of all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browser_review import RunningReview
from review_page import LARGE, WINDOW, Photograph, run, shown, wait_for, watched_page

from CAMLocalizerLib.core import SUV_COLUMNS
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.localizer import Localizer


@pytest.fixture
def pet_page(browser: Any, blob_file: Path, bundle: Path) -> Any:
    with RunningReview([blob_file, "--model", bundle, "--device", "cpu", "--unit", "SUVbw"]) as review:
        yield from watched_page(browser, review, WINDOW)


def test_components_are_listed_with_their_measures_and_their_total(
    pet_page: Any, blob_file: Path, bundle: Path
) -> None:
    found = Localizer(str(bundle), device="cpu").run(read_volume(blob_file, unit="SUVbw"))
    components = found.components(found.label_map())
    run(pet_page)
    pet_page.wait_for_selector("[data-suv]")
    rows = shown(pet_page, "component_list")["rows"]
    assert [row["suv"] for row in rows] == [list(component.suv.phrases()) for component in components[: len(rows)]]
    assert pet_page.locator('[data-suv="1"] i').all_inner_texts() == list(components[0].suv.phrases())
    total = pet_page.locator('[data-suv="total"]').inner_text()
    assert pet_page.locator('[data-suv="total"] i').count() == len(SUV_COLUMNS)
    pet_page.locator('[data-keep="1"]').uncheck()
    pet_page.wait_for_function("before => document.querySelector('[data-suv=total]')?.innerText !== before", arg=total)


def test_other_scans_have_none(page: Any) -> None:
    run(page)
    page.wait_for_selector("[data-component]")
    assert page.locator("[data-suv]").count() == 0


@pytest.fixture
def body_page(browser: Any, tmp_path: Path) -> Iterator[Any]:
    """The review of a simulated body with three tumours, by the bundled model."""
    from CAMLocalizerLib.io import write_nifti
    from reproduction.datasets.simulated_pet.varied import simulate_body

    body = simulate_body(910_001, whole=True).volume
    write_nifti(body.array_kji, body.grid, tmp_path / "body.nii.gz")
    with RunningReview([tmp_path / "body.nii.gz", "--device", "cpu", "--unit", "SUVbw"]) as review:
        yield from watched_page(browser, review, LARGE)


def test_candidates_of_a_body_are_listed_and_one_tick_takes_one_in(body_page: Any, photograph: Photograph) -> None:
    run(body_page)
    body_page.wait_for_selector("[data-left-out]")
    rows = shown(body_page, "component_list")["rows"]
    aside = [row["label"] for row in rows if row["left_out"]]
    assert [row["kept"] for row in rows] == [not row["left_out"] for row in rows]
    assert 0 < len(aside) < len(rows)
    body_page.mouse.move(LARGE["width"] / 2, 2)
    photograph(body_page, "pet-review")
    before = shown(body_page, "threshold")["volume"]
    body_page.locator(f'[data-keep="{aside[0]}"]').check()
    wait_for(body_page, "history", "undo", f"keep component {aside[0]}")
    assert shown(body_page, "threshold")["volume"] != before
    body_page.keyboard.press("Control+z")
    wait_for(body_page, "threshold", "volume", before)
