"""How fast a review responds: python3 scripts/benchmark.py --interactive [--json FILE]"""

from __future__ import annotations

import argparse
import importlib.util
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import _peers

sys.path.insert(0, str(_peers.ROOT / "CAMLocalizer"))

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from _sample import sample_image, sample_problem
from CAMLocalizerLib.core import ActivationMap, ActivationPyramid, Grid, Volume
from CAMLocalizerLib.localizer import LabelSettings, Localization
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.views import SliceStack
from CAMLocalizerLib.workbench import Review

ROOT = _peers.ROOT
SIZE_IJK = (256, 256, 160)
STRIDES = {1: 1, 2: 2, 3: 4, 4: 8}
CORES = (((0.42, 0.40, 0.45), 0.10, 1.0), ((0.60, 0.56, 0.62), 0.08, 0.8))  # centre (k, j, i), radius, height
LIMITS = {"threshold_ms": 33.0, "scale_ms": 50.0, "browser_ms": 200.0, "module_import_s": 1.0}
WORDS = {
    "threshold_ms": "threshold change, ms",
    "scale_ms": "scale or weight change, ms",
    "percentile_ms": "percentile change, ms",
    "browser_ms": "slider event to picture in the browser, ms",
    "module_import_s": "import of CAMLocalizer.py, s",
}
STAND_INS = ROOT / "Testing" / "Python" / "extension"
BROWSER = ROOT / "Testing" / "Browser" / "measure.py"
IMPORT_CODE = """
import sys, time, types
import pytest, slicer, vtk
sys.path.insert(0, {folder!r})
import stand_ins
slicer.app = types.SimpleNamespace()
with pytest.MonkeyPatch.context() as patch:
    stand_ins.register(patch)
    begin = time.perf_counter()
    stand_ins.import_module_file(patch)
    print(time.perf_counter() - begin)
"""


def example() -> Localization:
    """A volume of 256x256x160 with four scales of maps that show two noisy cores and faint specks, all of seed 0."""
    rng = np.random.default_rng(0)
    card = ModelCard.read(ROOT / "Resources" / "models" / "brain-t1ce" / "model.json")
    grid = Grid(SIZE_IJK, (0.9, 0.9, 1.0), (-115.0, -115.0, -80.0), np.eye(3))
    volume = Volume(rng.random(grid.shape_kji, dtype=np.float32), grid, name="two cores")
    stack = SliceStack(volume, "axial", spacing_mm=card.spacing_mm, size=card.size)
    maps = tuple(_noisy_cores(scale, stack, rng) for scale in STRIDES)
    tumour = np.clip(1.6 - 2 * np.abs(np.linspace(-1, 1, len(stack), dtype=np.float32)), 0, 1)
    probabilities = np.zeros((len(stack), len(card.classes)), dtype=np.float32)
    probabilities[:, 0], probabilities[:, 1] = 1 - tumour, tumour
    targets = np.ones(len(stack), dtype=np.int64)
    pyramid = ActivationPyramid(maps, probabilities, card.classes, targets, card.tumour_classes, "axial", grid)
    return Localization(volume=volume, pyramid=pyramid, card=card, view="axial")


