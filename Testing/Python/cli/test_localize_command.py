"""The command that does the main job."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from case_files import FILES
from matplotlib.image import imread

from CAMLocalizerLib import read_volume
from CAMLocalizerLib.cases import write_results
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.cli.arguments import build_parser
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.option_names import REFINEMENTS

KEYS = {
    "input",
    "model",
    "settings",
    "label_settings",
    "label_map",
    "exports",
    "device",
    "versions",
    "tumour_found",
    "volume_probability",
    "class_probabilities",
    "probabilities",
    "components",
    "timings_s",
    "notes",
}


def entries(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.fixture
def case(localize, brain, tmp_path):
    assert localize(brain) == 0
    return tmp_path / "out" / "brain"


@pytest.fixture
def report(case):
    return json.loads((case / "report.json").read_text(encoding="utf-8"))


def test_a_case_folder_holds_all_files_and_nothing_else_is_left(case):
    assert entries(case) == FILES
    assert entries(case.parent) == ["brain"]


def test_maps_lie_on_the_exact_grid_of_the_input(case, brain):
    expected = sitk.ReadImage(str(brain))
    for name in ("labelmap.nii.gz", "activation.nii.gz"):
        image = sitk.ReadImage(str(case / name))
        assert image.GetSize() == expected.GetSize()
        for measure in ("GetSpacing", "GetOrigin", "GetDirection"):
            np.testing.assert_allclose(getattr(image, measure)(), getattr(expected, measure)(), atol=1e-5)


def test_the_label_map_is_uint8_and_the_activation_float32_up_to_1(case):
    labels, activation = (sitk.ReadImage(str(case / name)) for name in ("labelmap.nii.gz", "activation.nii.gz"))
    assert labels.GetPixelID() == sitk.sitkUInt8
    assert activation.GetPixelID() == sitk.sitkFloat32
    values = sitk.GetArrayViewFromImage(activation)
    assert values.min() >= 0
    assert values.max() == pytest.approx(1.0)
    np.testing.assert_array_equal(sitk.GetArrayViewFromImage(labels) > 0, values >= 0.4)


def test_the_report_says_where_everything_came_from(report, models):
    card = json.loads((models / "tiny" / "model.json").read_text())
    assert set(report) == KEYS
    assert report["input"]["file"] == "brain.nii.gz"
    assert report["model"] == {"name": "tiny", "version": "1.2", "sha256": card["sha256"]}
    assert report["settings"]["scales"] == [1, 4]
    assert report["settings"]["threshold"] == "0.4"
    assert report["device"] == "cpu"
    assert {"camlocalizer", "torch", "numpy"} <= set(report["versions"])


def test_the_report_names_no_folder(case, tmp_path):
    assert str(tmp_path) not in (case / "report.json").read_text(encoding="utf-8")


def test_every_slice_has_probabilities_that_sum_to_1(report):
    assert [entry["slice"] for entry in report["probabilities"]] == list(range(9))
    assert all(set(entry["classes"]) == {"healthy", "glioma"} for entry in report["probabilities"])
    assert all(sum(entry["classes"].values()) == pytest.approx(1, abs=1e-5) for entry in report["probabilities"])


def test_components_have_the_label_maps_volume_and_lie_inside(report, case):
    volume = read_volume(case / "labelmap.nii.gz")
    total = np.count_nonzero(volume.array_kji) * volume.grid.voxel_volume_mm3
    assert report["tumour_found"] is True
    assert sum(entry["volume_mm3"] for entry in report["components"]) == pytest.approx(total, rel=1e-4)
    for entry in report["components"]:
        ijk = volume.grid.to_ijk(entry["centre_mm"])
        assert np.all((ijk >= 0) & (ijk <= np.array(volume.grid.size) - 1))


def test_the_picture_is_1600_pixels_wide(case):
    assert imread(case / "overview.png").shape[1] == 1600


def test_the_terminal_says_what_was_found_and_where_it_lies(localize, brain, capsys):
    localize(brain)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("brain: tumour in 9 of 9 axial slices")
    assert any(line.endswith("overview.png") for line in lines)


def test_the_border_is_refined_on_request_and_the_report_says_so(localize, brain, tmp_path):
    def labels_and_method(*arguments):
        assert localize(brain, "--threshold", "0.8", "--overwrite", *arguments) == 0
        case = tmp_path / "out" / "brain"
        method = json.loads((case / "report.json").read_text())["settings"]["refinement"]
        return read_volume(case / "labelmap.nii.gz").array_kji, method

    rough, none = labels_and_method()
    refined, method = labels_and_method("--refine", "random-walk")
    assert (none, method) == ("none", "random-walk")
    assert np.any(refined != rough)
    assert refined.max() == 1


@pytest.mark.parametrize("method", REFINEMENTS)
def test_every_refinement_can_be_asked_for(method):
    arguments = ["localize", "brain.nii.gz", "--output", "out", "--refine", method]
    assert build_parser().parse_args(arguments).refine == method


def test_settings_given_are_used_and_reported(localize, brain, tmp_path):
    arguments = ["--view", "coronal", "--scales", "all", "--threshold", "q95", "--keep-largest", "1"]
    assert localize(brain, *arguments, "--min-volume-ml", "0.01", "--precision", "bfloat16") == 0
    settings = json.loads((tmp_path / "out" / "brain" / "report.json").read_text())["settings"]
    assert settings["view"] == "coronal"
    assert settings["scales"] == [1, 2, 3, 4]
    assert settings["threshold"] == "q95"
    assert (settings["keep_largest"], settings["min_volume_ml"], settings["precision"]) == (1, 0.01, "bfloat16")


def test_weights_belong_to_the_scales_as_given(localize, brain, tmp_path):
    assert localize(brain, "--scales", "4,1", "--scale-weights", "1,0.5") == 0
    settings = json.loads((tmp_path / "out" / "brain" / "report.json").read_text())["settings"]
    assert settings["weights"] == {"1": 0.5, "4": 1.0}


def test_a_probable_tumour_that_the_settings_hide_is_said(localize, brain, capsys):
    assert localize(brain, "--probability-limit", "1") == 0
    assert "no tumour located, although one is probable (probability" in capsys.readouterr().out


def test_what_exists_is_kept_without_overwrite_and_replaced_with_it(localize, case, brain, capsys):
    before = (case / "report.json").read_bytes()
    assert localize(brain) == 1
    assert "already exists" in capsys.readouterr().err
    assert (case / "report.json").read_bytes() == before
    assert localize(brain, "--overwrite", "--threshold", "0.9") == 0
    assert json.loads((case / "report.json").read_text())["settings"]["threshold"] == "0.9"


def test_one_failure_does_not_stop_the_rest(localize, brain, tmp_path, capsys):
    broken = tmp_path / "in" / "broken.nii.gz"
    broken.write_bytes(b"")
    assert localize(broken, brain, tmp_path / "in" / "absent.nrrd") == 1
    out = capsys.readouterr().out
    assert entries(tmp_path / "out") == ["brain"]
    assert "1 of 3 inputs done, 2 failed" in out
    assert [line.split()[1] for line in out.splitlines()[-3:]] == ["FAILED:", "done", "FAILED:"]


def test_an_error_nobody_foresaw_does_not_stop_the_rest_either(localize, brain, tmp_path, monkeypatch, caplog):
    other = tmp_path / "in" / "other.nii.gz"
    other.write_bytes(brain.read_bytes())
    read = read_volume

    def fail_once(path, **options):
        if path == other:
            raise ZeroDivisionError("oh")
        return read(path, **options)

    monkeypatch.setattr("CAMLocalizerLib.cases.loop.read_volume", fail_once)
    assert localize(other, brain) == 1
    assert entries(tmp_path / "out") == ["brain"]
    assert "other: an unexpected error" in caplog.text


def test_a_lack_of_memory_is_said_in_a_sentence(localize, brain, monkeypatch, capsys):
    def fail(path, **options):
        raise MemoryError

    monkeypatch.setattr("CAMLocalizerLib.cases.loop.read_volume", fail)
    assert localize(brain) == 1
    assert (
        capsys.readouterr().err
        == f"camlocalizer: {brain}: not enough memory; close other programs or use a smaller volume\n"
    )


def test_inputs_that_would_share_a_folder_are_refused_before_work_starts(localize, brain, tmp_path, capsys):
    assert localize(brain, tmp_path / "brain.nrrd") == 2
    assert "would both be written to the case folder" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--threshold", "1.5"], '--threshold "1.5" is out of range'),
        (["--threshold", "high"], '--threshold "high" is not understood'),
        (["--scales", "1,9"], "unknown scales (9,); the model provides (1, 2, 3, 4)"),
        (["--scale-weights", "1,2"], "--scale-weights (1.0, 2.0) needs --scales"),
        (["--scales", "1,4", "--scale-weights=-1,2"], "--scale-weights must be finite and at least 0"),
        (["--min-volume-ml", "-1"], "--min-volume-ml must be at least 0, got -1.0"),
        (["--keep-largest", "0"], "--keep-largest must be at least 1, got 0"),
        (["--probability-limit", "2"], "--probability-limit must be 0 to 1, got 2.0"),
        (["--batch-size", "0"], "--batch-size must be at least 1, got 0"),
    ],
)
def test_settings_out_of_range_are_refused_before_work_starts(localize, brain, tmp_path, capsys, arguments, message):
    assert localize(brain, *arguments) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--scales", "fine"], "expected all or whole numbers"),
        (["--scales", "1,1"], "each scale can be given once"),
        (["--view", "oblique"], "invalid choice: 'oblique'"),
    ],
)
def test_malformed_arguments_are_explained(localize, brain, capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        localize(brain, *arguments)
    assert message in capsys.readouterr().err


def test_an_unknown_model_is_refused(brain, tmp_path, models, capsys):
    assert main(["localize", str(brain), "--output", str(tmp_path / "out"), "--model", "nobody"]) == 2
    assert "unknown model 'nobody'" in capsys.readouterr().err


def test_an_output_that_is_a_file_is_explained(localize, brain, tmp_path, capsys):
    (tmp_path / "file").write_text("kept")
    assert localize(brain, "--output", tmp_path / "file") == 1
    assert "choose another output folder" in capsys.readouterr().err
    assert (tmp_path / "file").read_text() == "kept"


def test_a_constant_volume_is_refused_by_name(localize, oblique_grid, tmp_path, capsys):
    path = tmp_path / "flat.nii.gz"
    write_nifti(np.full(oblique_grid.shape_kji, 3.0), oblique_grid, path)
    assert localize(path) == 1
    assert "flat" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def stop_with(number):
    def stop(*_arguments, **_options):
        os.kill(os.getpid(), number)
        raise AssertionError("the signal came to nothing")

    return stop


@pytest.mark.skipif(sys.platform == "win32", reason="signals between processes are another matter there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_leaves_nothing_half_written(localize, brain, tmp_path, monkeypatch, capsys, number, code):
    monkeypatch.setattr("CAMLocalizerLib.cases.results.write_overview", stop_with(number))
    assert localize(brain) == code
    assert "nothing half-written is left" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_full_disk_leaves_nothing_half_written(localize, brain, tmp_path, monkeypatch, capsys):
    def full(*_arguments, **_options):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("CAMLocalizerLib.cases.results.write_report", full)
    assert localize(brain) == 1
    assert "the disk is full" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_exports_lie_beside_the_other_files(localize, brain, tmp_path, capsys):
    assert localize(brain, "--export", "html,stl") == 0
    assert entries(tmp_path / "out" / "brain") == sorted([*FILES, "report.html", "surface.stl"])
    assert "report.html" in capsys.readouterr().out
    assert localize(brain, "--export", "html", "--overwrite") == 0
    assert entries(tmp_path / "out" / "brain") == sorted([*FILES, "report.html"])


def test_dicom_exports_of_other_files_need_a_reference(localize, brain, tmp_path, capsys):
    assert localize(brain, "--export", "dicom-seg") == 1
    assert "brain.nii.gz: is not DICOM; name the series that it was made from with --dicom-reference" in (
        capsys.readouterr().err
    )
    assert entries(tmp_path / "out") == []


def test_an_unknown_export_is_refused_before_anything_is_read(localize, capsys):
    assert localize("missing.nii.gz", "--export", "pdf") == 2
    assert "dicom-sr, stl, html, got pdf" in capsys.readouterr().err


def test_maps_carry_both_matrices_of_the_input_and_the_report_says_which_counts(localize, brain, tmp_path):
    image = nibabel.load(brain)
    moved = image.affine.copy()
    moved[:3, 3] += (7, -9, 3)
    image.set_sform(moved, 2)
    image.to_filename(brain)
    assert localize(brain) == 0
    case = tmp_path / "out" / "brain"
    for name in ("labelmap.nii.gz", "activation.nii.gz"):
        header = nibabel.load(case / name).header
        assert (int(header["qform_code"]), int(header["sform_code"])) == (1, 2)
        np.testing.assert_array_equal(header.get_sform(), image.header.get_sform())
        np.testing.assert_array_equal(header.get_qform(), image.header.get_qform())
    notes = json.loads((case / "report.json").read_text(encoding="utf-8"))["notes"]
    assert "sform and qform differ by up to 11.8 mm: the qform was used" in notes[0]


def test_names_that_differ_in_case_only_get_folders_of_their_own(localize, brain, caplog):
    other = brain.with_name("Brain.nii.gz")
    other.write_bytes(brain.read_bytes())
    assert localize(brain, other) == 0
    assert entries(brain.parent.parent / "out") == ["Brain-2", "brain"]
    assert "is written to Brain-2" in caplog.text


@pytest.mark.parametrize("length", [200, 240, 248])
def test_a_case_may_have_a_long_name(localize, brain, tmp_path, length):
    path = brain.rename(brain.with_name("b" * length + ".nii.gz"))
    assert localize(path) == 0
    assert entries(tmp_path / "out") == ["b" * length]
    assert localize(path, "--overwrite") == 0


def test_a_name_that_is_not_utf_8_takes_no_other_input_with_it(localize, brain, tmp_path, capsys):
    strange = Path(os.fsdecode(os.fsencode(brain.parent) + b"/M\xfcller.nrrd"))
    try:
        strange.write_bytes(b"NRRD0004 damaged")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    good = strange.with_suffix(".nii.gz")
    good.write_bytes(brain.read_bytes())
    assert localize(strange, brain) == 1
    assert localize(good) == 0
    assert entries(tmp_path / "out") == ["M%FCller", "brain"]
    report = json.loads((tmp_path / "out" / "M%FCller" / "report.json").read_text(encoding="utf-8"))
    assert report["input"]["file"] == "M%FCller.nii.gz"
    assert "1 of 2 inputs done, 1 failed" in capsys.readouterr().out


def test_the_second_of_two_runs_is_refused_at_the_end_too(localize, brain, tmp_path, monkeypatch, capsys):
    """The other run is done while this one computes."""

    def meanwhile(*arguments, **options):
        (tmp_path / "out" / "brain").mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / "brain" / "report.json").write_text("theirs")
        return write_results(*arguments, **options)

    monkeypatch.setattr("CAMLocalizerLib.cases.loop.write_results", meanwhile)
    assert localize(brain) == 1
    assert "already exists" in capsys.readouterr().err
    assert entries(tmp_path / "out") == ["brain"]
    assert (tmp_path / "out" / "brain" / "report.json").read_text() == "theirs"
