"""Studies go from an Orthanc through a review in the browser back into it, as DICOM segmentation and report."""

from __future__ import annotations

import os
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from browser_review import RunningReview
from dicom_series import referable, write_series
from review_page import RUN_MS, WINDOW, Photograph, shown, wait_for, watched_page

from _orthanc import PASSWORD, USER, Orthanc, orthanc_problem
from CAMLocalizerLib.archive import credentials
from CAMLocalizerLib.archive.address import ArchiveAddress
from CAMLocalizerLib.archive.client import Archive
from CAMLocalizerLib.archive.request import study_case_name
from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.io import read_label_map

STUDIES = {"1.2.826.0.1.3680043.8.498.71": "20260105", "1.2.826.0.1.3680043.8.498.72": "20260203"}


@pytest.fixture
def orthanc(browser: Any, tmp_path: Path, blob: Volume, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orthanc]:
    """A server with a study of each date, whose patient must be named nowhere."""
    pytest.importorskip("dicomweb_client", reason="dicomweb-client is not installed")
    if problem := orthanc_problem():
        pytest.skip(problem)
    for name in [name for name in os.environ if name.casefold().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.delenv(credentials.TOKEN, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv(credentials.USER, USER)
    monkeypatch.setenv(credentials.PASSWORD, PASSWORD)
    with Orthanc(tmp_path / "orthanc") as server:
        for study, day in STUDIES.items():
            server.upload(write_study(tmp_path / "sent" / study, blob, study, day))
        yield server


def write_study(folder: Path, blob: Volume, study: str, day: str) -> list[Path]:
    """Write a study of the blob and return its files, first slice first."""

    def patch(header: pydicom.Dataset, k: int) -> None:
        referable(header, k)
        header.StudyInstanceUID, header.StudyDate = study, day
        header.PatientName, header.PatientID = "Secret^Jane", "SecretID"

    stored = np.clip(blob.array_kji, 0, None).astype(np.uint16)
    write_series(folder, stored, blob.grid, uid=f"{study}.1", patch=patch)
    return files_of(folder)


def files_of(folder: Path) -> list[Path]:
    return sorted(folder.iterdir(), key=lambda path: int(path.stem.partition("_")[2]))


def case_of(page: Any) -> str:
    return shown(page, "current_case")["name"]


def wait_for_result(page: Any, name: str) -> None:
    """Wait until a case is on show with what the model found."""
    wait_for(page, "current_case", "name", name)
    page.wait_for_function("window.trame.state.get('threshold').ready", timeout=RUN_MS)


def test_a_study_goes_from_the_archive_through_a_review_and_back(
    browser: Any, orthanc: Orthanc, bundle: Path, tmp_path: Path, photograph: Photograph
) -> None:
    reviewed = tmp_path / "reviewed"
    command = [orthanc.address, "--query", "PatientID=SecretID", "--output", reviewed, "--model", bundle]
    with RunningReview([*command, "--device", "cpu", "--reader", "anna"]) as review:
        for page in watched_page(browser, review, WINDOW):
            wait_for(page, "worklist", "total", 2)
            page.click(".search summary")
            search(page, "2026-02-01 - 2026-02-28", 1)
            assert shown(page, "worklist_rows")["rows"][0]["name"] == study_case_name(list(STUDIES)[1])
            search(page, "", 2)
            first = case_of(page)
            page.locator("body").press("j")
            page.wait_for_function("(first) => window.trame.state.get('current_case').name !== first", arg=first)
            name = case_of(page)
            wait_for_result(page, name)
            volume = shown(page, "threshold")["volume"]
            page.keyboard.press("Shift+ArrowLeft")
            page.wait_for_function("(volume) => window.trame.state.get('threshold').volume !== volume", arg=volume)
            page.keyboard.press("a")
            page.wait_for_function("window.trame.state.get('accepted').rows.length === 1")
            photograph(page, "archive")
            page.click('[data-do="send"]')
            page.wait_for_selector(f".notice:has-text('{name}: segmentation and report sent to')", timeout=RUN_MS)
            page.wait_for_selector('[data-do="send"][aria-disabled="true"][title^="This was sent already"]')
            (study,) = [study for study in STUDIES if study_case_name(study) == name]
            check_sent(orthanc, study, reviewed / f"{name}-review" / "labelmap.nii.gz", tmp_path / "sent" / study)
            orthanc.delete_study(study)
            page.click('[aria-label="Take Tumour 1 back"]')
            page.click('[data-do="send"][aria-disabled="false"]')
            page.wait_for_selector(".notice.error:has-text('may have been deleted')", timeout=RUN_MS)
        assert "Secret" not in review.complaints()
    everything = b"".join(path.read_bytes() for path in reviewed.rglob("*") if path.suffix not in (".dcm", ""))
    assert b"Secret" not in everything
    assert not list(reviewed.glob(".*"))


def search(page: Any, date: str, count: int) -> None:
    """Search for studies of a date and wait for their number."""
    page.fill('.search [name="date"]', date)
    page.click('[data-do="search"]')
    wait_for(page, "worklist", "total", count)


def check_sent(orthanc: Orthanc, study: str, label_map: Path, series: Path) -> None:
    """See that the archive holds the label map as a segmentation, voxel by voxel, and a report beside it."""
    import highdicom

    results: dict[str, pydicom.Dataset] = {}
    with Archive(ArchiveAddress.parse(orthanc.address)) as archive:
        for entry in archive.series(study):
            uid = entry["0020000E"]["Value"][0]
            for result in archive.stream_series(study, uid):
                results[result.Modality] = result
    assert set(results) == {"MR", "SEG", "SR"}
    stored = BytesIO()
    results["SEG"].save_as(stored)
    stored.seek(0)
    seg = highdicom.seg.segread(stored)
    images = [pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID for path in files_of(series)]
    pixels = seg.get_pixels_by_source_instance(images, combine_segments=True, assert_missing_frames_are_empty=True)
    expected = read_label_map(label_map).array_kji
    assert expected.any()
    np.testing.assert_array_equal(pixels, expected)