def _noisy_cores(scale: int, stack: SliceStack, rng: np.random.Generator) -> ActivationMap:
    width, height = (pixels // STRIDES[scale] for pixels in stack.size)
    grid = stack.cell_grid((width, height), STRIDES[scale], (STRIDES[scale] - 1) / 2)
    kji = [axis / size for axis, size in zip(np.indices(grid.shape_kji, sparse=True), grid.shape_kji, strict=True)]
    array = np.zeros(grid.shape_kji)
    for centre, radius, peak in CORES:
        squares = sum((axis - place) ** 2 for axis, place in zip(kji, centre, strict=True))
        array += peak * np.exp(-squares / radius**2)
    array += 0.15 * rng.random(array.shape) * (array > 0.02) + 0.02 * rng.random(array.shape)
    return ActivationMap(scale, (0.01 * scale * array).astype(np.float32), grid)


def thresholds(found: Localization, count: int) -> Iterator[LabelSettings]:
    """A drag of the threshold's slider to and fro."""
    base = settings_of(found)
    return (base.changed(threshold=f"{0.5 + 0.25 * math.sin(n / 6 + 0.1):.3f}") for n in range(count))


def percentiles(found: Localization, count: int) -> Iterator[LabelSettings]:
    """The same for a threshold by percentile."""
    base = settings_of(found)
    return (base.changed(threshold=f"q{98 + 1.5 * math.sin(n / 6 + 0.1):.3f}") for n in range(count))


def scales(found: Localization, count: int) -> Iterator[LabelSettings]:
    """Scales in and out, and a weight that moves; all four are fused half of the time."""
    base, chosen = settings_of(found), cycle([(1, 2, 3, 4), (1, 2), (1, 2, 3, 4), (1, 3, 4)])
    for n, each in zip(range(count), chosen, strict=False):
        yield base.changed(scales=each, weights=tuple((scale, 1 + (n % 7) / scale) for scale in STRIDES))


def settings_of(found: Localization) -> LabelSettings:
    """All scales and a minimum volume; maps relative to the volume's own, of which several components remain."""
    return found.default_settings().changed(
        scales=tuple(STRIDES), normalisation="volume", min_volume_ml=0.2, min_share=0.0, refinement="none"
    )


def measure_review(
    found: Localization, changes: Callable[[Localization, int], Iterator[LabelSettings]], count: int
) -> dict[str, list[float]]:
    """Times of changes in a review with a rejected component, until mask and list are there; and the library's.

    Raises:
        AssertionError: a mask that differs from the library's label map.
    """
    review = Review(found, settings_of(found))
    review.reject_component(2)
    seconds, library = [], []
    for n, settings in enumerate(changes(found, count + 5)):
        begin = time.perf_counter()
        review.set_settings(settings, preview=True)
        mask, components = review.mask, review.components
        seconds.append(time.perf_counter() - begin)
        if n % 8 == 0:
            begin = time.perf_counter()
            expected = found.label_map(settings).array_kji
            library.append(time.perf_counter() - begin)
            rejected = [component.peak_kji for component in components if not component.kept]
            assert np.array_equal(mask, without(expected, rejected)), f"the label map differs at {settings}"
    return {"seconds": seconds[5:], "library": library}


def without(mask: NDArray[np.uint8], voxels: Sequence[tuple[int, int, int]]) -> NDArray[np.uint8]:
    """A label map without the components at some voxels, by labelling every voxel."""
    if not voxels:
        return mask
    labels, _ = ndimage.label(mask, structure=np.ones((3, 3, 3)))
    return np.where(np.isin(labels, [labels[voxel] for voxel in voxels]), 0, mask).astype(np.uint8)


def measure_import(rounds: int) -> tuple[list[float], str]:
    """Seconds to import the unchanged module, each time in a fresh process; or a sentence why not."""
    if importlib.util.find_spec("slicer") is None:
        return [], "module import not measured: the wheel slicer-core is not installed"
    code = IMPORT_CODE.format(folder=str(STAND_INS))
    return [float(_output(sys.executable, "-c", code).split()[-1]) for _ in range(rounds)], ""


def measure_browser(count: int) -> tuple[list[float], str]:
    """Milliseconds from a slider's event to the picture, on the sample at full size; or a sentence why not."""
    if trouble := _browser_trouble():
        return [], f"browser not measured: {trouble}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "volume.nii.gz"
        _write_large_sample(file)
        code = "import json, sys; sys.path.insert(0, sys.argv[1]); import measure; "
        code += "print(json.dumps(list(map(float, measure.slider_to_picture_ms(sys.argv[2], int(sys.argv[3]))))))"
        text = _output(sys.executable, "-c", code, str(BROWSER.parent), str(file), str(count))
    return json.loads(text.splitlines()[-1]), ""


def _browser_trouble() -> str:
    if not BROWSER.is_file():
        return f"{BROWSER.relative_to(ROOT)} is missing"
    if problem := sample_problem():
        return problem
    missing = [name for name in ("playwright", "trame_slicer") if importlib.util.find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} not installed"
    code = "import sys; sys.path.insert(0, sys.argv[1]); import browser_review; print(browser_review.chromium_path())"
    path = _output(sys.executable, "-c", code, str(BROWSER.parent)).strip()
    return "Chromium is not installed; python -m playwright install chromium brings it" if path == "None" else ""


def _write_large_sample(file: Path) -> None:
    """Write the sample with as many slices as the other measurements have."""
    import SimpleITK as sitk  # noqa: N813  the name everybody gives it

    image = sitk.ReadImage(str(sample_image()), sitk.sitkFloat32)
    extent = [n * mm for n, mm in zip(image.GetSize(), image.GetSpacing(), strict=True)]
    spacing = [mm / n for mm, n in zip(extent, SIZE_IJK, strict=True)]
    fine = sitk.Resample(
        image, SIZE_IJK, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing, image.GetDirection()
    )
    sitk.WriteImage(sitk.Cast(fine, sitk.sitkInt16), str(file))


def _output(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    if done.returncode:
        raise SystemExit(f"{done.stderr.strip()}\nThe measurement above failed.")
    return done.stdout


def summary(values: Sequence[float]) -> tuple[float | None, float | None]:
    """Median and 95th percentile; None for nothing."""
    return (statistics.median(values), float(np.percentile(values, 95))) if values else (None, None)


def figures(*, count: int, rounds: int) -> dict[str, Any]:
    """Measure everything."""
    found = example()
    result: dict[str, Any] = {}
    library: dict[str, float] = {}
    for key, changes in {"threshold_ms": thresholds, "scale_ms": scales, "percentile_ms": percentiles}.items():
        measured = measure_review(found, changes, count)
        result[key], result[f"p95_{key}"] = summary([1000 * each for each in measured["seconds"]])
        library[key] = 1000 * statistics.median(measured["library"])
    imports, import_note = measure_import(rounds)
    browser, browser_note = measure_browser(count)
    for key, values in {"module_import_s": imports, "browser_ms": browser}.items():
        result[key], result[f"p95_{key}"] = summary(values)
    return {
        **result,
        "library_ms": library,
        "library_over_review": {key: library[key] / result[key] for key in library},
        "limits": LIMITS,
        "settings": {"size_ijk": SIZE_IJK, "scales": len(STRIDES), "changes": count, "imports": len(imports)},
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "load": _load()},
        "versions": {"python": platform.python_version(), "numpy": np.__version__},
        "notes": [note for note in (import_note, browser_note) if note],
    }


def _load() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def table(found: dict[str, Any]) -> str:
    """Lay the figures side by side."""
    lines = [f"{'':44}{'median':>9}{'95 %':>9}{'limit':>9}{'library':>9}{'ratio':>8}"]
    for key, words in WORDS.items():
        values = [found[key], found[f"p95_{key}"], LIMITS.get(key), found["library_ms"].get(key)]
        ratio = found["library_over_review"].get(key)
        cells = "".join("        -" if value is None else f"{value:9.3g}" for value in values)
        lines.append(f"{words:44}{cells}{'-' if ratio is None else f'{ratio:.1f}':>8}")
    return "\n".join(lines)


def limit_lines(found: dict[str, Any], limits: dict[str, float] = LIMITS) -> list[str]:
    """Say of each limit whether it is met; nothing of what was not measured."""
    measured = {key: (found[key], limit) for key, limit in limits.items() if found[key] is not None}
    return [
        f"{'met   ' if value <= limit else 'MISSED'} {key} {value:.3g} (at most {limit:g})"
        for key, (value, limit) in measured.items()
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write; the exit code is 1 when a limit is missed."""
    parser = argparse.ArgumentParser(prog="benchmark.py --interactive", description=__doc__)
    parser.add_argument("--interactive", action="store_true", help="measure the review (this)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--changes", type=int, default=60, help="changes of each kind (60)")
    parser.add_argument("--quick", action="store_true", help="12 changes of each kind, one import")
    options = parser.parse_args(arguments)
    found = figures(count=12 if options.quick else options.changes, rounds=1 if options.quick else 5)
    print(f"Review of {'x'.join(map(str, SIZE_IJK))} voxels, {len(STRIDES)} scales, {os.cpu_count()} processors\n")
    print(table(found), "", *limit_lines(found), "", sep="\n")
    print("Changes: until mask and list are there, with a minimum volume and a rejected component, every eighth")
    print("compared voxel by voxel with the library's label map, whose time is that of the plain call. Import: in a")
    print("fresh process over stand-ins for what needs Qt. Browser: the sample with 160 slices.")
    print(*found["notes"], sep="\n")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(any(line.startswith("MISSED") for line in limit_lines(found)))


if __name__ == "__main__":
    sys.exit(main())
