"""The Python environment that every script shares: made once in .venv, from the versions in requirements.lock."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterable
from pathlib import Path

from _sample import SHA256, copy_sample, sample_problem

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENT = ROOT / ".venv"
LOCK = ROOT / "requirements.lock"
OLDEST_PYTHON = (3, 11)
# Its source package builds only beside what the lock file brings, and takes a C compiler.
RADIOMICS = "pyradiomics==3.0.1"
# Without its requirements: those that we use are in the lock file, and ecos, which we do not, may take a C compiler.
SURVIVAL = "scikit-survival==0.28.0"


def environment_python(folder: Path = ENVIRONMENT) -> Path:
    """Return the environment's interpreter, on Windows too."""
    return folder / "Scripts" / "python.exe" if sys.platform == "win32" else folder / "bin" / "python"


def fingerprint(root: Path = ROOT) -> str:
    """Return a checksum of all that the environment depends on: pins, project, sample, place and interpreter."""
    parts = [(root / "requirements.lock").read_bytes(), (root / "pyproject.toml").read_bytes()]
    parts += [str(root).encode(), str(sys.version_info[:2]).encode(), *map(str.encode, SHA256.values())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def ensure_environment() -> Path:
    """Make the environment if it is missing or out of date, and return its interpreter.

    The stamp is written last, so an interrupted installation is taken up again by the next call.
    """
    if sys.version_info < OLDEST_PYTHON:
        sys.exit(f"Python 3.11 or later is needed, this is {sys.version.split()[0]}; run the script with a newer one.")
    python, stamp = environment_python(), ENVIRONMENT / "camlocalizer.stamp"
    if python.exists() and stamp.is_file() and stamp.read_text() == fingerprint():
        return python
    print(f"Making the Python environment in {ENVIRONMENT} (once; some minutes and gigabytes)", flush=True)
    stamp.unlink(missing_ok=True)
    _make(python)
    install = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--progress-bar=off"]
    beside = [*install, "--no-deps", "--no-build-isolation"]
    _pip([*install, "-r", str(LOCK)])
    _pip(
        [*beside, RADIOMICS], otherwise="pyradiomics could not be built (is there a C compiler?); continuing without it"
    )
    _pip([*beside, SURVIVAL], otherwise="scikit-survival could not be installed; continuing without it")
    _pip([*beside, "-e", str(ROOT)])
    if problem := ensure_sample(python):
        print(problem, flush=True)
    stamp.write_text(fingerprint())
    print("The environment is ready.", flush=True)
    return python


def ensure_sample(python: Path) -> str:
    """Fetch the sample unless the environment has it; return what is missing, in a sentence, or an empty string."""
    if not sample_problem(ENVIRONMENT):
        return ""
    print("  fetching the sample", flush=True)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        _unpack_source(python, RADIOMICS, Path(folder))
        copy_sample(Path(folder), ENVIRONMENT)
    return sample_problem(ENVIRONMENT)


def _unpack_source(python: Path, package: str, folder: Path) -> None:
    """Let pip unpack a source package somewhere below a folder.

    After unpacking, pip runs the package's own set-up code to read its metadata. That may fail, so the exit code means
    nothing here, and pip has to keep (``--no-clean``) what it unpacked into its temporary folder.
    """
    command = [str(python), "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    options = ["--no-clean", "--no-deps", "--no-build-isolation", "--no-binary=:all:", f"--dest={folder}", package]
    environment = {**os.environ, **dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))}
    subprocess.run([*command, *options], env=environment, capture_output=True)


def run(python: Path, *arguments: str) -> int:
    """Run the environment's Python in the project's root and return its exit code; Ctrl+C reaches the child."""
    child = subprocess.Popen([str(python), *arguments], cwd=ROOT)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:  # the child got it too and ends in its own time
            continue


def _make(python: Path) -> None:
    usable = python.exists() and subprocess.run([python, "-m", "pip", "--version"], capture_output=True).returncode == 0
    if usable and _version(python) == sys.version_info[:2]:
        return
    try:
        venv.EnvBuilder(clear=True, with_pip=True, symlinks=sys.platform != "win32").create(ENVIRONMENT)
    except (subprocess.CalledProcessError, OSError) as error:
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        sys.exit(f"{ENVIRONMENT} could not be made ({error}); on Debian and Ubuntu install python3-venv first.")


def _version(python: Path) -> tuple[int, ...]:
    command = [str(python), "-c", "import sys; print(*sys.version_info[:2])"]
    return tuple(map(int, subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()))


def _pip(command: list[str], otherwise: str = "") -> None:
    """Install; a failure ends the script, or is told in the words of ``otherwise``."""
    log: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        report(process.stdout, log, print_line=lambda line: print(line, flush=True))
    if process.returncode and otherwise:
        print(otherwise, flush=True)
    elif process.returncode:
        print("\n".join(log[-15:]), file=sys.stderr)
        sys.exit("The environment could not be installed; check the network and run the script again.")


def report(lines: Iterable[str], log: list[str], *, print_line: Callable[[str], None]) -> None:
    """Turn the installer's lines into short ones such as ``fetching numpy``; addresses are left out of all."""
    for line in lines:
        plain = re.sub(r"\S+://\S+", "...", line.rstrip())
        log.append(plain)
        if found := re.match(r"Collecting ([\w.-]+)", plain):
            print_line(f"  fetching {found[1]}")
        elif found := re.match(r"\s*Downloading (\S+?)-\d.* \((\d{2,}(?:\.\d+)? [MG]B)\)", plain):
            print_line(f"  downloading {found[1]}, {found[2]}")
        elif found := re.match(r"Installing collected packages: (.+)", plain):
            print_line(f"  unpacking {found[1].count(',') + 1} packages")
