"""Studies from a real Orthanc to results, and back into it."""

from __future__ import annotations

import csv
import http.server
import json
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from archived_series import counted_study

from _orthanc import PASSWORD, Orthanc
from CAMLocalizerLib.archive import fetching
from CAMLocalizerLib.archive.address import ArchiveAddress
from CAMLocalizerLib.archive.client import Archive
from CAMLocalizerLib.archive.errors import AlreadyAnsweredError, ArchiveError, ArchiveUnavailableError
from CAMLocalizerLib.archive.fetching import fetch_series, fetched_series
from CAMLocalizerLib.archive.request import ArchiveRequest, StudyOptions, find_studies, study_case_name
from CAMLocalizerLib.archive.sending import send_case, send_results
from CAMLocalizerLib.archive.study import StudyRunner
from CAMLocalizerLib.batch.run_batch import run_batch
from CAMLocalizerLib.batch.workers import Workers
from CAMLocalizerLib.cases.loop import open_localizer
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.core import InputError, SeriesError
from CAMLocalizerLib.io import read_label_map
from CAMLocalizerLib.localizer import LabelSettings, RunOptions

SECRETS = ("Secret", PASSWORD)


@pytest.fixture
def run_study(bundle, connect):
    """Localise in a study and return the outcome."""
    options = RunOptions(model=str(bundle.folder), device="cpu")

    def run(server, study, target, *, settings=None, **study_options):
        settings = settings or LabelSettings()
        return runner(server, settings, **study_options).run(study, target)

    def runner(server, settings, **study_options):
        return StudyRunner(
            connect(server), open_localizer(options, settings), options, settings, StudyOptions(**study_options)
        )

    run.runner = runner
    return run


