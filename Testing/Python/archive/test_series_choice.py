"""Which series of a study a model looks at."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydicom.dataset import Dataset

from CAMLocalizerLib.archive.errors import NoSuitableSeriesError
from CAMLocalizerLib.archive.series_choice import Requirements, choose_series, chosen_by_name
from CAMLocalizerLib.archive.series_facts import SeriesFacts
from CAMLocalizerLib.models import load_model

T1CE = Requirements(modality="MR", contrast=True, t1=True, planes=("axial", "coronal", "sagittal"))
PET = Requirements(modality="PT", fdg=True)
AXIAL, CORONAL, SAGITTAL = [1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]


def series(number: int, description: str = "", *, modality: str = "MR", images: int = 24, **attributes) -> SeriesFacts:
    header = Dataset()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    return SeriesFacts(f"1.2.{number}", str(number), modality, description, images, header)


def choose(listed, required=T1CE, **options):
    return choose_series(listed, required, lambda entry: entry, **options)


def test_the_cards_of_the_bundled_models_are_understood():
    assert Requirements.of(load_model("brain-t1ce").card) == T1CE
    assert Requirements.of(load_model("pet-fdg").card) == PET
    card = load_model("brain-t1ce").card
    assert Requirements.of(replace(card, modality="CT of the chest")) == replace(
        T1CE, modality="CT", contrast=False, t1=False
    )
    assert not Requirements.of(replace(card, modality="MR, T1-weighted without contrast agent")).contrast


@pytest.mark.parametrize(
    "description",
    [
        "T1 post",
        "AX T1 +C",
        "t1_mprage_sag_p2_iso_KM",
        "T1ce",
        "Ax T1 FSPGR GAD",
        "T1post",
        "SAG T1 C+",
        "AX T1 FLAIR POST",
    ],
)
def test_contrast_and_weighting_are_read_from_descriptions(description):
    found = choose([series(5, description)])
    assert "T1 by its description, contrast agent by its description" in found.reason
    assert description not in found.reason


@pytest.mark.parametrize(
    ("description", "sentence"),
    [
        ("AX T1", "1 without a contrast agent"),
        ("AX T1 pre", "1 without a contrast agent"),
        ("T1 without contrast", "1 without a contrast agent"),
        ("AX T1 W/O GAD", "1 without a contrast agent"),
        ("AX T1 - C", "1 without a contrast agent"),
        ("AX T2 post", "1 without T1 weighting"),
        ("FLAIR post gad", "1 without T1 weighting"),
        ("T1 map post", "1 without T1 weighting"),
        ("DCE T1 post", "1 without T1 weighting"),
        ("T1 post SUB", "1 localizers or derived"),
        ("3-plane loc post", "1 localizers or derived"),
    ],
)
def test_what_does_not_fit_is_named_by_its_reason(description, sentence):
    with pytest.raises(NoSuitableSeriesError, match=sentence) as caught:
        choose([series(5, description)])
    assert "choose one with --series-description" in str(caught.value)


def test_headers_tell_more_than_descriptions():
    agent = {"ContrastBolusAgent": "Gadovist", "EchoTime": 12, "RepetitionTime": 600}
    assert (
        "T1 by its echo and repetition time, contrast agent by its header" in choose([series(5, "AX", **agent)]).reason
    )
    with pytest.raises(NoSuitableSeriesError, match="without T1"):
        choose([series(5, "AX", **{**agent, "RepetitionTime": 4000})])
    with pytest.raises(NoSuitableSeriesError, match="without a contrast agent"):
        choose([series(5, "T1", ContrastBolusAgent="NONE")])
    with pytest.raises(NoSuitableSeriesError, match="without a contrast agent"):
        choose([series(5, "T1 pre", ContrastBolusAgent="Gadovist")])  # the scanner wrote it into the whole study
    with pytest.raises(NoSuitableSeriesError, match="localizers"):
        choose([series(5, "T1 post", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])])


def test_of_several_the_first_plane_of_the_model_and_then_the_most_images_are_taken():
    listed = [
        series(1, "T1 post", ImageOrientationPatient=SAGITTAL, images=176),
        series(2, "T1 post", ImageOrientationPatient=AXIAL, images=24),
        series(3, "T1 post", ImageOrientationPatient=AXIAL, images=30),
        series(4, "T1 post", ImageOrientationPatient=AXIAL, images=90, ImageType=["DERIVED", "PRIMARY", "MPR"]),
        series(5, "T1 post", ImageOrientationPatient=CORONAL, images=90),
    ]
    found = choose(listed)
    assert found.series.number == "3"
    assert "axial, 30 images (series 2, series 5, series 1, series 4 would fit too)" in found.reason
    assert choose(listed, replace(T1CE, planes=("sagittal",))).series.number == "1"


def test_results_are_no_candidates_and_reasons_are_counted():
    listed = [
        series(1, "T1 post", modality="SEG"),
        series(2, "T1 post", modality="SR"),
        series(3, "T1 post", modality="CT"),
        series(4, "T1"),
        series(5, "T2"),
        series(6, "T1 post", images=2),
    ]
    with pytest.raises(NoSuitableSeriesError) as caught:
        choose(listed)
    assert str(caught.value) == (
        "no series suits the model (4 series of images: 1 not MR, 1 without a contrast agent, 1 without T1 weighting, "
        "1 with too few images); choose one with --series-description"
    )
    with pytest.raises(NoSuitableSeriesError, match="no series of images"):
        choose(listed[:2])


def test_a_pet_has_to_be_corrected_and_of_the_tracer():
    tracer = Dataset()
    tracer.Radiopharmaceutical = "Ga-68 PSMA"
    fdg = Dataset()
    fdg.Radiopharmaceutical = "FDG -- fluorodeoxyglucose"
    listed = [
        series(1, "WB NAC", modality="PT"),
        series(2, "WB", modality="PT", CorrectedImage=["DECY"]),
        series(3, "WB", modality="PT", RadiopharmaceuticalInformationSequence=[tracer]),
    ]
    with pytest.raises(NoSuitableSeriesError, match="2 without attenuation correction, 1 of another tracer"):
        choose(listed, PET)
    good = series(4, "WB", modality="PT", CorrectedImage=["DECY", "ATTN"], RadiopharmaceuticalInformationSequence=[fdg])
    assert choose([*listed, good], PET).series is good


def test_a_description_overrides_the_model():
    listed = [series(1, "AX T2"), series(2, "AX T1 pre"), series(3, "SAG T1 post")]
    assert choose(listed, description="ax t1").series.number == "2"
    assert choose(listed, description="ax*").series.number in ("1", "2")
    assert choose(listed, description="*T2").series.number == "1"
    found = choose(listed, description="T1")
    assert found.series.number == "3"
    assert found.reason == "series 3 was chosen from 3 series by its description (series 2 would fit too)"
    with pytest.raises(NoSuitableSeriesError, match="none of 3 series of images fits --series-description 'dwi'"):
        choose(listed, description="dwi")


def test_a_series_asked_for_by_its_uid_has_to_be_there_and_hold_images():
    listed = [series(1), series(2, modality="SEG")]
    assert chosen_by_name(listed, "1.2.1").series.number == "1"
    with pytest.raises(NoSuitableSeriesError, match=r"no series 1\.2\.3; it may have been deleted"):
        chosen_by_name(listed, "1.2.3")
    with pytest.raises(NoSuitableSeriesError, match="type SEG"):
        chosen_by_name(listed, "1.2.2")


def test_planes_of_images_with_frames_stand_in_their_groups():
    turn, group, image = Dataset(), Dataset(), Dataset()
    turn.ImageOrientationPatient = CORONAL
    group.PlaneOrientationSequence = [turn]
    image.SharedFunctionalGroupsSequence = [group]
    image.NumberOfFrames = 40
    entry = SeriesFacts("1.2", modality="MR", instances=1, header=image)
    assert (entry.plane, entry.images) == ("coronal", 40)
