"""Tests of the module in the desktop: Slicer --testing --python-script Testing/Slicer/run_tests.py

Prints a line for each test and ends Slicer with 0 if none failed, 1 otherwise. The module is that of this source
tree, unless Slicer has one already.
"""

from __future__ import annotations

import importlib
import traceback
import unittest
from pathlib import Path
from sys import path as search_path  # Slicer deletes the name sys when it loads a module
from typing import Any

import slicer

NAME = "CAMLocalizer"
HERE = Path(__file__).resolve().parent
MODULE_FILE = HERE.parents[1] / NAME / f"{NAME}.py"


class LinePerTest(unittest.TestResult):
    """Prints what became of each test as soon as it is known."""

    def addSuccess(self, test: unittest.TestCase) -> None:  # noqa: N802
        """Say that a test passed."""
        super().addSuccess(test)
        self._say("passed ", test)

    def addSkip(self, test: unittest.TestCase, reason: str) -> None:  # noqa: N802
        """Say why a test was not run."""
        super().addSkip(test, reason)
        self._say("skipped", test, reason)

    def addFailure(self, test: unittest.TestCase, error: Any) -> None:  # noqa: N802
        """Say what was otherwise than expected."""
        super().addFailure(test, error)
        self._say("FAILED ", test, "".join(traceback.format_exception(*error)))

    def addError(self, test: unittest.TestCase, error: Any) -> None:  # noqa: N802
        """Say what went wrong."""
        super().addError(test, error)
        self._say("ERROR  ", test, "".join(traceback.format_exception(*error)))

    def _say(self, outcome: str, test: unittest.TestCase, more: str = "") -> None:
        print(f"{outcome} {test.id().split('.')[-1]}" + (f": {more}" if more else ""), flush=True)


def load_module() -> Any:
    """Return the module file as Slicer imported it; load it from the source tree first where that has to be done."""
    if not hasattr(slicer.modules, NAME.lower()):
        import qt

        factory = slicer.app.moduleManager().factoryManager()
        factory.registerModule(qt.QFileInfo(str(MODULE_FILE)))
        factory.loadModules([NAME])
    return importlib.import_module(NAME)


def run() -> bool:
    """Run every test of the module; return whether none failed."""
    module = load_module()
    search_path.insert(0, str(HERE))
    cases = (
        module.CAMLocalizerTest,
        importlib.import_module("desktop_cases").DesktopCases,
        importlib.import_module("view_cases").ViewCases,
        importlib.import_module("flow_cases").FlowCases,
    )
    result = LinePerTest()
    for case in cases:
        unittest.defaultTestLoader.loadTestsFromTestCase(case).run(result)
    failed = len(result.failures) + len(result.errors)
    print(f"{result.testsRun - failed - len(result.skipped)} passed, {failed} failed, {len(result.skipped)} skipped")
    return result.testsRun > 0 and failed == 0


def main() -> None:
    """Run the tests and end Slicer."""
    passed = False
    try:
        passed = run()
    finally:
        slicer.util.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
