"""A worklist in the browser: keys, a kill in the middle, and the table for training."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import SimpleITK
from browser_review import RunningReview
from review_page import LARGE, RUN_MS, WINDOW, Photograph, shown, wait_for, watched_page

from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.training.checks import Problems
from CAMLocalizerLib.training.config import DataOptions
from CAMLocalizerLib.training.table import read_table

SCRIPT = Path(__file__).with_name("prepared_worklist.py")
PERCENT = {"scan-3": 15, "scan-8": 40, "scan-11": 55, "scan-19": 95}
PARTS = {"whole": (0, 25), "lower": (0, 9), "middle": (8, 18), "upper": (14, 25), "base": (0, 5), "vertex": (19, 25)}


@pytest.fixture
def scans(tmp_path: Path, blob: Volume) -> Path:
    for name in PERCENT:
        image = SimpleITK.GetImageFromArray(blob.array_kji)
        image.SetSpacing(blob.grid.spacing_mm)
        image.SetOrigin(blob.grid.origin_mm)
        SimpleITK.WriteImage(image, str(tmp_path / f"{name}.nii.gz"))
    return tmp_path


def listed(page: Any) -> list[tuple[str, str, str]]:
    """Return name, status and answer of each case of the list."""
    return [(row["name"], row["status"], row["answer"]) for row in shown(page, "worklist_rows")["rows"]]


def current(page: Any) -> str:
    return shown(page, "current_case")["name"]


def wait_for_case(page: Any, name: str) -> None:
    """Wait until a case is on show with what the model found."""
    wait_for(page, "current_case", "name", name)
    page.wait_for_function("window.trame.state.get('threshold').ready", timeout=RUN_MS)


def test_cases_are_answered_by_keys_across_a_kill_and_exported_for_training(browser: Any, scans: Path) -> None:
    review = RunningReview([scans, "anna"], script=SCRIPT)
    pages = watched_page(browser, review, WINDOW)
    page = next(pages)
    wait_for(page, "worklist", "progress", "0 of 4 answered")
    assert [name for name, _, _ in listed(page)] == ["scan-11", "scan-8", "scan-3", "scan-19"]
    page.keyboard.press("j")
    page.keyboard.press("k")
    page.locator('[data-case="1"]').click()  # scan-11, the first by name
    wait_for_case(page, "scan-11")
    page.keyboard.press("t")
    wait_for_case(page, "scan-8")
    page.keyboard.press("h")
    wait_for_case(page, "scan-3")
    page.keyboard.press("k")
    wait_for_case(page, "scan-8")
    page.keyboard.press("Backspace")
    wait_for(page, "worklist", "progress", "1 of 4 answered")
    page.keyboard.press("m")
    wait_for(page, "worklist", "labels_slices", True)
    first = shown(page, "current_image")["index"]
    page.keyboard.press("t")
    wait_for(page, "current_image", "index", first + 1)
    page.keyboard.press("h")
    page.wait_for_function("document.querySelectorAll('.mark').length === 2")
    context = page.context
    review.process.kill()
    context.close()
    pages.close()
    review.__exit__()

    with RunningReview([scans, "anna"], script=SCRIPT) as review:
        for page in watched_page(browser, review, WINDOW):
            wait_for_case(page, "scan-3")
            page.keyboard.press("y")
            wait_for_case(page, "scan-19")
            page.keyboard.press("w")
            wait_for(page, "worklist", "progress", "4 of 4 answered")
            assert sorted(listed(page)) == [
                ("scan-11", "accepted", "tumour"),
                ("scan-19", "rejected", "map wrong"),
                ("scan-3", "accepted", "tumour, map right"),
                ("scan-8", "found", "2 slices"),
            ]
            page.click('[data-do="labels"]')
            page.wait_for_selector(".notice:has-text('labels.csv written, 4 labels of 3 patients')")
    assert (scans / "worklist" / "labelmaps" / "anna" / "scan-3" / "labelmap.nii.gz").is_file()
    problems = Problems()
    rows = read_table(scans / "worklist" / "labels.csv", scans / "worklist", DataOptions("labels.csv"), problems)
    assert list(problems.sentences) == []
    assert [(row.path.resolve().name, row.label, row.patient, row.slice, row.view) for row in rows] == [
        ("scan-11.nii.gz", "tumour", "scan-11", None, ""),
        ("scan-3.nii.gz", "tumour", "scan-3", None, ""),
        ("scan-8.nii.gz", "tumour", "scan-8", first, "axial"),
        ("scan-8.nii.gz", "none", "scan-8", first + 1, "axial"),
    ]


@pytest.fixture
def sample_worklist(browser: Any, sample_image: Path, tmp_path: Path, pytestconfig: pytest.Config) -> Iterator[Any]:
    """A worklist of parts of the sample, by the bundled model; only for the picture, since the model takes its time."""
    if pytestconfig.getoption("--screenshots") is None:
        pytest.skip("a picture is made with --screenshots only")
    image, scans = SimpleITK.ReadImage(str(sample_image)), tmp_path / "scans"
    scans.mkdir()
    for name, (begin, end) in PARTS.items():
        SimpleITK.WriteImage(image[:, :, begin:end], str(scans / f"{name}.nii.gz"))
    with RunningReview([scans, "--reader", "anna", "--model", "brain-t1ce"]) as review:
        yield from watched_page(browser, review, LARGE)


def test_the_picture_of_a_worklist_is_taken(sample_worklist: Any, photograph: Photograph) -> None:
    page = sample_worklist
    page.wait_for_function("/^0 of 6 answered$/.test(window.trame.state.get('worklist').progress)", timeout=10 * RUN_MS)
    page.locator("[data-goes-on]").uncheck()
    for case, key in ((2, "h"), (5, "y"), (4, "s"), (6, "y")):
        page.locator(f'[data-case="{case}"]').click()
        wait_for(page, "current_case", "id", case)
        page.wait_for_function("window.trame.state.get('threshold').ready", timeout=RUN_MS)
        page.keyboard.press(key)
    page.mouse.move(LARGE["width"] / 2, 2)
    photograph(page, "worklist")
