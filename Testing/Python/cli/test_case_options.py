"""What the arguments of localize and batch ask of the library."""

from __future__ import annotations

from dataclasses import fields

import pytest

from CAMLocalizerLib.cli.arguments import build_parser
from CAMLocalizerLib.cli.case_options import in_words, label_settings, run_options
from CAMLocalizerLib.core import InputError, OptionError
from CAMLocalizerLib.localizer import LabelSettings, RunOptions

PYTHON_ONLY = {"normalisation", "min_share", "min_extent_mm"}
NAMES = sorted({entry.name for record in (LabelSettings, RunOptions) for entry in fields(record)} - PYTHON_ONLY)


def parsed(*arguments):
    return build_parser().parse_args(["localize", "scan.nii", "--output", "out", *arguments])


def test_what_is_not_given_is_left_to_the_model():
    assert label_settings(parsed()) == LabelSettings()
    assert run_options(parsed()) == RunOptions()


def test_every_argument_reaches_its_record():
    settings = label_settings(
        parsed("--threshold", "q95", "--scales", "4,1", "--scale-weights", "2,1", "--border", "41%")
    )
    assert settings == LabelSettings(threshold="q95", scales=(1, 4), weights={1: 1.0, 4: 2.0}, uptake_border="41%")
    assert label_settings(parsed("--scales", "all", "--refine", "none")) == LabelSettings(
        scales="all", refinement="none"
    )
    options = run_options(
        parsed("--model", "m", "--view", "axial", "--map", "sam", "--export", "stl,html", "--unit", "HU")
    )
    assert options == RunOptions(model="m", view="axial", map="sam", exports=("stl", "html"), unit="HU")


@pytest.mark.parametrize("name", NAMES)
def test_an_error_calls_an_option_as_the_command_line_does(name, capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["localize", "--help"])
    flag, problem = in_words(OptionError(name, "is odd")).split(" ", 1)
    assert f"  {flag} " in capsys.readouterr().out
    assert problem == "is odd"


def test_other_errors_keep_their_words():
    assert in_words(InputError("scan.nii: is empty")) == "scan.nii: is empty"
