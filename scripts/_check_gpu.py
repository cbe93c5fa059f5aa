"""The checks behind check_gpu.py."""

from __future__ import annotations

import argparse
import importlib.util
import json
import platform
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from _synthetic import CLASSES, ENCODER_NETWORK, body_volume, head_pictures, head_volume, random_bundle, random_network
from CAMLocalizerLib.core import LabelMap, Volume
from CAMLocalizerLib.localizer import Localization, Localizer
from CAMLocalizerLib.metrics import dice
from CAMLocalizerLib.models import ModelBundle, load_model
from CAMLocalizerLib.views import normalise_slices, slice_stack

MODELS = Path(__file__).resolve().parents[1] / "Resources" / "models"
NO_CARD = 2
DICE_LIMIT, SECONDS_AIM = 0.999, 1.0
AT_ONCE = (1, 2, 4)
SPARE_BYTES = 48 * 2**20  # left of the card's memory when it is to run out
MB = 2**20


@dataclass(frozen=True)
class Sizes:
    """How much is computed.

    Args:
        slices: of the volume whose time is taken.
        side: voxels per row and column of it.
        pixels: per row and column of the network's input.
        few: slices of the volumes that the CPU computes too.
        batch: slices at once.
        rounds: runs of each measurement, of which the median counts.
        pictures: to train on.
    """

    slices: int = 256
    side: int = 256
    pixels: int = 224
    few: int = 64
    batch: int = 64
    rounds: int = 3
    pictures: int = 240


CPU_SIZES = Sizes(slices=8, side=64, pixels=64, few=4, batch=4, rounds=1, pictures=24)


@dataclass(frozen=True)
class Finding:
    """What one check came to.

    Args:
        check: what was checked.
        value: the figure; None where nothing was measured.
        unit: of the figure.
        met: whether the check passed; None for a figure without a limit.
        note: further words.
    """

    check: str
    value: float | None = None
    unit: str = ""
    met: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Setting:
    """What every check needs.

    Args:
        device: name of the device under test.
        sizes: how much is computed.
        folder: for files.
        bundle: a network on an encoder with random weights.
    """

    device: str
    sizes: Sizes
    folder: Path
    bundle: ModelBundle

    def localizer(self, model: ModelBundle | None = None, *, device: str | None = None, **options: Any) -> Localizer:
        """Make a localizer of a bundle, on the device under test unless another one is named."""
        options.setdefault("batch_size", self.sizes.batch)
        return Localizer(self.bundle if model is None else model, device=device or self.device, **options)

    @property
    def cuda(self) -> bool:
        """Whether the device under test is a CUDA card."""
        return self.device.startswith("cuda")


def machine(device: str) -> dict[str, str]:
    """Name the card, its driver and the versions that matter."""
    found = {
        "device": device,
        "card": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "torch": torch.__version__,
    }
    if device.startswith("cuda"):
        found["card"] = torch.cuda.get_device_name(device)
        found["memory"] = f"{torch.cuda.get_device_properties(device).total_memory / MB:.0f} MB"
        found["driver"] = _driver()
        found["cuda"] = str(torch.version.cuda)
        found["cudnn"] = str(torch.backends.cudnn.version())
        found["TensorFloat-32 in convolutions"] = str(torch.backends.cudnn.allow_tf32)
    return found


def _driver() -> str:
    command = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[0]
    except (OSError, subprocess.CalledProcessError, IndexError):
        return "unknown"


def check_agreement(setting: Setting) -> Iterator[Finding]:
    """Compare label maps with those of the CPU, for the bundled models and the network on an encoder."""
    head, body = head_volume(setting.sizes.few, setting.sizes.side), body_volume(setting.sizes.few, setting.sizes.side)
    models = [load_model(path.parent) for path in sorted(MODELS.glob("*/model.json"))]
    for model in (*models, setting.bundle):
        volume = body if model.card.projections else head
        expected = label_map(setting.localizer(model, device="cpu"), volume)
        name = f"{model.card.name}, label map against the CPU's"
        yield _agreement(name, label_map(setting.localizer(model), volume), expected, limit=DICE_LIMIT)
        if setting.cuda and torch.backends.cudnn.allow_tf32:
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                exact = label_map(setting.localizer(model), volume)
            yield _agreement(f"{name}, without TensorFloat-32", exact, expected)


def label_map(localizer: Localizer, volume: Volume) -> LabelMap:
    """Localise with the model's settings, without a limit of probability, so that there is always a label."""
    every = "0" if localizer.model.card.candidates else None
    return localizer.run(volume).label_map(threshold=every, probability_limit=0.0)


def _agreement(name: str, found: LabelMap, expected: LabelMap, *, limit: float | None = None) -> Finding:
    overlap = dice(expected.array_kji, found.array_kji)
    labelled = int((expected.array_kji > 0).sum())
    met = None if limit is None else overlap >= limit and labelled > 0
    return Finding(name, overlap, "Dice", met, f"{labelled} voxels labelled")


