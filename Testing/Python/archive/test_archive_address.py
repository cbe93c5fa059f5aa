"""Addresses, conditions and credentials."""

from __future__ import annotations

import pytest
import requests

from CAMLocalizerLib.archive.address import ArchiveAddress
from CAMLocalizerLib.archive.client import Archive
from CAMLocalizerLib.archive.credentials import PASSWORD, TOKEN, USER, credentials
from CAMLocalizerLib.archive.query import Query
from CAMLocalizerLib.archive.request import ArchiveRequest, StudyOptions, study_case_name
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import InputError, OptionError, SettingsError

ROOT = "dicomweb+https://pacs.example.org:8443/pacs/dicom-web"


@pytest.mark.parametrize(
    ("text", "study", "series"),
    [
        (ROOT, "", ""),
        (f"{ROOT}/", "", ""),
        (f"{ROOT}/studies/1.2.3", "1.2.3", ""),
        (f"{ROOT}/studies/1.2.3/series/4.5/", "1.2.3", "4.5"),
    ],
)
def test_an_address_has_a_root_and_perhaps_a_study_and_a_series(text, study, series):
    address = ArchiveAddress.parse(text)
    assert (address.url, address.study, address.series) == (ROOT[len("dicomweb+") :], study, series)
    assert address.host == "pacs.example.org:8443"


@pytest.mark.parametrize(
    "text", ["https://a/b", "dicomweb+ftp://a/b", "dicomweb+https://", "dicomweb+https://a:b/c", ""]
)
def test_another_form_is_refused(text):
    with pytest.raises(SettingsError, match="not the address of an archive; expected dicomweb"):
        ArchiveAddress.parse(text)


@pytest.mark.parametrize(
    "text", [f"{ROOT}/studies/../x", f"{ROOT}/studies/1.2/series/..", f"{ROOT}/studies/{'1' * 65}"]
)
def test_what_is_no_uid_is_refused_since_folders_and_addresses_are_made_of_it(text):
    with pytest.raises(SettingsError, match=r"is not a UID|ends in no study"):
        ArchiveAddress.parse(text)


def test_a_password_in_the_address_is_refused_and_not_repeated():
    with pytest.raises(SettingsError, match="must not contain a user or password") as caught:
        ArchiveAddress.parse("dicomweb+https://me:hidden-word@pacs.example.org/dicom-web")
    assert "hidden-word" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8042", "[::1]:8042", "127.3.2.1"])
def test_this_machine_is_reached_without_encryption(host):
    assert ArchiveAddress.parse(f"dicomweb+http://{host}/dicom-web").host == host


@pytest.mark.parametrize("host", ["pacs.example.org", "192.168.1.2", "localhost.example.org", "127.0.0.1.example.org"])
def test_another_machine_is_not_unless_that_is_asked_for(host):
    with pytest.raises(SettingsError, match="travel unencrypted"):
        ArchiveAddress.parse(f"dicomweb+http://{host}/dicom-web")
    assert ArchiveAddress.parse(f"dicomweb+http://{host}/dicom-web", allow_http=True).host == host


def test_an_encrypted_archive_cannot_lead_to_an_address_without_encryption():
    archive = Archive(ArchiveAddress.parse(ROOT))
    with archive, pytest.raises(requests.exceptions.InvalidSchema):
        archive._session.get("http://127.0.0.1:9/")


def test_conditions_are_split_between_studies_and_series():
    query = Query.parse(["Modality=MR", "StudyDate=20260101-20260131", "BodyPartExamined=HEAD", "00080050=A=1"])
    assert query.studies == {"ModalitiesInStudy": "MR", "StudyDate": "20260101-20260131", "00080050": "A=1"}
    assert query.series == {"BodyPartExamined": "HEAD"}
    assert query.modality == "MR"


@pytest.mark.parametrize(
    ("conditions", "sentence"),
    [
        (["StudyDate"], "must be KEY=VALUE"),
        (["StudyDate="], "must be KEY=VALUE"),
        (["StudyDat=1"], "StudyDat: is not a DICOM keyword; did you mean StudyDate"),
        (["limit=5"], "is not a DICOM keyword"),
        (["Modality=MR", "Modality=CT"], "has Modality twice"),
    ],
)
def test_wrong_conditions_are_refused(conditions, sentence):
    with pytest.raises(SettingsError, match=sentence):
        Query.parse(conditions)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["localize", "scan.nii.gz", "--store"], "--store is for a DICOMweb archive"),
        (["batch", "folder", "--query", "Modality=MR"], "--query is for a DICOMweb archive"),
        (["batch", "https://pacs.example.org/dicom-web"], "not the address of an archive; expected dicomweb+https://"),
        (["batch", ROOT, "--pattern", "*.dcm"], "--pattern is for names of files"),
        (["batch", ROOT, "--limit", "0"], "--limit must be at least 1, got 0"),
        (["localize", ROOT], "is a whole archive; add /studies/UID"),
        (["localize", f"{ROOT}/studies/1.2", f"{ROOT}/studies/1.2/"], "study 1.2 is given twice"),
    ],
)
def test_options_that_do_not_fit_the_input_are_refused(arguments, sentence, tmp_path, capfd):
    assert main([*arguments, "--output", str(tmp_path / "out")]) == 2
    assert sentence in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_batch_takes_the_archive_and_not_one_study():
    with pytest.raises(InputError, match="address of one study; give it to camlocalizer localize"):
        ArchiveRequest(ArchiveAddress.parse(f"{ROOT}/studies/1.2"))
    with pytest.raises(OptionError, match="at least 1, got 0"):
        ArchiveRequest(ArchiveAddress.parse(ROOT), limit=0)


def test_the_name_of_a_case_tells_nobody_whose_it_is():
    assert study_case_name("1.2.3").startswith("study-")
    assert "1.2.3" not in study_case_name("1.2.3")
    assert study_case_name("1.2.3") != study_case_name("1.2.4")
    assert study_case_name("1.2.3", "1.2.3").startswith("series-")


def test_what_is_sent_is_written_too():
    assert StudyOptions(store=True).exports(("stl", "dicom-seg")) == ("stl", "dicom-seg", "dicom-sr")
    assert StudyOptions().exports(("stl",)) == ("stl",)


def test_credentials_come_from_the_environment():
    request = requests.Request("GET", "https://a").prepare()
    assert credentials({}) is None
    assert credentials({TOKEN: " abc "})(request).headers["Authorization"] == "Bearer abc"
    assert credentials({USER: "u", PASSWORD: "ü"})(request).headers["Authorization"] == "Basic dTrDvA=="


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({TOKEN: "a", USER: "u", PASSWORD: "hidden"}, "are both set"),
        ({USER: "hidden"}, "only one is set"),
        ({PASSWORD: "hidden"}, "only one is set"),
        ({TOKEN: "hid\nden"}, "characters that no token has"),
    ],
)
def test_credentials_that_do_not_fit_together_are_refused_without_being_told(environ, sentence):
    with pytest.raises(SettingsError, match=sentence) as caught:
        credentials(environ)
    assert "hid" not in str(caught.value)
