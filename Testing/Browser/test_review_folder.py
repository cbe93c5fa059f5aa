"""The folder of a review and the parts of the page that need no browser."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.review import opengl
from CAMLocalizerLib.review.data_files import check_data_files
from CAMLocalizerLib.review.files import LISTED, ReviewFolder

DICOM = b"\0" * 128 + b"DICM"


@pytest.fixture
def scans(tmp_path: Path) -> ReviewFolder:
    root = tmp_path / "scans"
    (root / "patient" / "ct").mkdir(parents=True)
    (root / "patient" / "ct" / "IM0001").write_bytes(DICOM)
    (root / "patient" / "pet.nii.gz").touch()
    (root / "brain.nrrd").touch()
    (root / "letter.pdf").touch()
    (root / ".hidden.nrrd").touch()
    (root / "tumour.seg.nrrd").touch()
    (root / "results").mkdir()
    for name in ("report.json", "labelmap.nii.gz"):
        (root / "results" / name).touch()
    (tmp_path / "secret.nrrd").touch()
    (root / "link.nrrd").symlink_to(tmp_path / "secret.nrrd")
    return ReviewFolder(root)


def test_volumes_and_dicom_folders_are_listed_and_results_and_ways_out_are_not(scans: ReviewFolder) -> None:
    assert scans.volumes() == ("brain.nrrd", "patient/ct", "patient/pet.nii.gz")


def test_a_long_list_is_cut(tmp_path: Path) -> None:
    for number in range(LISTED + 5):
        (tmp_path / f"{number:03}.nrrd").touch()
    assert len(ReviewFolder(tmp_path).volumes()) == LISTED


@pytest.mark.parametrize("name", ["", "..", "../secret.nrrd", "link.nrrd", "/etc/passwd", "patient/../../secret.nrrd"])
def test_what_leads_outside_is_refused(scans: ReviewFolder, name: str) -> None:
    with pytest.raises(InputError, match="outside the folder"):
        scans.inside(name)


def test_a_name_that_no_file_can_have_is_refused(scans: ReviewFolder) -> None:
    with pytest.raises(InputError, match="not a file name"):
        scans.inside("a\0b")


@pytest.mark.parametrize("up", [1, -1])
def test_the_body_is_seen_from_outside_however_the_scan_is_stored(up: int) -> None:
    surface = pytest.importorskip("CAMLocalizerLib.review.body")._surface
    from vtkmodules.util.numpy_support import vtk_to_numpy

    inside = np.zeros((12, 12, 12), bool)
    inside[2:10, 2:10, 2:10] = True
    polydata = surface(inside, np.diag([1.0, 1.0, up, 1.0]))
    points = vtk_to_numpy(polydata.GetPoints().GetData())
    normals = vtk_to_numpy(polydata.GetPointData().GetNormals())
    outwards = ((points - points.mean(axis=0)) * normals).sum(axis=1)
    assert (outwards > 0).mean() > 0.95


NRRD = "NRRD0004\ntype: uint8\nsizes: 2 2 2\n# data\n{}\n\n"
META = "ObjectType = Image\nNDims = 3\nElementDataFile = {}\n"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.nrrd", NRRD.format("data file: /etc/hostname")),
        ("a.nhdr", NRRD.format("DataFile: ../secret.nrrd")),
        ("a.nhdr", NRRD.format("data file: ../secret%03d.raw 1 2 1")),
        ("a.nhdr", NRRD.format("data file: LIST\nbrain.nrrd\n../secret.nrrd")),
        ("a.nhdr", NRRD.format("data file: link.nrrd")),
        ("a.mha", META.format("/etc/hostname")),
        ("a.mhd", META.format("LIST 2\nbrain.nrrd\n../secret.nrrd")),
    ],
)
def test_a_header_that_takes_voxels_from_outside_is_refused(scans: ReviewFolder, name: str, header: str) -> None:
    (scans.root / name).write_text(header)
    with pytest.raises(InputError, match=f"{name} takes its voxels from .* outside the folder"):
        check_data_files(scans.root / name, scans.root)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.nrrd", NRRD.format("encoding: raw") + "data file: ../secret.nrrd"),
        ("a.nhdr", NRRD.format("data file: brain.nrrd")),
        ("a.mha", META.format("LOCAL") + "ElementDataFile = ../secret.nrrd"),
        ("a.mhd", META.format("brain scan.raw")),
        ("a.nii", "ElementDataFile = /etc/hostname"),
    ],
)
def test_a_header_may_name_files_of_the_folder_and_voxels_are_no_header(
    scans: ReviewFolder, name: str, header: str
) -> None:
    (scans.root / name).write_text(header)
    check_data_files(scans.root / name, scans.root)


def test_what_lies_inside_is_found(scans: ReviewFolder) -> None:
    assert scans.inside("patient/../brain.nrrd") == scans.root / "brain.nrrd"


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        ReviewFolder(tmp_path / "missing")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/x.nrrd", "x.nrrd"),
        ("C:\\scans\\x.nii.gz", "x.nii.gz"),
        ("brain.nrrd", "brain-2.nrrd"),
        ("Müller, März.nii", "M-ller-M-rz.nii"),
        (".nrrd.nrrd", "nrrd.nrrd"),
        ("-..mha", "scan.mha"),
        ("x" * 300 + ".nrrd", "x" * 80 + ".nrrd"),
    ],
)
def test_names_of_uploads_become_plain_and_free(scans: ReviewFolder, name: str, expected: str) -> None:
    assert scans.free_name(name).name == expected


@pytest.mark.parametrize("name", ["", "x", "x.exe", "x.mhd", "x.seg.nrrd", ".nii.gz"])
def test_names_that_are_no_volumes_are_refused(scans: ReviewFolder, name: str) -> None:
    with pytest.raises(InputError, match="not a volume"):
        scans.free_name(name)


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def test_an_upload_is_written_whole(scans: ReviewFolder) -> None:
    assert asyncio.run(scans.save_upload("new.nrrd", pieces(b"NR", b"RD"))) == "new.nrrd"
    assert (scans.root / "new.nrrd").read_bytes() == b"NRRD"


def test_an_upload_that_is_not_what_its_name_says_leaves_nothing(scans: ReviewFolder) -> None:
    before = sorted(scans.root.iterdir())
    with pytest.raises(InputError, match=r"new.mha: the name says MetaImage, but the content is NRRD"):
        asyncio.run(scans.save_upload("new.mha", pieces(b"NRRD")))
    assert sorted(scans.root.iterdir()) == before


def test_too_large_an_upload_leaves_nothing(scans: ReviewFolder) -> None:
    before = sorted(scans.root.iterdir())
    with pytest.raises(InputError, match="larger than"):
        asyncio.run(scans.save_upload("new.mha", pieces(b"ab", b"cd"), limit=3))
    assert sorted(scans.root.iterdir()) == before


def test_an_interrupted_upload_leaves_nothing(scans: ReviewFolder) -> None:
    async def interrupted() -> AsyncIterator[bytes]:
        yield b"ab"
        raise asyncio.CancelledError

    before = sorted(scans.root.iterdir())
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(scans.save_upload("new.mha", interrupted()))
    assert sorted(scans.root.iterdir()) == before


def test_where_nothing_can_be_drawn_a_sentence_tells_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opengl, "DRAW", "import os; os.abort()")
    with opengl.OpenGLProbe() as probe:
        assert "apt install" in probe.problem()


def test_without_the_extra_a_sentence_tells_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from CAMLocalizerLib.cli import review

    monkeypatch.setattr(review, "find_spec", lambda _name: None)
    with pytest.raises(SettingsError, match=r"camlocalizer\[review\]"):
        review.run(None)


def test_reading_the_arguments_needs_no_slicer() -> None:
    code = "import sys; from CAMLocalizerLib.cli.arguments import build_parser; "
    code += "build_parser().parse_args(['review', 'x.nrrd']); print({'slicer', 'trame', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=python_path(), check=True)
    assert done.stdout.strip() == "set()"


def test_bars_fill_the_drawing_from_left_to_right() -> None:
    pytest.importorskip("slicer")
    from CAMLocalizerLib.review.page_pictures import bars_path, histogram_path

    assert bars_path(np.array([0.0, 1.0]), (10, 4)) == "M0 4V4.0H5.0V0.0H10.0V4Z"
    assert histogram_path(np.array([0, 0]), (10, 4)) == "M0 4V4.0H5.0V4.0H10.0V4Z"


def python_path() -> dict[str, str]:
    import os

    from browser_review import PACKAGE

    return {**os.environ, "PYTHONPATH": str(PACKAGE)}


@pytest.mark.parametrize("given", ["a.hdr", "a.img"])
def test_half_a_pair_outside_is_refused(scans: ReviewFolder, given: str) -> None:
    (scans.root / given).touch()
    other = "a.img" if given == "a.hdr" else "a.hdr"
    (scans.root / other).symlink_to(scans.root.parent / "secret.nrrd")
    with pytest.raises(InputError, match=f"{given} takes its voxels from {other}, outside the folder"):
        check_data_files(scans.root / given, scans.root)


@pytest.mark.parametrize("folder", [True, False])
def test_links_out_of_a_dicom_folder_are_refused(scans: ReviewFolder, folder: bool) -> None:
    outside = scans.root.parent / "other"
    outside.mkdir()
    (outside / "IM0002").write_bytes(DICOM)
    check_data_files(scans.root / "patient" / "ct", scans.root)
    (scans.root / "patient" / "ct" / "more").symlink_to(outside if folder else outside / "IM0002")
    with pytest.raises(InputError, match="ct holds links that lead out"):
        check_data_files(scans.root / "patient" / "ct", scans.root)
