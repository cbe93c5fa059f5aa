"""PET series become SUV by body weight, following QIBA, or name the tag that is missing."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_series import pet_tags, write_series
from pydicom.dataset import Dataset

from CAMLocalizerLib.core import Grid, InputError
from CAMLocalizerLib.io import read_volume, suvbw_factor

HAPPY = 70_000 / 5e7


def pet(change: Callable[[Dataset], None] = lambda header: None) -> Dataset:
    header = Dataset()
    pet_tags(header, 0)
    change(header)
    return header


def factor(**tags: object) -> float:
    return suvbw_factor([pet(lambda header: header.update(tags))])


def tracer_factor(**tags: object) -> float:
    return suvbw_factor([pet(lambda header: header.RadiopharmaceuticalInformationSequence[0].update(tags))])


def test_a_pet_series_is_read_as_suv(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def patch(header: Dataset, k: int) -> None:
        pet_tags(header, k)
        header.RescaleSlope = 2.5 * (k + 1)

    write_series(tmp_path / "pet", stored, oblique_grid, modality="PT", patch=patch)
    volume = read_volume(tmp_path / "pet")
    slopes = 2.5 * np.arange(1, 10)[:, None, None]
    assert volume.unit == "SUVbw"
    np.testing.assert_allclose(volume.array_kji, stored * slopes * HAPPY, rtol=1e-5)


def test_a_series_without_weight_names_the_tag_and_the_folder(
    tmp_path: Path, stored: np.ndarray, oblique_grid: Grid
) -> None:
    def patch(header: Dataset, k: int) -> None:
        pet_tags(header, k)
        del header.PatientWeight

    write_series(tmp_path / "pet", stored, oblique_grid, modality="PT", patch=patch)
    with pytest.raises(InputError, match=r"pet: PatientWeight \(0010,1030\) is missing"):
        read_volume(tmp_path / "pet")


def test_dose_decays_from_injection_to_series_time() -> None:
    assert factor() == pytest.approx(HAPPY)


def test_decay_to_administration_needs_no_times() -> None:
    assert factor(DecayCorrection="ADMIN", SeriesTime="") == pytest.approx(70_000 / 1e8)


def test_a_scan_after_midnight_belongs_to_the_injection_before() -> None:
    header = pet(lambda header: header.update({"SeriesTime": "003000", "AcquisitionTime": "003001"}))
    header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartTime = "233000.00"
    assert suvbw_factor([header]) == pytest.approx(HAPPY)


def test_a_full_date_of_injection_goes_before_the_time() -> None:
    stamp = {"RadiopharmaceuticalStartDateTime": "20240105080000.00", "RadiopharmaceuticalStartTime": "090000"}
    assert tracer_factor(**stamp) == pytest.approx(2 * HAPPY)


def test_the_earliest_acquisition_decides_over_all_slices() -> None:
    late = pet(lambda header: header.update({"AcquisitionTime": "110000"}))
    assert suvbw_factor([late, pet()]) == pytest.approx(HAPPY)


def test_a_series_time_moved_by_processing_is_replaced_by_the_frame_times() -> None:
    frame_s, decay = 600.0, math.log(2) / 3600
    mean_s = math.log(decay * frame_s / (1 - math.exp(-decay * frame_s))) / decay
    tags = {"SeriesTime": "150000", "AcquisitionTime": "100500", "ActualFrameDuration": 600_000}
    header = pet(lambda header: header.update({**tags, "FrameReferenceTime": (300 + mean_s) * 1000}))
    assert suvbw_factor([header]) == pytest.approx(HAPPY, rel=1e-6)


def test_a_series_time_moved_by_processing_is_replaced_by_the_scan_time_of_ge() -> None:
    header = pet(lambda header: header.update({"SeriesTime": "150000"}))
    header.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20240105100000.00")
    assert suvbw_factor([header]) == pytest.approx(HAPPY)


def test_counts_of_philips_use_the_private_factors() -> None:
    header = pet(lambda header: header.update({"Units": "CNTS"}))
    with pytest.raises(InputError, match=r"\(7053,1000\) and activity factor \(7053,1009\) are missing"):
        suvbw_factor([header])
    block = header.private_block(0x7053, "Philips PET Private Group", create=True)
    block.add_new(0x09, "DS", "4.0")
    assert suvbw_factor([header]) == pytest.approx(4 * HAPPY)
    block.add_new(0x00, "DS", "0.00125")
    assert suvbw_factor([header]) == pytest.approx(0.00125)


def test_grams_per_millilitre_are_suv_already() -> None:
    assert factor(Units="GML") == 1.0
    with pytest.raises(InputError, match=r"SUVType \(0054,1006\) is LBM"):
        factor(Units="GML", SUVType="LBM")


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"Units": "PROPCPS"}, r"Units \(0054,1001\) is PROPCPS"),
        ({"Units": ""}, r"Units \(0054,1001\) is missing"),
        ({"PatientWeight": 0}, r"PatientWeight \(0010,1030\) is 0"),
        ({"DecayCorrection": "NONE"}, r"DecayCorrection \(0054,1102\) is NONE"),
        ({"CorrectedImage": ["DECY"]}, r"CorrectedImage \(0028,0051\) lacks ATTN"),
        ({"RadiopharmaceuticalInformationSequence": []}, r"RadiopharmaceuticalInformationSequence \(0054,0016\)"),
        ({"SeriesDate": "20240231"}, "SeriesDate or SeriesTime is no DICOM date"),
    ],
)
def test_what_suv_needs_is_named(tags: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        factor(**tags)


@pytest.mark.parametrize(
    ("tags", "message"),
    [
        ({"RadionuclideTotalDose": None}, r"RadionuclideTotalDose \(0018,1074\) is missing"),
        ({"RadionuclideTotalDose": 370}, r"is 370; becquerels are expected"),
        ({"RadionuclideHalfLife": None}, r"RadionuclideHalfLife \(0018,1075\) is missing"),
        ({"RadiopharmaceuticalStartTime": None}, r"RadiopharmaceuticalStartTime \(0018,1072\) is missing"),
    ],
)
def test_what_suv_needs_of_the_tracer_is_named(tags: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tracer_factor(**tags)
