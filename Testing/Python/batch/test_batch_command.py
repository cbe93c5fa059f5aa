"""``camlocalizer batch`` with real worker processes."""

from __future__ import annotations

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from batch_helpers import checksums, children, quick_case, until

import CAMLocalizerLib
from CAMLocalizerLib.batch import workers as batch_workers
from CAMLocalizerLib.batch.plan import opened_output
from CAMLocalizerLib.batch.run_batch import run_batch
from CAMLocalizerLib.case_files import CASE_FILES
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.localizer import LabelSettings, RunOptions

pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("ignore:Port .* is already in use:UserWarning")

CASES = ["P1-post", "P1-pre", "P2-post", "P2-pre"]
RESULTS = ("labelmap.nii.gz", "activation.nii.gz", "segmentation.seg.nrrd")


@pytest.fixture
def batch(models, tmp_path):
    """Run ``camlocalizer batch`` into ``out`` and return the exit code."""

    def run(archive: Path, *arguments: str) -> int:
        given = ["--output", str(tmp_path / "out"), "--model", "tiny", "--device", "cpu"]
        return main(["batch", str(archive), *given, *map(str, arguments)])

    return run


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def summary(folder: Path) -> list[dict[str, str]]:
    """The summary without what takes another time each time."""
    return [{name: value for name, value in row.items() if name != "seconds"} for row in table(folder / "summary.csv")]


def entries(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def command(temporary: Path, *arguments: object) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(Path(CAMLocalizerLib.__file__).parents[1]), "TMPDIR": str(temporary)}
    return subprocess.Popen(
        [sys.executable, "-m", "CAMLocalizerLib", *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_batch_gives_what_localize_gives_and_goes_on_after_any_kill(archive, add_volume, batch, tmp_path, capfd):
    for seed in range(4, 8):
        add_volume(archive / "P3" / f"{seed:02d}.nii.gz", seed)
    (archive / "broken.nii.gz").write_bytes(b"not a volume")
    out = tmp_path / "out"
    options = ["--output", out, "--model", "tiny", "--device", "cpu", "--workers", 2]

    running = command(tmp_path, "batch", archive, *options)
    until(lambda: list(out.glob("[!.]*/report.json")) or running.poll() is not None, "no case was finished")
    killed = children(running.pid)[0]
    os.kill(killed, signal.SIGKILL)
    before = len(list(out.glob("[!.]*/report.json")))
    until(lambda: len(list(out.glob("[!.]*/report.json"))) > before + 1 or running.poll() is not None, "no worker left")
    workers = children(running.pid)
    assert running.poll() is None
    assert killed not in workers
    running.kill()
    running.communicate()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), "workers outlived their client")
    kept = {path: path.stat().st_mtime_ns for path in out.glob("[!.]*/report.json")}
    assert all(len(entries(path.parent)) == len(CASE_FILES) for path in kept)

    assert batch(archive, "--workers", 1) == 1
    assert kept
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    names = [*CASES, *(f"P3-{seed:02d}" for seed in range(4, 8))]
    assert entries(out) == sorted([*names, "batch.json", "cases.csv", "failures.csv", "summary.csv"])
    assert [row["case"] for row in summary(out)] == names
    (failure,) = table(out / "failures.csv")
    assert failure["case"] == "broken"
    assert "the name says NIfTI, but the content is something else" in failure["sentence"]
    assert str(tmp_path) not in (out / "failures.csv").read_text()
    assert f"8 of 9 cases done ({len(kept)} of them earlier), 1 failed" in capfd.readouterr().out

    single = tmp_path / "single"
    inputs = [archive / "P1" / "post.nii.gz", archive / "P3" / "07.nii.gz"]
    assert main(["localize", *map(str, inputs), "--output", str(single), "--model", "tiny", "--device", "cpu"]) == 0
    expected = checksums(single, *RESULTS)
    of_batch = checksums(out, *RESULTS)
    assert len(expected) == 6
    assert expected == {name: of_batch[name.replace("post/", "P1-post/").replace("07/", "P3-07/")] for name in expected}


