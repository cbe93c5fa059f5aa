"""How fast a worklist of 10,000 cases is: python3 scripts/benchmark.py --worklist [--json FILE]"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _peers

sys.path.insert(0, str(_peers.ROOT / "CAMLocalizer"))

import numpy as np

from _interactive import limit_lines, summary
from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.worklist import Finding, FolderSource, ListedCase, WorklistStore

ROOT = _peers.ROOT
BROWSER = ROOT / "Testing" / "Browser" / "measure_worklist.py"
CASES = 10_000
LARGE = 16  # cases that are opened; they come first
SIZE_IJK = (256, 256, 25)
LIMITS = {"store_ms": 2000.0, "open_ms": 2000.0, "next_ms": 300.0}
WORDS = {
    "search_ms": "search of the folder, in the background, ms",
    "store_ms": "worklist file to first cases, ms",
    "answer_ms": "answer on the disk and new order, ms",
    "open_ms": "page to list of cases, ms",
    "scroll_ms": "scroll to cases of any place, ms",
    "next_ms": "next case to picture, ms",
    "complete_ms": "next case to last picture, ms",
    "slider_ms": "for comparison: threshold slider to picture, ms",
}


def make_scans(folder: Path) -> None:
    """Write a few scans of usual size, and link one tiny scan under all other names."""
    rng = np.random.default_rng(0)
    tiny = Grid((8, 8, 8), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    grid = Grid(SIZE_IJK, (0.8, 0.8, 6.5), (-100.0, -100.0, -80.0), np.eye(3))
    names = [f"scan-{number:05}.nii" for number in range(CASES)]
    for name in names[:LARGE]:
        write_nifti(rng.normal(100, 20, grid.shape_kji).astype(np.float32), grid, folder / name)
    write_nifti(rng.random(tiny.shape_kji, dtype=np.float32), tiny, folder / names[LARGE])
    for name in names[LARGE + 1 :]:
        (folder / name).hardlink_to(folder / names[LARGE])


def fill(folder: Path) -> dict[str, list[float]]:
    """Fill the worklist of the scans as a model would; return how long searching, opening and answering takes."""
    begin = time.perf_counter()
    listed = FolderSource(folder).list_cases({}, "")
    search = time.perf_counter() - begin
    rng = np.random.default_rng(1)
    probabilities = [0.5] * LARGE + rng.random(CASES - LARGE).tolist()
    store = WorklistStore(folder / "worklist", "measure")
    store.list_anew([_found(case, value) for case, value in zip(listed, probabilities, strict=True)])
    store.set_fact("root", "..")
    store.close()
    found: dict[str, list[float]] = {"search_ms": [1000 * search], "store_ms": [], "answer_ms": []}
    for number in range(10):
        begin = time.perf_counter()
        store = WorklistStore(folder / "worklist", "other")
        store.cases(0, 60), store.counts(), store.next_unanswered()
        found["store_ms"].append(1000 * (time.perf_counter() - begin))
        begin = time.perf_counter()
        store.set_answer(CASES - number, store.case(1).answer.with_tumour(True))
        store.cases(0, 60), store.counts(), store.next_unanswered(CASES - number)
        found["answer_ms"].append(1000 * (time.perf_counter() - begin))
        store.close()
    return found


def _found(case: ListedCase, probability: float) -> ListedCase:
    tumour = probability >= 0.5
    finding = Finding(tumour, probability, 0.5, 4.0 * tumour, "tumour" * tumour, "prepared 0", "00" * 32)
    return ListedCase(case.key, case.name, case.file, case.series, case.patient, finding)


def figures(count: int) -> dict[str, Any]:
    """Measure everything."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_scans(folder)
        measured = fill(folder)
        measured |= _in_browser(folder, count)
    result: dict[str, Any] = {}
    for key in WORDS:
        result[key], result[f"p95_{key}"] = summary(measured[key])
    return {
        **result,
        "limits": LIMITS,
        "settings": {"cases": CASES, "size_ijk": SIZE_IJK, "changes": count},
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "load": os.getloadavg()[0]},
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
    }


def _in_browser(folder: Path, count: int) -> dict[str, list[float]]:
    code = "import json, sys; sys.path.insert(0, sys.argv[1]); import measure, measure_worklist; "
    code += "found = measure_worklist.worklist_times(sys.argv[2], int(sys.argv[3])); "
    code += "found['slider_ms'] = measure.slider_to_picture_ms(sys.argv[4], int(sys.argv[3])); print(json.dumps(found))"
    scan = folder / f"scan-{0:05}.nii"
    command = [sys.executable, "-c", code, str(BROWSER.parent), str(folder), str(count), str(scan)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{done.stderr.strip()}\nThe measurement above failed.")
    times: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return times


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; the exit code is 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog="benchmark.py --worklist", description=__doc__)
    parser.add_argument("--worklist", action="store_true", help="measure a worklist (this)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--changes", type=int, default=10, help=f"cases that are opened, at most {LARGE - 4} (10)")
    options = parser.parse_args(arguments)
    found = figures(min(options.changes, LARGE - 4))
    print(f"Worklist of {CASES} cases, {os.cpu_count()} processors\n\n{'':48}{'median':>9}{'95 %':>9}{'limit':>9}")
    for key, words in WORDS.items():
        cells = [found[key], found[f"p95_{key}"], LIMITS.get(key)]
        print(f"{words:48}" + "".join("        -" if value is None else f"{value:9.3g}" for value in cells))
    lines = limit_lines(found, LIMITS)
    print("", *lines, sep="\n")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(any(line.startswith("MISSED") for line in lines))


if __name__ == "__main__":
    sys.exit(main())
