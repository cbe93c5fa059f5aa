"""PET series are converted to SUV by body weight as defined by QIBA, or the error names the missing attribute."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from dicom_series import pet_tags, write_series
from pydicom.dataset import Dataset

from CAMLocalizerLib.core import Grid, InputError
from CAMLocalizerLib.io import describe, read_volume, suvbw_factor
from CAMLocalizerLib.io.suv import SuvScale, suvbw_scale

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


def with_injection(stamp: str | None, clock: str | None) -> Dataset:
    header = pet()
    tracer = header.RadiopharmaceuticalInformationSequence[0]
    tracer.RadiopharmaceuticalStartDateTime, tracer.RadiopharmaceuticalStartTime = stamp, clock
    return header


def test_a_pet_series_is_read_as_suv(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def patch(header: Dataset, k: int) -> None:
        pet_tags(header, k)
        header.RescaleSlope = 2.5 * (k + 1)

    write_series(tmp_path / "pet", stored, oblique_grid, modality="PT", patch=patch)
    volume = read_volume(tmp_path / "pet")
    slopes = 2.5 * np.arange(1, 10)[:, None, None]
    assert volume.unit == "SUVbw"
    np.testing.assert_allclose(volume.array_kji, stored * slopes * HAPPY, rtol=1e-5)


def test_a_missing_weight_is_reported_with_its_tag_and_folder(
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


def test_a_full_date_of_injection_takes_precedence_over_the_time() -> None:
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
        ({"SeriesDate": "20240231"}, "SeriesDate or SeriesTime is not a DICOM date"),
    ],
)
def test_attributes_that_suv_needs_are_named_if_missing(tags: dict, message: str) -> None:
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
def test_tracer_attributes_that_suv_needs_are_named_if_missing(tags: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        tracer_factor(**tags)


@pytest.mark.parametrize(
    "stamp", ["20240104090000", "20231229090000", "20231205090000", "20190105090000", "20240106090000"]
)
def test_the_time_replaces_an_implausible_date_of_injection_with_a_note(stamp: str) -> None:
    header = with_injection(stamp, "090000")
    scale = suvbw_scale([header])
    assert scale.factor == pytest.approx(HAPPY)
    assert "RadiopharmaceuticalStartTime (0018,1072) was used" in scale.notes[0]


@pytest.mark.parametrize("stamp", ["20240104090000", "20190105090000", "20240106090000", "20240105", "2024"])
def test_an_implausible_date_of_injection_without_a_time_is_refused(stamp: str) -> None:
    with pytest.raises(InputError, match=r"RadiopharmaceuticalStartDateTime \(0018,1078\)"):
        suvbw_factor([with_injection(stamp, None)])


def test_an_implausible_time_of_injection_is_refused() -> None:
    """A time two hours after the scan means 22 hours before it, too long for a half-life of one hour."""
    with pytest.raises(InputError, match=r"\(0018,1072\) lies 22 h before the scan, 22 half-lives of 3600 s"):
        suvbw_factor([with_injection(None, "120000")])


def test_days_are_plausible_for_a_long_half_life() -> None:
    """Zirconium-89, 78.41 h: scanned four days after injection."""
    half_life_s = 78.41 * 3600
    header = with_injection("20240101100000", None)
    header.RadiopharmaceuticalInformationSequence[0].RadionuclideHalfLife = half_life_s
    expected = 70_000 / (1e8 * 2 ** (-4 * 86400 / half_life_s))
    assert suvbw_scale([header]) == SuvScale(pytest.approx(expected))


@pytest.mark.parametrize(
    ("stamp", "zone"),
    [
        ("20240105070000+0000", "+0200"),
        ("20240105090000.00+0200", "+0200"),
        ("20240104233000-0730", "+0200"),
        ("20240105090000", "+0200"),
        ("20240105090000+0200", None),
    ],
)
def test_the_offset_from_utc_is_used(stamp: str, zone: str | None) -> None:
    header = with_injection(stamp, "090000")
    if zone:
        header.TimezoneOffsetFromUTC = zone
    scale = suvbw_scale([header])
    assert scale.factor == pytest.approx(HAPPY)
    assert len(scale.notes) == (zone is None)


def test_contradicting_times_of_injection_get_a_note() -> None:
    scale = suvbw_scale([with_injection("20240105080000", "090000")])
    assert scale.factor == pytest.approx(2 * HAPPY)
    assert "contradict each other" in scale.notes[0]


def test_info_reports_the_assumptions(tmp_path: Path, stored: np.ndarray, oblique_grid: Grid) -> None:
    def patch(header: Dataset, k: int) -> None:
        pet_tags(header, k)
        header.RadiopharmaceuticalInformationSequence[0].RadiopharmaceuticalStartDateTime = "20240104090000"

    write_series(tmp_path / "pet", stored, oblique_grid, modality="PT", patch=patch)
    info = describe(tmp_path / "pet")
    assert info.intensity_range[1] == pytest.approx(stored.max() * HAPPY)
    assert "(0018,1072) was used" in info.notes[0]
    assert read_volume(tmp_path / "pet").notes == info.notes
