"""Further files of a case."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from dicom_series import write_series

from CAMLocalizerLib.case_files import EXPORT_FILES
from CAMLocalizerLib.cases import EXPORTS, checked_exports, write_exports, write_results
from CAMLocalizerLib.cases.exports import warn_of_other_image
from CAMLocalizerLib.cases.html_report import write_html_report
from CAMLocalizerLib.core import InputError, SettingsError
from CAMLocalizerLib.io import read_dicom_seg


def test_the_command_line_offers_every_export():
    assert list(EXPORTS) == list(EXPORT_FILES)


def test_every_export_writes_its_file_and_the_report_lists_them(case, source, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    write_results(case, folder, exports=list(EXPORTS), source=source)
    listed = json.loads((folder / "report.json").read_text(encoding="utf-8"))["exports"]
    assert listed == EXPORT_FILES
    assert all((folder / file).stat().st_size > 500 for file in listed.values())


def test_the_dicom_segmentation_is_the_label_map(case, source, tmp_path):
    write_exports(case, tmp_path, ["dicom-seg"], source)
    found = read_dicom_seg(tmp_path / "segmentation.dcm")
    assert found.grid.matches(case.label_map.grid)
    np.testing.assert_array_equal(found.array_kji, case.label_map.array_kji)


def test_a_report_of_measurements_brings_its_segmentation(case, source, tmp_path):
    done = write_exports(case, tmp_path, ["dicom-sr"], source)
    assert list(done) == ["dicom-seg", "dicom-sr"]


def test_radiomics_say_where_they_come_from(case, tmp_path):
    write_exports(case, tmp_path, ["radiomics"])
    with (tmp_path / "radiomics.csv").open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert rows[0]["Segment"] == "Tumour"
    assert rows[0]["CAMLocalizer_source_sha256"] == "ab" * 32
    assert rows[0]["CAMLocalizer_model_sha256"] == case.localization.card.sha256


def test_without_a_finding_files_that_need_one_are_explained(empty_case, source, tmp_path):
    done = write_exports(empty_case, tmp_path, list(EXPORTS), source)
    missing = {name for name, told in done.items() if told == "not written: the label map is empty"}
    assert missing == {"radiomics", "dicom-sr", "stl"}
    assert not read_dicom_seg(tmp_path / "segmentation.dcm").array_kji.any()


def test_dicom_needs_a_source(case, tmp_path):
    with pytest.raises(InputError, match=r"brain\.nii\.gz: is not DICOM, which dicom-seg refers to"):
        write_exports(case, tmp_path, ["dicom-seg"])


def test_an_unknown_export_is_refused():
    with pytest.raises(SettingsError, match=r"exports must be among radiomics, dicom-seg, .*, got pdf"):
        checked_exports(["stl", "pdf"])


class Page(HTMLParser):
    """Collects what a browser would fetch or run."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "data") and value]


def test_the_page_stands_alone_and_escapes_names(case, tmp_path):
    write_html_report(case, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert "script" not in page.tags
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert "url(" not in text
    assert "<h1>&lt;brain&gt; &amp; more</h1>" in text
    assert "Localisation, not a verified boundary." in text
    assert len(re.findall("<rect ", text)) == len(case.localization.tumour_probabilities)


@pytest.mark.parametrize("only_tumours", [False, True])
def test_every_text_on_the_page_is_escaped(case, tmp_path, only_tumours):
    marked = "<script src='//x'>\"&</script>"
    found = case.localization
    classes = tuple(f"{marked} {name}" for name in found.card.classes)
    tumours = classes if only_tumours else classes[-1:]
    card = replace(found.card, classes=classes, tumour_classes=tumours, target="class")
    localization = replace(found, card=card, notes=(marked,))
    settings = {**case.settings, marked: {marked: marked}}
    changed = replace(case, localization=localization, file_name=marked, settings=settings)
    write_html_report(changed, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    page = Page()
    page.feed(text)
    assert "script" not in page.tags
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert text.count("&lt;script src=") >= 6


def test_a_model_that_knows_tumours_only_shows_the_probability_of_each_class(case, tmp_path):
    card = replace(case.localization.card, tumour_classes=case.localization.card.classes, target="class")
    write_html_report(replace(case, localization=replace(case.localization, card=card)), tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<rect " not in text
    assert '<h2>Probability per slice</h2>\n<table><tr><th class="number">Slice</th>' in text
    assert f'<td class="number">{case.localization.probabilities[0, 1]:.2f}</td>' in text


def test_settings_on_the_page_read_like_words(case, tmp_path):
    write_html_report(case, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<tr><td>Weights</td><td><code>1: 1, 4: 1</code></td></tr>" in text
    assert "<td>SHA-256 of the input</td><td><code>" + "ab" * 32 in text


def test_a_reference_that_shows_something_else_is_warned_of(oblique_volume, tmp_path, caplog):
    stored = np.round(200 * (oblique_volume.array_kji - oblique_volume.array_kji.min())).astype(np.uint16)
    write_series(tmp_path / "own", stored, oblique_volume.grid)
    mixed = np.random.default_rng(0).permutation(stored.ravel()).reshape(stored.shape)
    write_series(tmp_path / "other", mixed, oblique_volume.grid)
    warn_of_other_image(oblique_volume, tmp_path / "own")
    assert not caplog.text
    warn_of_other_image(oblique_volume, tmp_path / "other")
    assert "is hardly the image that" in caplog.text
    assert "DICOM results carry its patient" in caplog.text
