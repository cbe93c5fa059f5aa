"""README, documentation and the files of a published project agree with each other and with the repository."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from CAMLocalizerLib import __version__

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "scripts"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PUBLIC = r"https://(?:github\.com/CAMLocalizer/SlicerCAMLocalizer/blob|raw\.githubusercontent\.com/CAMLocalizer/SlicerCAMLocalizer)/main/"
SITE_PAGES = {"changelog.md", "contributing.md", "security.md"}
# Packages of the user interfaces and of the installation, which nobody imports.
WITHOUT_REFERENCE = {"cli", "installation", "mrml", "panel", "review"}
CONTRIBUTORS = "CAMLocalizer contributors"


def load(name: str) -> ModuleType:
    """Import a script by name."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def texts() -> list[Path]:
    """Return every page for readers."""
    folders = (ROOT.glob("*.md"), (ROOT / "docs").rglob("*.md"), (ROOT / "Resources").rglob("*.md"))
    return [path for folder in folders for path in folder]


def test_the_version_is_the_same_everywhere() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    cited = re.search(r"^version: (\S+)", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert cited is not None
    assert newest[1] in (__version__, "Unreleased")
    assert cited[1] == __version__


def test_the_readme_is_short_and_shows_its_pictures_anywhere() -> None:
    assert len(README.splitlines()) <= 120
    targets = re.findall(r"\]\(([^)]+)\)", README)
    assert targets
    assert all(target.startswith("https://") for target in targets)


def test_the_readme_names_the_commands_that_set_everything_up() -> None:
    assert "\n```\npython3 scripts/review.py\n```\n" in README
    assert "\n```\npython3 scripts/test.py\n```\n" in README


def test_public_addresses_lead_to_files_of_the_repository() -> None:
    for path in texts():
        for target in re.findall(PUBLIC + r"([\w./-]+)", path.read_text(encoding="utf-8")):
            assert (ROOT / target).is_file(), f"{path.name} gives the address of {target}, which does not exist"


@pytest.mark.parametrize("path", texts(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_commands_run_in_an_activated_environment(path: Path) -> None:
    assert ".venv/bin/" not in path.read_text(encoding="utf-8").replace("source .venv/bin/activate", "")


def test_commands_of_the_documentation_name_scripts_that_exist() -> None:
    named = {name for path in texts() for name in re.findall(r"scripts/(\w+\.py)", path.read_text(encoding="utf-8"))}
    assert {name for name in named if not (SCRIPTS / name).is_file()} == set()


def test_nobody_is_named_who_has_not_signed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["authors"] == [{"name": CONTRIBUTORS}]
    authors = re.search(r"^authors:\n((?:  .*\n)+)", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.MULTILINE)
    assert authors is not None
    assert authors[1] == f"  - name: {CONTRIBUTORS}\n"


def test_every_package_for_users_has_a_page_of_reference() -> None:
    packages = {path.parent.name for path in (ROOT / "CAMLocalizer" / "CAMLocalizerLib").glob("*/__init__.py")}
    pages = {path.stem for path in (ROOT / "docs" / "reference").glob("*.md")} - {"index"}
    assert pages == packages - WITHOUT_REFERENCE, "add docs/reference/PACKAGE.md, and its line to mkdocs.yml"
    table = (ROOT / "docs" / "reference" / "index.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| \[`(\w+)`\]", table, re.MULTILINE)) == pages


def test_every_extra_is_described() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    page = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == set(extras)


def test_every_command_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    from CAMLocalizerLib.cli import main

    with pytest.raises(SystemExit):
        main(["--help"])
    listed = re.findall(r"^    ([a-z][\w-]*)\b", capsys.readouterr().out, re.MULTILINE)
    page = (ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `camlocalizer ([\w-]+)` \|", page, re.MULTILINE)) == set(listed)


@pytest.mark.parametrize(
    ("subject", "problem"),
    [
        ("Fix SUV for shifted injection dates", ""),
        ("fix SUV", "expected a capital letter"),
        ("Fix SUV.", "full stop"),
        ("F" * 73, "has 73 characters, expected at most 72"),
        ("", "expected a capital letter"),
    ],
)
def test_the_subject_of_a_commit_is_checked(subject: str, problem: str) -> None:
    found = load("commit_subject").problem(subject)
    assert problem in found
    assert bool(found) == bool(problem)


def test_public_addresses_become_links_within_the_site() -> None:
    pytest.importorskip("mkdocs")
    site = load("_documentation")
    picture = f"{site.RAW}{site.SCREENSHOTS}/pet.png"
    text = f"[a]({site.REPOSITORY}docs/training.md#x) [b]({site.REPOSITORY}LICENSE) ![c]({picture})"
    linked = site.link_within_site(text, "concepts/maps.md")
    assert linked == f"[a](../training.md#x) [b]({site.REPOSITORY}LICENSE) ![c](../screenshots/pet.png)"
    assert set(site.places()) >= {*SITE_PAGES, "models/brain-t1ce.md", "models/pet-fdg.md"}
    assert all((ROOT / source).is_file() for source in site.places().values())


def test_roles_and_formulas_of_docstrings_become_code_and_mathml() -> None:
    pytest.importorskip("griffe")
    pytest.importorskip("latex2mathml")
    docstring = "See :func:`fuse`.\n\n.. math:: a = \\frac{1}{2}, \\quad\n          b = 2\n\nEnd."
    shown = load("_docstrings").for_browser(docstring)
    assert shown.startswith("See `fuse`.\n\n<math")
    assert "<mfrac>" in shown
    assert shown.endswith("</math>\n\nEnd.")


def test_the_lint_step_builds_the_documentation() -> None:
    assert '("-m", "mkdocs", "--quiet", "build", "--strict")' in (SCRIPTS / "lint.py").read_text(encoding="utf-8")
