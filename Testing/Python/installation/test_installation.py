"""Tests of required packages, installed versions and the set-up report."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest

from CAMLocalizerLib import __version__
from CAMLocalizerLib.core import InputError
from CAMLocalizerLib.installation import (
    TORCH,
    PackageState,
    Requirement,
    missing_packages,
    package_states,
    requirements,
    setup_report,
)
from CAMLocalizerLib.installation.versions import version_fits

RANGES = [
    ("2.6.0+cu124", ">=2.4", True),
    ("2.3.1", ">=2.4", False),
    ("2.10", ">=2.4,<3", True),
    ("3.0", ">=2.4,<3", False),
    ("1.0.0", "==1", True),
    ("1.0.1", "!=1.0", True),
    ("1.4.9", "~=1.4.2", True),
    ("1.5", "~=1.4.2", False),
    ("1.4.7", "==1.4.*", True),
    ("1.5", "!=1.4.*", True),
    ("2", ">2.0", False),
    ("2.0", "<=2", True),
    ("0.1", "", True),
    ("3.1", ">=2.4,<3", False),
    ("2.6.0+cu124", ">=2.4,<3", True),
    ("2.4.post1", ">2.4", False),
    ("1!1.0", "<2", False),
]


@pytest.mark.parametrize(("version", "wanted", "fits"), RANGES)
def test_a_version_fits_its_range(version, wanted, fits) -> None:
    assert version_fits(version, wanted) is fits


@pytest.mark.parametrize("version", ["0.22rc1", "1.2.dev0"])
def test_a_pre_release_may_fit(version) -> None:
    assert version_fits(version, ">=0.20,<2")


@pytest.mark.parametrize("wanted", [">=1", "<1"])
def test_an_invalid_version_fits_no_range(wanted) -> None:
    assert not version_fits("unknown", wanted)


def test_torch_and_the_listed_packages_are_required() -> None:
    names = [requirement.name for requirement in requirements()]
    assert names[0] == TORCH.name == "torch"
    assert {"scikit-image", "safetensors", "matplotlib"} <= set(names)
    assert not {"numpy", "packaging", "scipy", "SimpleITK", "pydicom"} & set(names)


def test_a_list_of_requirements_is_read(tmp_path) -> None:
    file = tmp_path / "list.txt"
    file.write_text("# a comment\n\nscikit-image >= 0.22, <1  # why\ntqdm\n")
    assert requirements(file) == (TORCH, Requirement("scikit-image", ">=0.22,<1"), Requirement("tqdm"))
    assert str(requirements(file)[1]) == "scikit-image>=0.22,<1"


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt",
        "https://example.org/x.whl",
        "name>>1",
        "two names",
        "name @ https://example.org/x.whl",
        "name[extra]>=1",
        "name>=1; python_version<'3'",
        "name>=latest",
    ],
)
def test_an_invalid_requirement_is_refused(tmp_path, line) -> None:
    (tmp_path / "list.txt").write_text(line)
    with pytest.raises(InputError, match="is not a requirement"):
        requirements(tmp_path / "list.txt")


def test_a_missing_list_is_reported_without_its_folder(tmp_path) -> None:
    with pytest.raises(InputError, match=r"^list\.txt: the list of packages cannot be read"):
        requirements(tmp_path / "list.txt")


def test_installed_versions_are_found_and_checked() -> None:
    version = metadata.version("numpy")
    wanted = [Requirement("numpy", ">=1"), Requirement("NumPy", ">=99"), Requirement("no-such-package")]
    states = package_states(wanted)
    assert [(state.found, state.fits) for state in states] == [(version, True), (version, False), ("", False)]
    assert missing_packages(states) == (wanted[1], wanted[2])


def test_a_package_installed_while_running_is_found(tmp_path, monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    wanted = [Requirement("installed-meanwhile", ">=1")]
    assert missing_packages(package_states(wanted)) == tuple(wanted)
    folder = tmp_path / "installed_meanwhile-1.5.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: installed-meanwhile\nVersion: 1.5\n")
    assert package_states(wanted)[0].found == "1.5"
    assert missing_packages(package_states(wanted)) == ()


def test_the_report_has_versions_packages_devices_and_models() -> None:
    states = [
        PackageState(Requirement("torch", ">=2.4"), "2.6.0", True),
        PackageState(Requirement("tqdm", ">=4"), "", False),
        PackageState(Requirement("scikit-image", "<1"), "1.1", False),
    ]
    text = setup_report(["cpu: 6.0 of 8.0 GiB free"], states, models=["brain-t1ce"], slicer_version="5.12.0")
    lines = text.splitlines()
    assert lines[:2] == [f"CAMLocalizer: {__version__}", "Slicer: 5.12.0"]
    assert text.split("\n\n")[1:] == [
        "Packages:\n  torch 2.6.0\n  tqdm missing, wanted >=4 - to be installed\n"
        "  scikit-image 1.1, wanted <1 - to be installed",
        "Devices:\n  cpu: 6.0 of 8.0 GiB free",
        "Models:\n  brain-t1ce\n",
    ]


def test_the_report_contains_no_user_name_or_home_folder(monkeypatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/jane.doe"))
    problem = "the process crashed; the log is in /home/jane.doe/tmp/x.log"
    text = setup_report([], [], models=["/home/jane.doe/models/own"], problem=problem)
    assert "jane" not in text
    assert "~/tmp/x.log" in text
    assert "Models:\n  own" in text
    assert "Devices:\n  none" in text


def test_a_home_at_the_root_changes_nothing(monkeypatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/"))
    assert "at /tmp/x" in setup_report([], [], problem="at /tmp/x")