@pytest.fixture
def threads_for_workers(monkeypatch):
    """Let a batch use two workers in this process, which start at once."""
    distributed = pytest.importorskip("distributed")

    @contextmanager
    def workers(_plan):
        options = {"n_workers": 2, "threads_per_worker": 1, "processes": False, "dashboard_address": None}
        with (
            distributed.LocalCluster(**options) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield Workers(client, own=True)

    monkeypatch.setattr("CAMLocalizerLib.batch.run_batch.own_workers", workers)


def results_in(archive: Archive, study: str) -> dict[str, list[pydicom.Dataset]]:
    """Fetch the results of a study by their modality."""
    found: dict[str, list[pydicom.Dataset]] = {}
    for entry in archive.series(study):
        modality, uid = entry["00080060"]["Value"][0], entry["0020000E"]["Value"][0]
        if modality in ("SEG", "SR"):
            found.setdefault(modality, []).extend(archive.stream_series(study, uid))
    return found


def hidden(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_study_goes_from_the_archive_to_results_and_back(
    server, store_series, study_uid, bundle, connect, tmp_path, capfd
):
    store_series(server, study_uid, 1, description="AX T1 pre")
    store_series(server, study_uid, 2, description="AX T1 post", PatientID="SecretID")
    store_series(server, study_uid, 3, description="AX T2")
    out = tmp_path / "out"
    arguments = [f"{server.address}/studies/{study_uid}", "--model", str(bundle.folder), "--device", "cpu", "--store"]
    assert main(["localize", *arguments, "--output", str(out)]) == 0
    told = capfd.readouterr()
    assert "series 2 was chosen from 3 series: MR, T1 by its description, contrast agent by its" in told.out

    (folder,) = out.iterdir()
    archive = connect(server)
    found = results_in(archive, study_uid)
    assert {modality: len(results) for modality, results in found.items()} == {"SEG": 1, "SR": 1}
    stored = BytesIO()
    found["SEG"][0].save_as(stored)
    stored.seek(0)
    seg = highdicom.seg.segread(stored)
    label_map = read_label_map(folder / "labelmap.nii.gz")
    assert int(seg.pixel_array.sum()) == int(label_map.array_kji.sum()) > 0
    assert (seg.StudyInstanceUID, seg.PatientID) == (study_uid, "SecretID")
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == f"{study_uid}.2"
    report = highdicom.sr.EnhancedSR.from_dataset(found["SR"][0])
    assert report.StudyInstanceUID == study_uid

    again = tmp_path / "again"
    assert main(["localize", *arguments, "--output", str(again)]) == 0
    assert "skipped, the archive holds the result of this model and these settings" in capfd.readouterr().out
    assert not again.exists()
    assert main(["localize", *arguments, "--output", str(again), "--again", "--threshold", "0.5"]) == 0
    assert len(results_in(archive, study_uid)["SEG"]) == 2

    texts = [told.out, told.err, *(path.read_text(errors="replace") for path in folder.glob("*.[jc]s*"))]
    assert not [secret for secret in SECRETS for text in texts if secret in text]
    assert hidden(tmp_path / "out") == []


def test_other_settings_or_a_series_that_has_grown_are_another_question(
    server, store_series, study_uid, run_study, tmp_path
):
    paths = store_series(server, study_uid, 1, slices=6)
    server.ask("DELETE", json.loads(server.ask("POST", "/tools/lookup", sop_uid(paths[-1])))[0]["Path"])
    assert run_study(server, study_uid, tmp_path / "a", store=True).error is None
    with pytest.raises(AlreadyAnsweredError, match="for series 1 already"):
        run_study.runner(server, LabelSettings()).choose(study_uid)
    assert run_study.runner(server, LabelSettings(threshold="0.6")).choose(study_uid).series.number == "1"
    default = open_localizer(RunOptions(model=run_study.runner(server, LabelSettings())._run.model), LabelSettings())
    with pytest.raises(AlreadyAnsweredError):
        run_study.runner(server, LabelSettings(threshold=default.model.card.threshold)).choose(study_uid)
    server.upload(paths[-1:])
    assert run_study.runner(server, LabelSettings()).choose(study_uid).series.instances == 6


def sop_uid(path: Path) -> bytes:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID).encode()


def test_an_archive_that_refuses_gets_the_results_later_and_what_suits_no_model_is_skipped(
    tmp_path, store_series, study_uid, bundle, connect, threads_for_workers, capfd
):
    script = tmp_path / "refuse.lua"
    script.write_text("function ReceivedInstanceFilter(dicom, origin) return dicom.Modality ~= 'SEG' end")
    picky = Orthanc(tmp_path / "picky", LuaScripts=[str(script)])
    out = tmp_path / "out"
    command = ["batch", picky.address, "--query", "Modality=MR", "--output", str(out), "--store"]
    command += ["--model", str(bundle.folder), "--device", "cpu"]
    with picky:
        store_series(picky, study_uid, 1)
        store_series(picky, f"{study_uid}.9", 1, description="AX T2")
        assert main(command) == 1
        (failure,) = table(out / "failures.csv")
        assert "said that it stored the segmentation and does not list it" in failure["sentence"]
        assert f"the results are kept in {out / failure['case']}" in failure["sentence"]
        assert (out / failure["case"] / "segmentation.dcm").exists()
        assert failure["case"] == study_case_name(study_uid)
        assert [row["case"] for row in table(out / "skipped.csv")] == [study_case_name(f"{study_uid}.9")]
        assert "no series suits the model" in table(out / "skipped.csv")[0]["sentence"]
        assert "0 of 2 cases done, 1 skipped, 1 failed" in capfd.readouterr().out
        script.write_text("")
        picky.stop()
        picky.start()
        assert main(command) == 0
        assert "1 of 2 cases done, 1 skipped, 0 failed" in capfd.readouterr().out
        assert set(results_in(connect(picky), study_uid)) == {"SEG", "SR"}
        assert main(command) == 0
        assert "1 of 2 cases done (1 of them earlier), 1 skipped, 0 failed" in capfd.readouterr().out
        assert len(results_in(connect(picky), study_uid)["SEG"]) == 1
    assert table(out / "failures.csv") == []
    assert hidden(out) == []


def test_a_study_deleted_meanwhile_is_not_made_anew_by_its_results(
    server, store_series, study_uid, run_study, connect, tmp_path
):
    store_series(server, study_uid, 1)
    target = tmp_path / "case"
    assert run_study(server, study_uid, target).error is None
    with pytest.raises(InputError, match=r"has no segmentation\.dcm to be sent"):
        send_case(connect(server), target)
    other = tmp_path / "other"
    runner = run_study.runner(server, LabelSettings(), store=True)
    infer = runner._infer

    def deleting(case, volume):
        server.delete_study(study_uid)
        return (yield from infer(case, volume))

    runner._infer = deleting
    outcome = runner.run(study_uid, other)
    assert "the images were deleted meanwhile, so their results were not sent; the results are kept in" in str(
        outcome.error
    )
    assert (other / "segmentation.dcm").exists()
    assert connect(server).series(study_uid) == []
    with pytest.raises(ArchiveError, match="the study is not there; it may have been deleted"):
        runner.run(study_uid, tmp_path / "third")


def test_the_archive_may_restart_while_a_series_is_fetched(
    tmp_path, store_series, study_uid, connect, monkeypatch, caplog
):
    restarted = Orthanc(tmp_path / "restarted")
    monkeypatch.setattr(fetching, "GROWTH_WAITS_S", (0.0, 0.0))
    with restarted:
        paths = store_series(restarted, study_uid, 1, slices=8)
        archive = connect(restarted, waits_s=(0.5, 1.0, 2.0, 4.0, 8.0))
        whole = archive.stream_series

        def broken(study, series):
            yield from list(whole(study, series))[:3]
            restarted.stop()
            threading.Thread(target=restarted.start).start()
            yield from whole(study, series)

        monkeypatch.setattr(archive, "stream_series", broken)
        folder = tmp_path / "fetched"
        folder.mkdir()
        assert fetch_series(archive, study_uid, f"{study_uid}.1", folder) == 8
        assert {pixels(path) for path in folder.iterdir()} == {pixels(path) for path in paths}
        restarted.stop()
        with pytest.raises(ArchiveUnavailableError, match="the archive does not answer; check that it runs"):
            connect(restarted, waits_s=()).series(study_uid)


def pixels(path: Path) -> bytes:
    return pydicom.dcmread(path).PixelData


def test_a_series_that_grows_is_fetched_whole_or_not_at_all(
    server, store_series, study_uid, connect, monkeypatch, tmp_path
):
    monkeypatch.setattr(fetching, "GROWTH_WAITS_S", (0.0, 0.0))
    paths = store_series(server, study_uid, 1, slices=8)
    archive, series = connect(server), f"{study_uid}.1"
    whole, listed = archive.stream_series, archive.instance_uids
    monkeypatch.setattr(archive, "stream_series", lambda *place: list(whole(*place))[:5])
    with fetched_series(archive, study_uid, series, tmp_path / "case") as folder:
        assert len(list(folder.iterdir())) == len(paths)
    counts = iter(range(6, 9))
    monkeypatch.setattr(archive, "instance_uids", lambda *place: listed(*place)[: next(counts)])
    with (
        pytest.raises(ArchiveError, match="the series still grows"),
        fetched_series(archive, study_uid, series, tmp_path / "case"),
    ):
        pass
    monkeypatch.setattr(archive, "instance_uids", lambda *place: listed(*place)[:2])
    with (
        pytest.raises(ArchiveError, match="were deleted while it was fetched"),
        fetched_series(archive, study_uid, series, tmp_path / "case"),
    ):
        pass
    assert hidden(tmp_path) == []


def test_images_of_another_series_are_refused(server, store_series, study_uid, connect, monkeypatch, tmp_path):
    store_series(server, study_uid, 1)
    store_series(server, study_uid, 2)
    archive = connect(server)
    whole = archive.stream_series
    monkeypatch.setattr(archive, "stream_series", lambda study, _series: whole(study, f"{study_uid}.2"))
    with pytest.raises(ArchiveError, match="sent an image of another series than was asked for"):
        fetch_series(archive, study_uid, f"{study_uid}.1", tmp_path)
    assert not list(tmp_path.glob("*.dcm"))


def test_half_a_series_fails_in_a_sentence_without_its_folder(server, store_series, study_uid, run_study, tmp_path):
    paths = store_series(server, study_uid, 1, slices=8, ImagesInAcquisition=8)
    server.ask("DELETE", json.loads(server.ask("POST", "/tools/lookup", sop_uid(paths[7])))[0]["Path"])
    noted = run_study(server, study_uid, tmp_path / "short").result.localization.notes
    assert "the series has 7 images, and ImagesInAcquisition (0020,1002) states 8: some may be missing" in noted
    server.ask("DELETE", json.loads(server.ask("POST", "/tools/lookup", sop_uid(paths[3])))[0]["Path"])
    outcome = run_study(server, study_uid, tmp_path / "out" / "case", store=True)
    assert isinstance(outcome.error, SeriesError | InputError)
    assert str(outcome.error).startswith("case")
    assert str(tmp_path) not in str(outcome.error)
    assert "Secret" not in str(outcome.error)
    assert not (tmp_path / "out").exists()


def test_a_wrong_password_is_told_at_once_and_not_repeated(server, monkeypatch, tmp_path, capfd, bundle):
    monkeypatch.setenv("CAMLOCALIZER_ARCHIVE_PASSWORD", "wrong-word")
    command = ["batch", server.address, "--output", str(tmp_path / "out"), "--model", str(bundle.folder)]
    assert main(command) == 2
    told = capfd.readouterr().err
    assert "user, password or token are missing or wrong; put them into ~/.netrc" in told
    assert "wrong-word" not in told
    assert not (tmp_path / "out").exists()


def test_credentials_may_stand_in_a_netrc_file(server, monkeypatch, tmp_path):
    for name in ("USER", "PASSWORD"):
        monkeypatch.delenv(f"CAMLOCALIZER_ARCHIVE_{name}")
    (tmp_path / "netrc").write_text(f'machine localhost login reader password "{PASSWORD}"\n')
    with Archive(ArchiveAddress.parse(server.address), waits_s=()) as archive:
        assert isinstance(archive.studies({}), list)


@contextmanager
def secure_server(certificate: Path) -> Iterator[ArchiveAddress]:
    """An archive without studies that answers by TLS."""

    class Empty(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_: object) -> None:
            pass

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with http.server.HTTPServer(("127.0.0.1", 0), Empty) as listening:
        listening.socket = context.wrap_socket(listening.socket, server_side=True)
        listening.handle_error = lambda *_: None
        thread = threading.Thread(target=listening.serve_forever)
        thread.start()
        try:
            yield ArchiveAddress.parse(f"dicomweb+https://localhost:{listening.server_port}/dicom-web")
        finally:
            listening.shutdown()
            thread.join()


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path, monkeypatch):
    pem = tmp_path / "server.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost", "-keyout", str(tmp_path / "key"), "-out", str(pem)]
    try:
        subprocess.run(make, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("openssl cannot make a certificate here")
    both = tmp_path / "both.pem"
    both.write_bytes((tmp_path / "key").read_bytes() + pem.read_bytes())
    with secure_server(both) as address:
        with pytest.raises(ArchiveUnavailableError, match=r"certificate is not trusted \(self.signed certificate\)"):
            Archive(address, waits_s=()).studies({})
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
        assert Archive(address, waits_s=()).studies({}) == []


def test_an_address_that_is_not_dicomweb_is_told(server, connect):
    elsewhere = Archive(replace(ArchiveAddress.parse(server.address), url=server.url.replace("dicom-web", "app")))
    with elsewhere, pytest.raises(ArchiveError, match=r"may have been deleted|is not DICOMweb"):
        elsewhere.studies({})


def test_results_of_two_studies_are_not_sent_into_one(server, store_series, study_uid, connect, tmp_path):
    paths = store_series(server, study_uid, 1)[:1] + store_series(server, f"{study_uid}.7", 1)[:1]
    with pytest.raises(InputError, match="results of 2 studies"):
        send_results(connect(server), paths)


def test_two_hundred_studies_are_found_page_by_page_and_shared_among_workers(
    tmp_path, store_series, study_uid, bundle, threads_for_workers, monkeypatch
):
    monkeypatch.setattr("CAMLocalizerLib.batch.run_batch.localize_case", counted_study)
    with Orthanc(tmp_path / "full") as full:
        (path,) = store_series(full, study_uid, 1, slices=1)
        image = pydicom.dcmread(path)
        for number in range(199):
            image.StudyInstanceUID = f"{study_uid}.{number}"
            image.SeriesInstanceUID = f"{study_uid}.{number}.1"
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{study_uid}.{number}.1.1"
            stored = BytesIO()
            image.save_as(stored)
            full.ask("POST", "/instances", stored.getvalue())
        request = ArchiveRequest(ArchiveAddress.parse(full.address), StudyOptions(query=("Modality=MR",)))
        assert len(set(find_studies(request))) == 200
        assert len(set(find_studies(replace(request, limit=70)))) == 70
        assert len(set(find_studies(replace(request, limit=170)))) == 170
        step = run_batch(request, tmp_path / "out", RunOptions(model=str(bundle.folder), device="cpu"), LabelSettings())
    assert (step.done, step.failed, step.skipped) == (200, 0, 0)
    assert {row["components"] for row in table(tmp_path / "out" / "summary.csv")} == {"1"}
    assert len(table(tmp_path / "out" / "cases.csv")) == 200
    assert hidden(tmp_path / "out") == []


def test_names_and_descriptions_are_found_by_any_character_and_by_wildcards(server, store_series, study_uid, connect):
    store_series(server, study_uid, 1, description="AX T1 post", PatientName="Doe^Jane", PatientID=study_uid[-20:])
    store_series(server, f"{study_uid}.9", 1, PatientName="Doe-Jane", PatientID=study_uid[-20:])
    archive = connect(server)
    of_both = {"PatientID": study_uid[-20:]}
    counts = {
        name: len(archive.studies({**of_both, "PatientName": name}))
        for name in ("Doe^Jane", "DOE^JANE", "Doe*", "Doe?Jane", "Doe^*", "Roe^Jane")
    }
    assert counts == {"Doe^Jane": 1, "DOE^JANE": 1, "Doe*": 2, "Doe?Jane": 2, "Doe^*": 1, "Roe^Jane": 0}
    assert len(archive.series(study_uid, {"SeriesDescription": "AX T1 post"})) == 1
    assert archive.series(study_uid, {"SeriesDescription": "AX T2 post"}) == []


def test_nothing_fits_a_query(server):
    request = ArchiveRequest(ArchiveAddress.parse(server.address), StudyOptions(query=("StudyDate=18000101",)))
    with pytest.raises(InputError, match="no study of the archive fits the query"):
        find_studies(request)


def test_the_label_map_of_a_study_is_that_of_its_files(server, store_series, study_uid, run_study, bundle, tmp_path):
    paths = store_series(server, study_uid, 1)
    run_study(server, study_uid, tmp_path / "archived")
    options = ["--model", str(bundle.folder), "--device", "cpu", "--output", str(tmp_path / "out")]
    assert main(["localize", str(paths[0].parent), *options]) == 0
    maps = [read_label_map(folder / "labelmap.nii.gz") for folder in (tmp_path / "archived", tmp_path / "out" / "1")]
    np.testing.assert_array_equal(maps[0].array_kji, maps[1].array_kji)
    assert maps[0].grid.matches(maps[1].grid)
