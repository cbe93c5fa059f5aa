"""Further measurements of benchmark.py: DC-FPN on an encoder, for a slice and a volume, and a cold start."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from _peers import ROOT
from _rounds import in_turns, ratios
from _sample import sample_image, sample_problem
from _synthetic import ENCODER_NETWORK, PLAIN_NETWORK, head_volume, random_bundle, random_network
from CAMLocalizerLib.cam import PyramidGradCAM
from CAMLocalizerLib.core import Volume
from CAMLocalizerLib.localizer import Localizer
from CAMLocalizerLib.models import ModelCard
from CAMLocalizerLib.networks import fold_batch_norm
from CAMLocalizerLib.views import normalise_slices, slice_stack

FORWARD, OURS, OURS_BFLOAT16, PLAIN = "forward pass", "ours", "ours, bfloat16", "DC-FPN of version 1, 128 pixels"
TORCH, LOCALIZE = "import torch", "camlocalizer localize, the sample"
FORWARD_LIMIT, PLAIN_LIMIT, START_LIMIT = 1.3, 1.0, 2.0
SIZE, PLAIN_SIZE, EXTENT_MM = 224, 128, 240.0
SLICES, BATCH = 256, 8
TARGET = 1
Timed = dict[str, Any]


def measure_slice(rounds: int) -> Timed:
    """Maps of four scales of one image, beside the network's own forward pass and the smaller network's maps."""
    encoder, plain = random_network(ENCODER_NETWORK), random_network(PLAIN_NETWORK)
    image, small = (torch.rand(1, 1, size, size) for size in (SIZE, PLAIN_SIZE))
    calls = {
        FORWARD: lambda: _forward(encoder, image),
        OURS: _maps(encoder, image),
        OURS_BFLOAT16: _maps(encoder, image, torch.bfloat16),
        PLAIN: _maps(plain, small),
    }
    in_turns(calls, 2)  # warms up
    return _found(in_turns(calls, rounds))


def _forward(network: torch.nn.Module, images: torch.Tensor) -> None:
    """The yardstick: the network as trained, float32, default memory format, no gradients."""
    with torch.inference_mode():
        for part in images.split(BATCH):
            network(part)


def _maps(network: torch.nn.Module, images: torch.Tensor, dtype: torch.dtype = torch.float32) -> Callable[[], Any]:
    cam = PyramidGradCAM(fold_batch_norm(network).to(dtype))
    return lambda: cam(images.contiguous(memory_format=torch.channels_last), TARGET)


def measure_volume(rounds: int, slices: int = SLICES) -> Timed:
    """A run of `Localizer` over a volume, slices cut and prepared, beside the forward pass of prepared slices."""
    volume = head_volume(slices, extent_mm=EXTENT_MM)
    with tempfile.TemporaryDirectory() as name:
        bundle = random_bundle(Path(name) / "encoder", ENCODER_NETWORK, size=SIZE, spacing_mm=EXTENT_MM / SIZE)
        small = random_bundle(Path(name) / "plain", PLAIN_NETWORK, size=PLAIN_SIZE, spacing_mm=EXTENT_MM / PLAIN_SIZE)
        exact, half, plain = (
            Localizer(model, device="cpu", batch_size=BATCH, precision=precision)
            for model, precision in ((bundle, "float32"), (bundle, "bfloat16"), (small, "float32"))
        )
        network, images = bundle.network(), _prepared(volume, bundle.card)
        for localizer in (exact, half, plain):
            localizer.run(head_volume(BATCH, extent_mm=EXTENT_MM))  # loads the network
    calls = {
        FORWARD: lambda: _forward(network, images),
        OURS: lambda: exact.run(volume),
        OURS_BFLOAT16: lambda: half.run(volume),
        PLAIN: lambda: plain.run(volume),
    }
    return {"slices": slices, **_found(in_turns(calls, rounds))}


def _prepared(volume: Volume, card: ModelCard) -> torch.Tensor:
    stack = slice_stack(volume, "axial", spacing_mm=card.spacing_mm, size=card.size, centre=card.centre)
    return torch.from_numpy(normalise_slices(stack.batch(0, len(stack)), card.normalisation))[:, None]


def measure_start(rounds: int) -> Timed:
    """`camlocalizer localize` of the sample and ``import torch``, each in a fresh process; empty without sample."""
    if sample_problem():
        return {}
    environment = os.environ | {"PYTHONPATH": str(ROOT / "CAMLocalizer")}

    def fresh(*arguments: str) -> None:
        subprocess.run([sys.executable, *arguments], env=environment, stdout=subprocess.DEVNULL, check=True)

    with tempfile.TemporaryDirectory() as folder:
        localize = ("-m", "CAMLocalizerLib", "localize", str(sample_image()), "--model", "brain-t1ce", "--overwrite")
        calls = {
            TORCH: lambda: fresh("-c", "import torch"),
            LOCALIZE: lambda: fresh(*localize, "--device", "cpu", "--output", folder),
        }
        in_turns(calls, 1)  # the files are read into memory
        return _found(in_turns(calls, rounds))


def _found(seconds: dict[str, list[float]]) -> Timed:
    return {
        "milliseconds": {name: 1000 * min(values) for name, values in seconds.items()},
        "over": {name: ratios(seconds, name) for name in seconds},
        "rounds": len(next(iter(seconds.values()))),
    }


def figures(options: argparse.Namespace) -> Timed:
    """Measure all three; a volume takes long, so it gets fewer rounds."""
    torch.set_num_threads(options.threads)
    return {
        "one slice": measure_slice(5 * options.rounds),
        "volume": measure_volume(max(1, options.rounds // 3)),
        "cold start": measure_start(options.rounds),
    }


def limit_lines(found: Timed) -> list[str]:
    """Say of each limit whether it is met."""
    lines = []
    for name in ("one slice", "volume"):
        over = found[name]["over"]
        lines.append(_limit_line(f"{name}: {OURS} / {FORWARD}", over[FORWARD][OURS], FORWARD_LIMIT))
        lines.append(_limit_line(f"{name}: {OURS} / {PLAIN}", over[PLAIN][OURS], PLAIN_LIMIT))
    if found["cold start"]:
        over = found["cold start"]["over"]
        lines.append(_limit_line(f"cold start: {LOCALIZE} / {TORCH}", over[TORCH][LOCALIZE], START_LIMIT))
    return lines


def _limit_line(name: str, value: float, limit: float) -> str:
    return f"{'met   ' if value <= limit else 'MISSED'} {name} {value:.2f} (at most {limit:g})"


def table(found: Timed) -> str:
    """Lay the times side by side."""
    lines = []
    for name, part in found.items():
        title = f"{name} ({part['slices']} slices)" if "slices" in part else name
        lines.append(f"{title:34}{'best ms':>9}" if part else f"{title}: not measured, {sample_problem()}")
        lines += [f"  {each:32}{milliseconds:9.1f}" for each, milliseconds in part.get("milliseconds", {}).items()]
    return "\n".join(lines)
