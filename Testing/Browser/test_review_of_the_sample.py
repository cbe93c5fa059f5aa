"""The sample from the first click to the export, and its picture for the README."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from review_page import LARGE, Photograph, run, shown, wait_for, watched_page


@pytest.fixture
def sample_page(browser: Any, sample_review: Any) -> Iterator[Any]:
    yield from watched_page(browser, sample_review, LARGE)


def test_the_sample_is_reviewed_and_exported(
    sample_page: Any, sample_image: Path, photograph: Photograph, tmp_path: Path
) -> None:
    page, sample = sample_page, SimpleITK.ReadImage(str(sample_image))
    run(page)
    page.wait_for_selector("[data-component]")
    assert len(shown(page, "images")["probabilities"]) == sample.GetSize()[2]
    for row in shown(page, "component_list")["rows"][1:]:
        page.locator(f'[data-keep="{row["label"]}"]').uncheck()
    page.click('[data-component="1"]')
    page.mouse.move(LARGE["width"] / 2, 2)
    photograph(page, "review")
    page.keyboard.press("a")
    page.wait_for_selector(".accepted li")
    page.keyboard.press("e")
    with page.expect_download() as download:
        page.click('[data-file="labelmap.nii.gz"]')
    download.value.save_as(tmp_path / "labelmap.nii.gz")
    label_map = SimpleITK.ReadImage(str(tmp_path / "labelmap.nii.gz"))
    assert label_map.GetSize() == sample.GetSize()
    np.testing.assert_allclose(label_map.GetOrigin(), sample.GetOrigin(), atol=1e-4)
    accepted_ml = float(SimpleITK.GetArrayFromImage(label_map).sum()) * np.prod(label_map.GetSpacing()) / 1000
    wait_for(page, "accepted", "unsaved", False)
    assert f"{accepted_ml:.1f} ml" == shown(page, "accepted")["rows"][0]["volume"]