def test_the_tables_say_what_is_what_and_finished_cases_need_no_workers(archive, batch, tmp_path, monkeypatch, capfd):
    out = tmp_path / "out"
    assert batch(archive, "--workers", 1, "--export", "stl") == 0
    assert [(row["case"], row["file"]) for row in table(out / "cases.csv")] == [
        (name, name.replace("-", "/") + ".nii.gz") for name in CASES
    ]
    report = json.loads((out / "P1-pre" / "report.json").read_text())
    row = summary(out)[1]
    assert row["case"] == "P1-pre"
    assert row["tumour_found"] == ("yes" if report["tumour_found"] else "no")
    assert float(row["volume_ml"]) == pytest.approx(
        sum(entry["volume_mm3"] for entry in report["components"]) / 1000, abs=1e-4
    )
    assert row["label_map_sha256"] == report["label_map"]["voxels_sha256"]
    assert row["model_sha256"] == report["model"]["sha256"]
    assert (out / "P1-pre" / "surface.stl").exists()
    assert table(out / "failures.csv") == []

    first = (out / "summary.csv").read_bytes()
    (out / "summary.csv").unlink()
    monkeypatch.setattr("CAMLocalizerLib.batch.run_batch.own_workers", None)
    assert batch(archive, "--workers", 1, "--export", "stl") == 0
    assert (out / "summary.csv").read_bytes() == first
    assert "4 of 4 cases done (4 of them earlier), 0 failed" in capfd.readouterr().out

    assert batch(archive, "--threshold", "0.6", "--export", "stl") == 2
    assert "was made otherwise (threshold the model's own, now 0.6)" in capfd.readouterr().err
    assert batch(archive / "P1", "--export", "stl") == 2
    assert "holds results of another INPUT" in capfd.readouterr().err
    recorded = json.loads((out / "batch.json").read_text())
    (out / "batch.json").write_text(json.dumps(recorded | {"camlocalizer": "0.0.1"}))
    assert batch(archive, "--export", "stl") == 2
    assert "was made by camlocalizer 0.0.1, this is" in capfd.readouterr().err
    assert (out / "summary.csv").read_bytes() == first


def test_a_case_on_which_workers_die_twice_fails_and_the_others_continue(archive, models, tmp_path, monkeypatch):
    monkeypatch.setattr("CAMLocalizerLib.batch.run_batch.localize_case", quick_case)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    files = [archive / f"{name}.nii" for name in ("deadly", "unlucky", *"abcd")]
    for path in files:
        path.write_bytes(b"")
    steps = []
    last = run_batch(
        archive,
        tmp_path / "out",
        RunOptions(model="tiny", device="cpu"),
        LabelSettings(),
        pattern="*.nii",
        workers=2,
        report=steps.append,
    )
    assert (last.done, last.failed, last.total) == (5, 1, 6)
    assert [row["case"] for row in table(tmp_path / "out" / "summary.csv")] == [*"abcd", "unlucky"]
    (failure,) = table(tmp_path / "out" / "failures.csv")
    assert failure["case"] == "deadly"
    assert failure["sentence"].startswith("a worker died on it twice, perhaps out of memory")
    tries = {path.stem: len(path.with_suffix(".attempts").read_text().splitlines()) for path in files}
    assert tries == {"deadly": 2, "unlucky": 2, **dict.fromkeys("abcd", 1)}
    assert [step.done + step.failed for step in steps] == sorted(step.done + step.failed for step in steps)


def test_an_interruption_leaves_nothing_half_written(archive, batch, tmp_path, capfd):
    out = tmp_path / "out"

    def interrupt_after_the_first_case() -> None:
        until(lambda: list(out.glob("[!.]*/report.json")), "no case was finished")
        os.kill(os.getpid(), signal.SIGINT)

    watcher = threading.Thread(target=interrupt_after_the_first_case)
    watcher.start()
    assert batch(archive, "--workers", 1) == 130
    watcher.join()
    said = capfd.readouterr().err
    assert "interrupted, nothing half-written is left; the same command resumes" in said
    assert "Traceback" not in said
    assert not [name for name in entries(out) if name.startswith(".")]
    finished = [path.parent.name for path in sorted(out.glob("*/report.json"))]
    assert finished
    assert [row["case"] for row in summary(out)] == finished


def test_a_scheduler_that_does_not_answer_is_told_in_a_sentence(archive, batch, monkeypatch, capfd):
    monkeypatch.setattr(batch_workers.remote_workers.__wrapped__, "__kwdefaults__", {"answer_s": 0.5})
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        assert batch(archive, "--scheduler", address) == 2
    assert f"no scheduler answers at {address}; give the address" in capfd.readouterr().err
    assert batch(archive, "--scheduler", "nonsense://x") == 2
    assert "no scheduler answers at nonsense://x" in capfd.readouterr().err
    assert batch(archive, "--scheduler", address, "--workers", 2) == 2
    assert "--workers is for this machine" in capfd.readouterr().err


def test_a_folder_with_other_files_or_in_use_is_refused(archive, batch, tmp_path, capfd):
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("x")
    assert batch(archive) == 2
    assert "exists and is not the folder of a batch" in capfd.readouterr().err
    assert entries(out) == ["thesis.tex"]
    (out / "thesis.tex").unlink()
    with opened_output(out, {"camlocalizer": "1"}):
        assert batch(archive) == 2
    assert "another batch is writing there" in capfd.readouterr().err
    (out / "batch.json").write_text("{")
    assert batch(archive) == 2
    assert "is damaged" in capfd.readouterr().err