def check_speed(setting: Setting) -> Iterator[Finding]:
    """Time a volume from file to label map, stage by stage."""
    volume = head_volume(setting.sizes.slices, setting.sizes.side)
    localizer = setting.localizer()
    localizer.run(volume)  # loads the network and chooses kernels
    rounds = [_stages(setting, localizer, volume) for _ in range(setting.sizes.rounds)]
    total = statistics.median(sum(each.values()) for each in rounds)
    name = f"{setting.sizes.slices} slices, from file to label map"
    note = f"batches of {setting.sizes.batch}"
    if "reading" not in rounds[0]:
        note += "; without reading: SimpleITK is not installed"
    yield Finding(name, total, "s", total <= SECONDS_AIM if setting.cuda else None, note)
    for stage in rounds[0]:
        yield Finding(f"  {stage}", statistics.median(each[stage] for each in rounds), "s")


def _stages(setting: Setting, localizer: Localizer, volume: Volume) -> dict[str, float]:
    """Seconds of each stage; slices are prepared once more by themselves, as a run prepares them batch by batch."""
    seconds = {}
    if importlib.util.find_spec("SimpleITK"):
        from CAMLocalizerLib.io import read_volume, write_nifti

        file = setting.folder / "volume.nii"
        if not file.is_file():
            write_nifti(volume.array_kji, volume.grid, file)
        seconds["reading"], volume = timed(partial(read_volume, file))
    seconds["preparation"], _ = timed(partial(_prepare, setting, volume))
    run, found = timed(partial(localizer.run, volume))
    seconds["inference"] = max(0.0, run - seconds["preparation"])
    assert isinstance(found, Localization)
    seconds["back-projection and fusion"], _ = timed(partial(found.activation, probability_limit=0.0))
    seconds["label map"], _ = timed(partial(found.label_map, probability_limit=0.0))
    return seconds


def _prepare(setting: Setting, volume: Volume) -> None:
    card, step = setting.bundle.card, setting.sizes.batch
    stack = slice_stack(volume, "axial", spacing_mm=card.spacing_mm, size=card.size, centre=card.centre)
    for start in range(0, len(stack), step):
        normalise_slices(stack.batch(start, min(start + step, len(stack))), card.normalisation)


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a call takes, and what it gives; results on the CPU mean that a card has finished."""
    begin = time.perf_counter()
    result = call()
    return time.perf_counter() - begin, result


def check_bfloat16(setting: Setting) -> Iterator[Finding]:
    """Compare bfloat16 with float32 on the device: label map, and time of a run."""
    volume = head_volume(setting.sizes.slices, setting.sizes.side)
    localizers = {name: setting.localizer(precision=name) for name in ("float32", "bfloat16")}
    exact, half = (label_map(localizer, volume) for localizer in localizers.values())  # warms up too
    yield _agreement("bfloat16, label map against float32's", half, exact)
    ratios = []
    for _ in range(setting.sizes.rounds):
        seconds = {name: timed(partial(localizer.run, volume))[0] for name, localizer in localizers.items()}
        ratios.append(seconds["bfloat16"] / seconds["float32"])
    yield Finding("bfloat16, time of a run over float32's", statistics.median(ratios), "times")


def check_several_at_once(setting: Setting) -> Iterator[Finding]:
    """Let threads share one network: as many label maps as volumes, equal to those of one run at a time."""
    localizer = setting.localizer()
    volumes = [head_volume(setting.sizes.few, setting.sizes.side, seed=seed) for seed in range(max(AT_ONCE))]
    expected = [label_map(localizer, volume) for volume in volumes]
    single = 0.0
    for count in AT_ONCE:
        with ThreadPoolExecutor(count) as pool:
            seconds, found = timed(lambda pool=pool: list(pool.map(partial(label_map, localizer), volumes)))
        rate = len(volumes) / seconds
        single = single or rate
        worst = min(dice(one.array_kji, other.array_kji) for one, other in zip(expected, found, strict=True))
        note = f"{rate / single:.2f} times as many as one by one; least Dice {worst:.4f}"
        yield Finding(f"{count} at once, {setting.sizes.few} slices each", rate, "volumes/s", worst >= DICE_LIMIT, note)


def check_out_of_memory(setting: Setting) -> Iterator[Finding]:
    """Run out of memory: the run continues with smaller batches or on the CPU, with the same label map."""
    volume = head_volume(setting.sizes.few, setting.sizes.side)
    localizer = setting.localizer()
    expected = label_map(localizer, volume)
    with _scarce_memory(localizer):
        found = localizer.run(volume)
    finding = _agreement(
        "out of memory, label map against the usual one", found.label_map(probability_limit=0.0), expected
    )
    told = [note for note in found.notes if "ran out of memory" in note]
    met = bool(told) and (finding.value or 0.0) >= DICE_LIMIT
    yield Finding(finding.check, finding.value, finding.unit, met, told[-1] if told else "memory did not run out")


@contextmanager
def _scarce_memory(localizer: Localizer) -> Iterator[None]:
    """Leave little of the card's memory; without a card, let the first two batches fail as if there were none."""
    if localizer.device.type == "cuda":
        torch.cuda.empty_cache()
        total = torch.cuda.get_device_properties(localizer.device).total_memory
        share = (torch.cuda.memory_reserved(localizer.device) + SPARE_BYTES) / total
        torch.cuda.set_per_process_memory_fraction(share, localizer.device)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0, localizer.device)
        return
    failures = iter((True, True))

    def fail(_module: Any, _inputs: Any) -> None:
        if next(failures, False):
            raise torch.OutOfMemoryError("out of memory (simulated)")

    hook = localizer._network.encoder.register_forward_pre_hook(fail)
    try:
        yield
    finally:
        hook.remove()


