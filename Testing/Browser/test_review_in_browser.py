"""A reviewer's interactions in Chromium, and what comes of them, held against the library."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from PIL import Image
from review_page import run, shown, still, volume_of, wait_for


def test_the_scan_is_shown_at_once_and_nothing_runs_by_itself(page: Any) -> None:
    assert page.title() == "CAMLocalizer review"
    assert np.asarray(Image.open(io.BytesIO(still(page, "Red")))).std() > 5
    assert page.locator("#scan").input_value() == "blob.nii.gz"
    assert not shown(page, "run")["running"]
    assert page.get_by_text("Research use only. Not a medical device.").first.is_visible()


def test_find_tumours_lists_components_and_shows_where_the_model_looked(page: Any, found: Any) -> None:
    before = still(page, "Red")
    already = shown(page, "threshold")["ready"]
    run(page)
    page.wait_for_selector("[data-component]")
    assert already or still(page, "Red") != before
    assert shown(page, "images")["probabilities"] == pytest.approx(found.tumour_probabilities, abs=1e-3)
    assert page.locator(".scale img").count() == 4
    assert page.locator('[data-read="volume"]').inner_text().endswith(" ml")


def test_a_run_can_be_cancelled(page: Any) -> None:
    page.click('[data-do="run"]')
    page.click('[data-do="cancel"]')
    page.wait_for_selector('[data-do="run"]')
    assert shown(page, "run")["text"] == "Cancelled"


def test_a_drag_of_the_threshold_moves_picture_and_volume_and_is_one_step_back(reviewed: Any) -> None:
    before, volume = still(reviewed, "Red"), shown(reviewed, "threshold")["volume"]
    box = reviewed.locator('[data-slide="threshold"]').bounding_box()
    y = box["y"] + box["height"] / 2
    reviewed.mouse.move(box["x"] + box["width"] * 0.6, y)
    reviewed.mouse.down()
    for part in np.linspace(0.6, 0.85, 8):
        reviewed.mouse.move(box["x"] + box["width"] * part, y)
    reviewed.wait_for_function("before => window.trame.state.get('threshold').volume !== before", arg=volume)
    assert shown(reviewed, "history")["undo"] != ""
    reviewed.mouse.up()
    reviewed.wait_for_timeout(300)
    assert still(reviewed, "Red") != before
    assert shown(reviewed, "threshold")["position"] == pytest.approx(0.86, abs=0.03)
    reviewed.keyboard.press("Control+z")
    wait_for(reviewed, "threshold", "volume", volume)
    assert still(reviewed, "Red") == before


@pytest.mark.parametrize(("method", "text"), [("otsu", "otsu"), ("percentile", "q")])
def test_the_threshold_can_be_given_otherwise(reviewed: Any, found: Any, method: str, text: str) -> None:
    reviewed.click(f'[data-method="{method}"]')
    wait_for(reviewed, "threshold", "method", method)
    state = shown(reviewed, "threshold")
    rule = text if method == "otsu" else f"q{state['position']:.6g}"
    settings = found.default_settings().changed(threshold=rule)
    assert state["volume"] == volume_of(found.label_map(settings))


def test_scales_change_map_and_label_map(reviewed: Any, found: Any) -> None:
    before = still(reviewed, "Red")
    reviewed.locator('[data-scale="4"]').uncheck()
    reviewed.locator('[data-scale="1"]').uncheck()
    settings = found.default_settings().changed(scales=(2, 3))
    wait_for(reviewed, "threshold", "volume", volume_of(found.label_map(settings)))
    assert still(reviewed, "Red") != before
    slider = reviewed.locator('[data-slide="weight-2"]')
    slider.fill("0.5")
    weighted = settings.changed(weights=((1, 1.0), (2, 0.5), (3, 1.0), (4, 1.0)))
    wait_for(reviewed, "threshold", "volume", volume_of(found.label_map(weighted)))


def test_the_last_scale_cannot_be_left_out(reviewed: Any) -> None:
    for scale in (1, 2, 3, 4):
        reviewed.locator(f'[data-scale="{scale}"]').click()
    reviewed.wait_for_selector(".notice.error")
    assert "at least one" in reviewed.locator(".notice").inner_text()
    reviewed.wait_for_selector('[data-scale="4"]:checked')


def test_further_settings_are_the_librarys(reviewed: Any, found: Any) -> None:
    reviewed.click(".more summary")
    reviewed.get_by_label("Largest components").select_option("2")
    wait_for(reviewed, "threshold", "volume", volume_of(found.label_map(keep_largest=2)))
    reviewed.get_by_label("Refine border").select_option("geodesic")
    settings = found.default_settings().changed(keep_largest=2, refinement="geodesic")
    wait_for(reviewed, "threshold", "volume", volume_of(found.label_map(settings)))
    reviewed.locator('[data-slide="smallest"]').fill("50")
    wait_for(reviewed, "rules", "min_volume_ml", 2.5)
    reviewed.locator('[data-slide="probability_limit"]').fill("0.3")
    wait_for(reviewed, "rules", "probability_limit", 0.3)
    settings = settings.changed(min_volume_ml=2.5, probability_limit=0.3)
    wait_for(reviewed, "threshold", "volume", volume_of(found.label_map(settings)))


def test_where_no_component_is_left_the_page_says_what_to_do(reviewed: Any) -> None:
    reviewed.locator('[data-slide="smallest"]').fill("100")
    wait_for(reviewed, "rules", "min_volume_ml", 20)
    for row in shown(reviewed, "component_list")["rows"]:
        reviewed.locator(f'[data-keep="{row["label"]}"]').click()
    wait_for(reviewed, "threshold", "components", "no component")
    reviewed.click('[data-do="accept"]', force=True)
    reviewed.get_by_role("alert").get_by_text("The label map is empty").wait_for()


def test_a_component_can_be_shown_rejected_and_kept_again(reviewed: Any) -> None:
    before = shown(reviewed, "threshold")["volume"]
    reviewed.click('[data-component="1"]')
    reviewed.locator('[data-keep="1"]').uncheck()
    reviewed.wait_for_selector("li.rejected")
    assert shown(reviewed, "threshold")["volume"] != before
    reviewed.locator('[data-keep="1"]').check()
    wait_for(reviewed, "threshold", "volume", before)


def test_a_double_click_rejects_the_component_under_the_pointer(reviewed: Any) -> None:
    reviewed.click('[data-component="1"]')
    x, y = cross(still(reviewed, "Red"))
    box = reviewed.locator('[data-view="Red"] img').bounding_box()
    reviewed.mouse.dblclick(box["x"] + x, box["y"] + y)
    reviewed.wait_for_selector("li.rejected")
    assert not reviewed.locator('[data-keep="1"]').is_checked()


def test_a_click_on_the_probabilities_goes_to_the_slice(reviewed: Any) -> None:
    box = reviewed.locator('[data-slide="image"]').bounding_box()
    reviewed.mouse.click(box["x"] + box["width"] * 0.3, box["y"] + box["height"] / 2)
    wait_for(reviewed, "current_image", "index", 3)
    reviewed.mouse.click(box["x"] + box["width"] * 0.8, box["y"] + box["height"] / 2)
    wait_for(reviewed, "current_image", "index", 9)
    assert shown(reviewed, "slice_Red")["number"] == 10


def test_a_click_in_one_view_moves_the_others(page: Any) -> None:
    before = shown(page, "slice_Green")["offset"], shown(page, "slice_Yellow")["offset"]
    box = page.locator('[data-view="Red"] img').bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    page.wait_for_function("before => window.trame.state.get('slice_Green').offset !== before", arg=before[0])
    assert shown(page, "slice_Yellow")["offset"] != before[1]


def test_the_wheel_and_the_slider_turn_slices(reviewed: Any) -> None:
    reviewed.locator('[data-slide="slice-Red"]').fill(str(shown(reviewed, "slice_Red")["low"]))
    wait_for(reviewed, "slice_Red", "number", 1)
    wait_for(reviewed, "current_image", "index", 0)
    reviewed.hover('[data-view="Red"]')
    reviewed.mouse.wheel(0, -100)
    wait_for(reviewed, "slice_Red", "number", 2)
    wait_for(reviewed, "current_image", "index", 1)


def test_the_keys_of_the_help_page_work(reviewed: Any) -> None:
    reviewed.keyboard.press("?")
    assert reviewed.locator("dialog#help").is_visible()
    reviewed.keyboard.press("Escape")
    reviewed.keyboard.press("ArrowRight")
    wait_for(reviewed, "threshold", "text", "level 0.605")
    reviewed.keyboard.press("Shift+ArrowLeft")
    wait_for(reviewed, "threshold", "text", "level 0.580")
    reviewed.keyboard.press("Control+z")
    wait_for(reviewed, "threshold", "text", "level 0.605")
    reviewed.keyboard.press("Control+y")
    wait_for(reviewed, "threshold", "text", "level 0.580")
    reviewed.keyboard.press("o")
    wait_for(reviewed, "look", "overlay", False)
    reviewed.keyboard.press("o")
    number = shown(reviewed, "slice_Red")["number"]
    reviewed.hover('[data-view="Red"]')
    reviewed.keyboard.press("ArrowDown")
    wait_for(reviewed, "slice_Red", "number", number - 1)
    reviewed.keyboard.press("n")
    reviewed.keyboard.press("x")
    reviewed.wait_for_selector("li.rejected")
    reviewed.keyboard.press("2")
    assert not reviewed.locator('[data-view="Red"]').is_visible()
    reviewed.keyboard.press("0")
    assert reviewed.locator('[data-view="Red"]').is_visible()


def test_the_download_is_the_librarys_label_map_voxel_by_voxel(
    reviewed: Any, found: Any, folder: Path, tmp_path: Path
) -> None:
    reviewed.locator('[data-slide="threshold"]').fill("0.55")
    reviewed.locator('[data-scale="1"]').uncheck()
    expected = found.label_map(threshold="0.55", scales=(2, 3, 4))
    wait_for(reviewed, "threshold", "volume", volume_of(expected))
    reviewed.keyboard.press("e")
    label_map = downloaded(reviewed, "labelmap.nii.gz", tmp_path)
    image = SimpleITK.ReadImage(str(label_map))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), expected.array_kji)
    np.testing.assert_allclose(image.GetOrigin(), found.volume.grid.origin_mm, atol=1e-4)
    report = json.loads(downloaded(reviewed, "report.json", tmp_path).read_text())
    assert "tiny" in json.dumps(report)
    with zipfile.ZipFile(downloaded(reviewed, "blob-review.zip", tmp_path)) as archive:
        names = {Path(name).name for name in archive.namelist()}
    assert names == {path.name for path in (folder / "blob-review").iterdir()}
    reviewed.keyboard.press("Escape")


def test_what_is_accepted_is_exported_and_can_be_taken_back(reviewed: Any, found: Any, tmp_path: Path) -> None:
    largest = found.default_settings().changed(keep_largest=1)
    reviewed.click('[data-component="1"]')
    for row in shown(reviewed, "component_list")["rows"][1:]:
        reviewed.locator(f'[data-keep="{row["label"]}"]').uncheck()
    wait_for(reviewed, "threshold", "volume", volume_of(found.label_map(largest)))
    reviewed.keyboard.press("a")
    reviewed.wait_for_selector(".accepted li")
    reviewed.click('[data-do="reset"]')
    reviewed.keyboard.press("e")
    image = SimpleITK.ReadImage(str(downloaded(reviewed, "labelmap.nii.gz", tmp_path)))
    np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), found.label_map(largest).array_kji)
    reviewed.keyboard.press("Escape")
    reviewed.get_by_role("button", name="Take Tumour 1 back").click()
    wait_for(reviewed, "accepted", "rows", [])


def test_another_scan_is_not_opened_over_findings_that_were_not_exported(reviewed: Any) -> None:
    reviewed.keyboard.press("a")
    reviewed.wait_for_selector(".accepted li")
    questions = []
    reviewed.once("dialog", lambda dialog: (questions.append(dialog.message), dialog.dismiss()))
    reviewed.select_option("#scan", "other.nrrd")
    assert "not exported" in questions[0]
    assert reviewed.locator("#scan").input_value() == "blob.nii.gz"
    reviewed.keyboard.press("e")
    reviewed.wait_for_selector("dialog#exported[open]")
    reviewed.keyboard.press("Escape")
    reviewed.select_option("#scan", "other.nrrd")
    opened(reviewed, "other.nrrd")
    assert shown(reviewed, "accepted")["rows"] == []
    reviewed.select_option("#scan", "blob.nii.gz")
    opened(reviewed, "blob.nii.gz")


def test_another_scan_shows_nothing_of_what_was_accepted_before(reviewed: Any) -> None:
    reviewed.select_option("#scan", "other.nrrd")
    opened(reviewed, "other.nrrd")
    before = still(reviewed, "Red")
    reviewed.select_option("#scan", "blob.nii.gz")
    opened(reviewed, "blob.nii.gz")
    run(reviewed)
    reviewed.keyboard.press("a")
    reviewed.wait_for_selector(".accepted li")
    reviewed.keyboard.press("e")
    reviewed.wait_for_selector("dialog#exported[open]")
    reviewed.keyboard.press("Escape")
    reviewed.select_option("#scan", "other.nrrd")
    opened(reviewed, "other.nrrd")
    assert still(reviewed, "Red") == before
    reviewed.select_option("#scan", "blob.nii.gz")
    opened(reviewed, "blob.nii.gz")


def test_neither_an_upload_nor_another_run_loses_findings_unasked(reviewed: Any, blob_file: Path) -> None:
    reviewed.keyboard.press("a")
    reviewed.wait_for_selector(".accepted li")
    questions: list[str] = []
    reviewed.on("dialog", lambda dialog: (questions.append(dialog.message), dialog.dismiss()))
    reviewed.set_input_files("#upload", blob_file)
    reviewed.wait_for_timeout(300)
    assert len(questions) == 1
    assert "not exported" in questions[0]
    reviewed.click('[data-do="run"]')
    wait_for(reviewed, "run", "running", True)
    wait_for(reviewed, "run", "running", False)
    assert len(questions) == 1
    assert [row["name"] for row in shown(reviewed, "accepted")["rows"]] == ["Tumour 1"]
    model = reviewed.locator("#model").input_value()
    reviewed.select_option("#model", "brain-t1ce")
    wait_for(reviewed, "model", "value", "brain-t1ce")
    reviewed.keyboard.press("r")
    reviewed.wait_for_timeout(300)
    assert "A run of brain-t1ce begins without the threshold, components and undo history" in questions[1]
    assert not shown(reviewed, "run")["running"]
    reviewed.evaluate("(model) => window.trame.trigger('model', [model])", model)  # a folder, which is not listed
    wait_for(reviewed, "run", "question", "")
    assert shown(reviewed, "scan")["value"] == "blob.nii.gz"
    reviewed.get_by_role("button", name="Take Tumour 1 back").click()
    wait_for(reviewed, "accepted", "rows", [])


def test_slices_have_the_same_number_in_view_plot_and_list(reviewed: Any) -> None:
    reviewed.select_option("#scan", "other.nrrd")
    opened(reviewed, "other.nrrd")
    run(reviewed)
    reviewed.click('[data-component="1"]')
    reviewed.wait_for_timeout(300)
    number = shown(reviewed, "slice_Red")["number"]
    assert number != 13 - number
    assert reviewed.locator('[data-component="1"] span').first.inner_text() == f"slice {number}"
    assert reviewed.locator('[data-read="image"]').inner_text().startswith(f"Slice {number}:")
    reviewed.select_option("#scan", "blob.nii.gz")
    opened(reviewed, "blob.nii.gz")


def test_an_upload_is_shown_and_lies_in_the_folder(page: Any, folder: Path, blob_file: Path, tmp_path: Path) -> None:
    upload = tmp_path / "new scan (1).nii.gz"
    upload.write_bytes(blob_file.read_bytes())
    page.set_input_files("#upload", upload)
    opened(page, "new-scan-1.nii.gz")
    assert (folder / "new-scan-1.nii.gz").read_bytes() == blob_file.read_bytes()
    page.select_option("#scan", "blob.nii.gz")
    opened(page, "blob.nii.gz")
    (folder / "new-scan-1.nii.gz").unlink()


def test_an_upload_that_is_no_scan_is_refused_in_a_sentence(page: Any, folder: Path, tmp_path: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    wrong = tmp_path / "letter.txt"
    wrong.write_text("no scan")
    with page.expect_response("**/upload*") as answer:
        page.evaluate("document.getElementById('upload').removeAttribute('accept')")
        page.set_input_files("#upload", wrong)
    assert answer.value.status == 400
    page.wait_for_selector(".notice.error")
    assert "not a volume" in page.locator(".notice").inner_text()
    assert {path.name for path in folder.iterdir()} == before


def test_an_upload_that_cannot_be_read_is_not_left_behind(page: Any, folder: Path, tmp_path: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    broken = tmp_path / "broken.nii.gz"
    broken.write_bytes((folder / "blob.nii.gz").read_bytes()[:5000])
    page.set_input_files("#upload", broken)
    page.wait_for_selector(".notice.error")
    assert page.locator(".notice").inner_text().startswith("Broken.nii.gz: the compressed data is truncated")
    assert {path.name for path in folder.iterdir()} == before


def test_another_scan_of_the_folder_can_be_chosen(page: Any) -> None:
    page.focus("#scan")
    page.wait_for_function("window.trame.state.get('scan').choices.length === 2")
    assert page.locator("#scan option").all_inner_texts() == ["blob.nii.gz", "other.nrrd"]
    before = still(page, "Red")
    page.select_option("#scan", "other.nrrd")
    opened(page, "other.nrrd")
    assert still(page, "Red") != before
    page.select_option("#scan", "blob.nii.gz")
    opened(page, "blob.nii.gz")


@pytest.mark.parametrize("path", ["../elsewhere0/secret.nii.gz", "/etc/hostname", "way-out.nii.gz"])
def test_a_path_outside_the_folder_is_refused(page: Any, path: str) -> None:
    page.evaluate("path => window.trame.trigger('open', [path])", path)
    page.wait_for_selector(".notice.error")
    assert "lies outside the folder" in page.locator(".notice").inner_text()
    assert shown(page, "scan")["value"] == "blob.nii.gz"


@pytest.mark.parametrize("size", [(1366, 768), (1920, 1080)])
def test_everything_fits_into_the_window(reviewed: Any, size: tuple[int, int]) -> None:
    reviewed.set_viewport_size({"width": size[0], "height": size[1]})
    reviewed.wait_for_timeout(300)
    overflowing = reviewed.evaluate(
        """() => [document.documentElement, ...document.querySelectorAll(".side-panel, .panel:not(.fill), .view, .bar")]
        .filter((box) => box.scrollWidth > box.clientWidth + 1 || (box.matches("html, .bar, .left-panel")
          && box.scrollHeight > box.clientHeight + 1)).map((box) => box.className || box.tagName)"""
    )
    assert overflowing == []
    for view in ("Red", "ThreeD", "Green", "Yellow"):
        box = reviewed.locator(f'[data-view="{view}"]').bounding_box()
        assert box["width"] > 0.28 * size[0]
        assert box["height"] > 0.36 * size[1]


def test_the_threshold_stays_under_the_hand_however_large_the_volume_is(reviewed: Any) -> None:
    slider = reviewed.locator('[data-slide="threshold"]')
    before = slider.bounding_box()
    reviewed.evaluate(
        """() => {
        document.querySelector("[data-read=volume]").textContent = "12345 ml";
        document.querySelector("[data-read=components]").textContent = "12345 components";
        }"""
    )
    assert slider.bounding_box() == before
    panel = reviewed.locator(".reading")
    assert panel.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_every_control_has_a_name_for_screen_readers(reviewed: Any) -> None:
    nameless = reviewed.evaluate(
        """() => [...document.querySelectorAll("button, input:not([hidden]), select")]
        .filter((control) => !(control.ariaLabel || control.innerText || control.title || control.labels?.length))
        .map((control) => control.outerHTML)"""
    )
    assert nameless == []


def test_a_disabled_button_says_why(page: Any, review: Any) -> None:
    page.select_option("#scan", "other.nrrd")
    wait_for(page, "threshold", "ready", False)
    assert page.locator('[data-do="accept"]').get_attribute("title") == "Find tumours first."
    page.click('[data-do="accept"]', force=True)
    page.get_by_role("alert").get_by_text("Find tumours first.").wait_for()
    page.select_option("#scan", "blob.nii.gz")
    opened(page, "blob.nii.gz")


def opened(page: Any, name: str) -> None:
    """Wait until a scan is on show."""
    wait_for(page, "scan", "value", name)
    wait_for(page, "scan", "busy", "")


def cross(picture: bytes) -> tuple[int, int]:
    """Return where the orange lines that mark a place cross, in pixels from the left and from the top."""
    red, green, blue = np.moveaxis(np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int), 2, 0)
    orange = (red > 170) & (green > 120) & (green < red - 20) & (blue < green - 30)
    return int(orange.sum(axis=0).argmax()), int(orange.sum(axis=1).argmax())


def downloaded(page: Any, name: str, folder: Path) -> Path:
    """Click on a file of the export and save it."""
    with page.expect_download() as download:
        page.click(f'[data-file="{name}"]')
    download.value.save_as(folder / name)
    return folder / name
