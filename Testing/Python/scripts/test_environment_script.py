"""The scripts' environment: made when something changed, quiet about where packages come from."""

from __future__ import annotations

import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts"
ROOT = SCRIPTS.parent


@pytest.fixture
def environment(monkeypatch):
    """The module, as the scripts beside it import it."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    spec = importlib.util.spec_from_file_location("_environment", SCRIPTS / "_environment.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "_environment", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def commands(environment, tmp_path, monkeypatch):
    """What the installer is asked to do in an environment that seems to be there, without doing it."""
    asked = []
    python = environment.environment_python(tmp_path)
    python.parent.mkdir()
    python.touch()
    monkeypatch.setattr(environment, "ENVIRONMENT", tmp_path)
    monkeypatch.setattr(environment, "environment_python", lambda: python)
    monkeypatch.setattr(environment, "_make", lambda given: None)
    monkeypatch.setattr(environment, "_pip", lambda command, otherwise="": asked.append(command))
    monkeypatch.setattr(environment, "_unpack_source", lambda *_: None)
    return asked


def test_pins_and_package_are_installed_once(environment, commands):
    assert environment.ensure_environment() == environment.ensure_environment()
    assert [command[-1] for command in commands] == [
        str(ROOT / "requirements.lock"),
        environment.RADIOMICS,
        environment.SURVIVAL,
        str(ROOT),
    ]


def test_changed_pins_are_installed_again(environment, commands, monkeypatch):
    environment.ensure_environment()
    monkeypatch.setattr(environment, "fingerprint", lambda: "another")
    environment.ensure_environment()
    assert len(commands) == 8


def test_an_installation_that_broke_off_is_taken_up_again(environment, commands, monkeypatch):
    def fail(command, otherwise=""):
        raise SystemExit("no network")

    working = environment._pip
    monkeypatch.setattr(environment, "_pip", fail)
    with pytest.raises(SystemExit, match="no network"):
        environment.ensure_environment()
    monkeypatch.setattr(environment, "_pip", working)
    environment.ensure_environment()
    assert len(commands) == 4


def test_only_what_can_be_done_without_may_fail(environment, capfd):
    failing = [sys.executable, "-c", "raise SystemExit(1)"]
    environment._pip(failing, otherwise="continuing without it")
    assert capfd.readouterr().out == "continuing without it\n"
    with pytest.raises(SystemExit, match="could not be installed"):
        environment._pip(failing)


def test_a_missing_sample_does_not_stop_the_set_up(environment, commands, capfd):
    python = environment.ensure_environment()
    assert "The sample is incomplete" in capfd.readouterr().out
    assert environment.ensure_sample(python) != ""


def test_the_sample_is_fetched_once(environment, commands, monkeypatch):
    fetched, problems = [], ["missing", "", ""]
    monkeypatch.setattr(environment, "sample_problem", lambda _: problems.pop(0))
    monkeypatch.setattr(environment, "copy_sample", lambda source, folder: fetched.append(folder))
    assert environment.ensure_sample(Path("python")) == environment.ensure_sample(Path("python")) == ""
    assert fetched == [environment.ENVIRONMENT]


def test_a_source_package_stays_unpacked_when_its_own_set_up_code_fails(environment, tmp_path):
    package, unpacked = tmp_path / "broken-1.0", tmp_path / "unpacked"
    (package / "data").mkdir(parents=True)
    (package / "setup.py").write_text("raise SystemExit('this cannot be built')")
    (package / "data" / "file.txt").write_text("kept")
    archive = shutil.make_archive(str(package), "gztar", tmp_path, package.name)
    unpacked.mkdir()
    environment._unpack_source(Path(sys.executable), archive, unpacked)
    assert [path.read_text() for path in unpacked.rglob("data/file.txt")] == ["kept"]


def test_an_old_python_is_told_what_is_needed(environment, monkeypatch):
    monkeypatch.setattr(environment, "OLDEST_PYTHON", (99, 0))
    with pytest.raises(SystemExit, match=r"Python 3\.11 or later is needed"):
        environment.ensure_environment()


def test_the_installers_lines_become_short_and_name_no_address(environment):
    shown, log = [], []
    lines = [
        "Looking in indexes: https://user:secret@registry.example/simple",
        "Collecting numpy==2.4.6 (from -r requirements.lock (line 6))",
        "  Downloading numpy-2.4.6-cp311-cp311-linux.whl (16.8 MB)",
        "  Downloading tiny-1.0-py3-none-any.whl (9 kB)",
        "Installing collected packages: numpy, tiny",
        "ERROR: file:///opt/simple/x has no wheel",
    ]
    environment.report(lines, log, print_line=shown.append)
    assert shown == ["  fetching numpy", "  downloading numpy, 16.8 MB", "  unpacking 2 packages"]
    assert not re.search("://|secret|/opt", "\n".join(log))


def test_every_pin_is_exact_and_torch_comes_first():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.\-]+(\[\w+\])?==[\w.]+", pin) for pin in pins)
    assert pins[0].startswith("torch==")
    assert len({pin.split("==")[0].lower() for pin in pins}) == len(pins)


def test_the_continuous_check_is_the_newcomers_command():
    path = ROOT / ".ci" / "run"
    assert path.read_text().rstrip().splitlines()[-1] == "python3 scripts/test.py"
    assert sys.platform == "win32" or path.stat().st_mode & 0o111
