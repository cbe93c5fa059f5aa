"""Result folders are written atomically."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from CAMLocalizerLib.core import OutputError
from CAMLocalizerLib.io import staged_folder
from CAMLocalizerLib.io.leftovers import OLD, PARTIAL, clean_up_leftovers, temporary_name
from CAMLocalizerLib.io.writing import whole_file


def fill(target: Path, text: str, **options: bool) -> None:
    with staged_folder(target, **options) as folder:
        (folder / "report.json").write_text(text)


def test_a_complete_folder_is_moved_to_its_target_without_leftovers(tmp_path: Path) -> None:
    fill(tmp_path / "new" / "case", "done")
    assert (tmp_path / "new" / "case" / "report.json").read_text() == "done"
    assert [entry.name for entry in (tmp_path / "new").iterdir()] == ["case"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit])
def test_failure_and_interruption_leave_no_files(failure: type[BaseException], tmp_path: Path) -> None:
    def fail_half_way() -> None:
        with staged_folder(tmp_path / "new" / "case") as folder:
            (folder / "report.json").touch()
            raise failure

    with pytest.raises(failure):
        fail_half_way()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows ends the process")
def test_sigterm_leaves_no_files(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="143"), staged_folder(tmp_path / "case"):
        os.kill(os.getpid(), signal.SIGTERM)
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_existing_folder_is_not_touched(tmp_path: Path) -> None:
    fill(tmp_path / "case", "old")
    with pytest.raises(OutputError, match="case: already exists"):
        fill(tmp_path / "case", "new")
    assert (tmp_path / "case" / "report.json").read_text() == "old"


def test_overwriting_replaces_the_whole_folder(tmp_path: Path) -> None:
    fill(tmp_path / "case", "old")
    (tmp_path / "case" / "overview.png").touch()
    fill(tmp_path / "case", "new", overwrite=True)
    assert [entry.name for entry in (tmp_path / "case").iterdir()] == ["report.json"]
    assert (tmp_path / "case" / "report.json").read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["case"]


def test_the_old_folder_survives_a_failed_overwrite(tmp_path: Path) -> None:
    fill(tmp_path / "case", "old")
    with pytest.raises(KeyboardInterrupt), staged_folder(tmp_path / "case", overwrite=True):
        raise KeyboardInterrupt
    assert (tmp_path / "case" / "report.json").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["case"]


def test_the_old_folder_is_restored_if_the_move_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path / "case", "old")
    rename = Path.rename

    def refuse(self: Path, target: Path) -> Path:
        if self.name.endswith(".partial"):
            raise OSError(errno.EACCES, "no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OutputError, match="case: cannot be written"):
        fill(tmp_path / "case", "new", overwrite=True)
    assert (tmp_path / "case" / "report.json").read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["case"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_folder_with_other_files_is_never_replaced(kind: str, tmp_path: Path) -> None:
    fill(tmp_path / "case", "old")
    other = tmp_path / "case" / "thesis.doc"
    other.mkdir() if kind == "folder" else other.touch()
    with pytest.raises(OutputError, match=r"contains other files \(thesis.doc\) and is not replaced"):
        fill(tmp_path / "case", "new", overwrite=True)
    assert other.exists()


def test_a_file_at_the_target_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "case").write_text("mine")
    with pytest.raises(OutputError, match="is not a result folder"):
        fill(tmp_path / "case", "new", overwrite=True)
    with pytest.raises(OutputError, match="is a file"):
        fill(tmp_path / "case" / "inner", "new")
    assert (tmp_path / "case").read_text() == "mine"


@pytest.mark.parametrize(
    ("code", "message"),
    [(errno.ENOSPC, "disk is full"), (errno.EACCES, "no permission"), (errno.EROFS, "read-only")],
)
def test_a_full_or_read_only_disk_is_reported_in_one_sentence(code: int, message: str, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=f"case: .*{message}"), staged_folder(tmp_path / "case"):
        raise OSError(code, "from the system")
    assert list(tmp_path.iterdir()) == []


def test_a_read_error_is_not_reported_as_a_write_error(tmp_path: Path) -> None:
    with pytest.raises(PermissionError), staged_folder(tmp_path / "case"):
        raise PermissionError(errno.EACCES, "no", str(tmp_path / "input.nii"))


def test_a_writer_names_the_final_folder(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"case.report.json: full") as got, staged_folder(tmp_path / "case") as folder:
        raise OutputError(f"{folder / 'report.json'}: full")
    assert "partial" not in str(got.value)


def test_a_folder_created_in_the_meantime_is_not_replaced(tmp_path: Path) -> None:
    def write_while_another_run_is_done() -> None:
        with staged_folder(tmp_path / "case") as folder:
            (folder / "report.json").write_text("ours")
            fill(tmp_path / "case", "theirs")

    with pytest.raises(OutputError, match="case: already exists"):
        write_while_another_run_is_done()
    assert (tmp_path / "case" / "report.json").read_text() == "theirs"
    assert [entry.name for entry in tmp_path.iterdir()] == ["case"]


@pytest.mark.parametrize("overwrite", [True, False])
def test_a_file_is_written_atomically(tmp_path: Path, overwrite: bool) -> None:
    with whole_file(tmp_path / "a.csv", overwrite=overwrite) as partial:
        partial.write_text("done")
        assert not (tmp_path / "a.csv").exists()
    with pytest.raises(ZeroDivisionError), whole_file(tmp_path / "b.csv", overwrite=overwrite) as partial:
        partial.write_text(str(1 / 0))
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]
    assert (tmp_path / "a.csv").read_text() == "done"


def test_a_file_is_replaced_only_if_allowed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("old")
    with pytest.raises(OutputError, match=r"a\.csv: already exists"), whole_file(tmp_path / "a.csv", overwrite=False):
        pass
    with whole_file(tmp_path / "a.csv") as partial:
        partial.write_text("new")
    assert (tmp_path / "a.csv").read_text() == "new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.csv"]


def dead_process() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.skipif(os.name == "nt", reason="Windows cannot be asked for a process without harm")
@pytest.mark.parametrize("running", [True, False])
def test_files_of_a_killed_process_are_cleaned_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: bool
) -> None:
    number = os.getpid() if running else dead_process()
    monkeypatch.setattr("CAMLocalizerLib.io.leftovers.os.getpid", lambda: number)
    partial = tmp_path / temporary_name(tmp_path / "case", PARTIAL)
    old = tmp_path / temporary_name(tmp_path / "case", OLD)
    (old / "case").mkdir(parents=True)
    (old / "case" / "report.json").write_text("former")
    partial.mkdir()
    (partial / "report.json").write_text("half")
    monkeypatch.undo()
    clean_up_leftovers(tmp_path / "case")
    left = sorted(entry.name for entry in tmp_path.iterdir())
    assert left == (sorted([partial.name, old.name]) if running else ["case"])
    if not running:
        assert (tmp_path / "case" / "report.json").read_text() == "former"


def test_files_of_another_target_are_not_touched(tmp_path: Path) -> None:
    (tmp_path / ".case.notes.partial").touch()
    (tmp_path / ".case-2.host-1-00000000.partial").touch()
    fill(tmp_path / "case", "done")
    assert len(list(tmp_path.iterdir())) == 3