def check_training(setting: Setting) -> Iterator[Finding]:
    """Train the stages of [localisation] for one epoch each, with mixed precision, on pictures made here."""
    name = "train with [localisation], one epoch, bf16-mixed"
    if missing := [each for each in ("lightning", "tensorboard") if importlib.util.find_spec(each) is None]:
        yield Finding(name, note=f"not run: {' and '.join(missing)} not installed")
        return
    seconds, network = timed(partial(_train, setting))
    finite = all(bool(values.isfinite().all()) for values in network.state_dict().values())
    yield Finding(
        name, seconds, "s", finite, f"{setting.sizes.pictures} pictures; weights {'' if finite else 'not '}finite"
    )


def _train(setting: Setting) -> torch.nn.Module:
    from CAMLocalizerLib.training.fit.options import FitOptions
    from CAMLocalizerLib.training.images import ImageSet
    from CAMLocalizerLib.training.localisation.options import LocalisationOptions
    from CAMLocalizerLib.training.localisation.stages import LocaliserFit

    count = setting.sizes.pictures
    images, labels = head_pictures(count, setting.sizes.pixels)
    names = np.array([f"picture{number}" for number in range(count)])
    pictures = ImageSet(images, labels, CLASSES[:2], names, np.ones(count, np.int64), names)
    options = FitOptions(
        epochs=1,
        batch_size=12,
        optimizer="adamw",
        augmentation="strong",
        precision="bf16-mixed",
        accelerator="gpu" if setting.cuda else "cpu",
    )
    stages = LocalisationOptions(rounds=1, contrast="bright", copies=1.0, evidence_epochs=1)
    network = random_network({**ENCODER_NETWORK, "attention": [-1.0, 1.0]}, classes=2)
    fit = LocaliserFit(network, pictures, None, (1,), options, stages, setting.folder / "training", lambda _line: None)
    return fit.run().network


CHECKS: dict[str, Callable[[Setting], Iterator[Finding]]] = {
    "agreement": check_agreement,
    "speed": check_speed,
    "bfloat16": check_bfloat16,
    "several": check_several_at_once,
    "memory": check_out_of_memory,
    "training": check_training,
}


def run_checks(device: str, sizes: Sizes, names: list[str]) -> Iterator[Finding]:
    """Run checks one after the other; one that raises an error has failed, and the next one gets its turn."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        spacing_mm = 240.0 / sizes.pixels
        bundle = random_bundle(folder / "encoder-network", ENCODER_NETWORK, size=sizes.pixels, spacing_mm=spacing_mm)
        setting = Setting(device, sizes, folder, bundle)
        for check in names:
            try:
                yield from CHECKS[check](setting)
            except Exception as error:
                yield Finding(check, met=False, note=f"{type(error).__name__}: {error}")


def line_of(finding: Finding) -> str:
    """Lay out one finding."""
    word = {True: "met", False: "MISSED", None: ""}[finding.met]
    value = "-" if finding.value is None else f"{finding.value:.4g}"
    return f"{word:7}{finding.check:62}{value:>9} {finding.unit:10} {finding.note}".rstrip()


def main(arguments: list[str]) -> int:
    """Check, print and write; the exit code is 1 when a check failed, 2 when there is no CUDA card."""
    parser = argparse.ArgumentParser(prog="check_gpu.py", description="Check CAMLocalizer on a CUDA card.")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N, or cpu for a small run of the same checks")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--only", nargs="+", choices=CHECKS, default=list(CHECKS), help="some checks instead of all")
    options = parser.parse_args(arguments)
    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print(f"PyTorch {torch.__version__} sees no CUDA card here; --device cpu runs small versions of the checks.")
        return NO_CARD
    sizes = Sizes() if options.device.startswith("cuda") else CPU_SIZES
    about = machine(options.device)
    print(*(f"{name}: {value}" for name, value in about.items()), "", sep="\n", flush=True)
    findings = []
    for finding in run_checks(options.device, sizes, options.only):
        findings.append(finding)
        print(line_of(finding), flush=True)
    if options.json:
        content = {"machine": about, "sizes": asdict(sizes), "findings": [asdict(finding) for finding in findings]}
        options.json.write_text(json.dumps(content, indent=2) + "\n")
    return int(any(finding.met is False for finding in findings))
