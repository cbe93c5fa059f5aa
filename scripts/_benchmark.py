"""The measurements behind benchmark.py."""

from __future__ import annotations

import argparse
import copy
import gc
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _peers

sys.path.insert(0, str(_peers.ROOT / "CAMLocalizer"))

import numpy as np
import torch

import _benchmark_localize
from _rounds import in_turns, ratio
from _sample import sample_image, sample_problem
from CAMLocalizerLib.cam import PyramidGradCAM
from CAMLocalizerLib.networks import DCFPN, fold_batch_norm

FORWARD, OURS, OURS_BFLOAT16 = "forward pass", "ours", "ours, bfloat16"
TARGET = 0
PYRAMID_LIMIT, PEER_LIMIT = 1.5, 1.1
PARTS = ("pyramid", "localize")
Factory = Callable[[DCFPN, torch.Tensor], Callable[[], Any]]


def forward_pass(model: DCFPN, images: torch.Tensor) -> Callable[[], Any]:
    """The yardstick: the network as trained, float32, default memory format, no gradients."""

    def run() -> list[Any]:
        with torch.inference_mode():
            model(images)
        return []

    return run


def ours(model: DCFPN, images: torch.Tensor) -> Callable[[], Any]:
    """Pyramid maps of the folded network, float32."""
    cam = PyramidGradCAM(fold_batch_norm(model))
    return lambda: list(cam(images, TARGET).maps.values())


def ours_bfloat16(model: DCFPN, images: torch.Tensor) -> Callable[[], Any]:
    """Pyramid maps of the folded network, bfloat16."""
    cam = PyramidGradCAM(fold_batch_norm(model).to(torch.bfloat16))
    return lambda: list(cam(images, TARGET).maps.values())


def _peer(make: Callable[..., Callable[[], Any]]) -> Factory:
    return lambda model, images: make(model, images, list(model.cam_layers.values()), TARGET)


def contenders(*, peers: bool) -> dict[str, Factory]:
    """Name of each contender and what prepares it."""
    own: dict[str, Factory] = {FORWARD: forward_pass, OURS: ours, OURS_BFLOAT16: ours_bfloat16}
    others = {name: _peer(make) for variants in _peers.PEERS.values() for name, make in variants.items()}
    return {**own, **(others if peers else {})}


def setting(options: argparse.Namespace) -> tuple[DCFPN, torch.Tensor]:
    """The default network with random normalisation statistics and a batch of noise, all of seed 0."""
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    model = DCFPN()
    for norm in (module for module in model.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.normal_(norm.running_mean, 0.0, 0.1)
        torch.nn.init.uniform_(norm.running_var, 0.5, 1.5)
    return model.eval(), torch.randn(options.batch, 1, options.size, options.size)


def measure_times(options: argparse.Namespace, factories: dict[str, Factory]) -> tuple[dict[str, list[float]], Any]:
    """Seconds of each contender, one run of each per round so that a busy machine slows all alike; and their maps."""
    model, images = setting(options)
    calls = {name: make(copy.deepcopy(model), images.clone()) for name, make in factories.items()}
    maps = {name: [np.asarray(each, np.float32) for each in call()] for name, call in calls.items()}  # warms up too
    return in_turns(calls, options.rounds), maps


def difference(maps: list[Any], expected: list[Any]) -> float:
    """Largest difference over scales after each image's map is brought to 0..1, as some peers give no other."""
    pairs = zip(map(_normalised, maps), map(_normalised, expected), strict=True)
    return max(float(np.abs(one - other).max()) for one, other in pairs)


def _normalised(maps: Any) -> Any:
    low, high = maps.min((1, 2), keepdims=True), maps.max((1, 2), keepdims=True)
    return (maps - low) / np.maximum(high - low, 1e-30)


def resident_mb(*, peak: bool) -> float:
    """Memory of this process in MB: its highest so far, or (on Linux) now."""
    status = Path("/proc/self/status")
    if status.is_file():
        key = "VmHWM:" if peak else "VmRSS:"
        line = next(text for text in status.read_text().splitlines() if text.startswith(key))
        return int(line.split()[1]) / 1024
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest / (1024**2 if sys.platform == "darwin" else 1024)


def memory_of(options: argparse.Namespace) -> float:
    """Peak memory of one contender in this process, above what network, images and imports take."""
    model, images = setting(options)
    call = contenders(peers=True)[options.memory_of](model, images)
    gc.collect()
    reset = Path("/proc/self/clear_refs")
    if reset.exists():
        reset.write_text("5")  # Linux: the high-water mark starts again from here
    before = resident_mb(peak=False)
    for _ in range(2):
        call()
    return resident_mb(peak=True) - before


def measure_memory(options: argparse.Namespace, names: list[str]) -> dict[str, float]:
    """Run each contender alone in a child process and return its peak memory in MB."""
    if sys.platform == "win32":
        return {}
    arguments = [f"--batch={options.batch}", f"--size={options.size}", f"--threads={options.threads}"]
    found = {}
    for name in names:
        command = [sys.executable, __file__, *arguments, "--memory-of", name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found[name] = float(done.stdout.split()[-1])
    return found


def label_map_effect() -> dict[str, float]:
    """What bfloat16 does to the sample's label map with the bundled model; empty where one of the two is missing."""
    if sample_problem() or not (_peers.ROOT / "Resources" / "models" / "brain-t1ce" / "model.json").is_file():
        return {}
    from CAMLocalizerLib import Localizer, read_volume

    volume = read_volume(sample_image())
    runs = {name: Localizer("brain-t1ce", precision=name).run(volume) for name in ("float32", "bfloat16")}
    exact, half = (np.asarray(run.label_map().array_kji) > 0 for run in runs.values())
    joint = int(exact.sum() + half.sum())
    return {
        "dice": 2.0 * int((exact & half).sum()) / joint if joint else 1.0,
        "volume_ratio": int(half.sum()) / max(int(exact.sum()), 1),
        "max_probability_difference": float(
            np.abs(runs["float32"].pyramid.probabilities - runs["bfloat16"].pyramid.probabilities).max()
        ),
    }


def figures(options: argparse.Namespace, *, peers: bool) -> dict[str, Any]:
    """Measure everything."""
    factories = contenders(peers=peers)
    seconds, maps = measure_times(options, factories)
    memory = measure_memory(options, list(factories))
    against = {name: ratio(seconds, name, OURS) for name in factories}
    return {
        "settings": {
            "batch": options.batch,
            "size": options.size,
            "threads": options.threads,
            "rounds": options.rounds,
        },
        "versions": {"python": sys.version.split()[0], "torch": torch.__version__, "peers": list(_peers.PINS)},
        "milliseconds": {name: 1000 * min(values) for name, values in seconds.items()},
        "over_forward": {name: ratio(seconds, name, FORWARD) for name in factories},
        "over_ours": against,
        "pyramid_vs_forward": ratio(seconds, OURS, FORWARD),
        "peers": {peer: min(against[name] for name in names) for peer, names in _peers.PEERS.items()} if peers else {},
        "memory_mb": memory,
        "map_difference": {name: difference(maps[name], maps[OURS]) for name in factories if maps[name]},
        "bfloat16_map_difference": difference(maps[OURS_BFLOAT16], maps[OURS]),
        "bfloat16_label_map": label_map_effect(),
    }


def table(found: dict[str, Any]) -> str:
    """Lay the figures side by side."""
    lines = [f"{'':34}{'best ms':>9}{'/ forward':>11}{'/ ours':>8}{'peak MB':>9}{'map differs':>13}"]
    for name, milliseconds in found["milliseconds"].items():
        memory, differs = found["memory_mb"].get(name), found["map_difference"].get(name)
        lines.append(
            f"{name:34}{milliseconds:9.1f}{found['over_forward'][name]:11.2f}{found['over_ours'][name]:8.2f}"
            f"{'-' if memory is None else f'{memory:.0f}':>9}{'-' if differs is None else f'{differs:.1e}':>13}"
        )
    return "\n".join(lines)


def limit_lines(found: dict[str, Any]) -> list[str]:
    """Say of each limit whether it is met."""
    lines = [
        _limit_line("pyramid_vs_forward", found["pyramid_vs_forward"], found["pyramid_vs_forward"] <= PYRAMID_LIMIT)
    ]
    lines += [_limit_line(f"peers: {name}", value, value > PEER_LIMIT) for name, value in found["peers"].items()]
    memory = found["memory_mb"]
    others = [value for name, value in memory.items() if name not in (FORWARD, OURS, OURS_BFLOAT16)]
    if others:
        lines.append(
            _limit_line("least memory of a peer over ours", min(others) / memory[OURS], memory[OURS] < min(others))
        )
    return lines


def _limit_line(name: str, value: float, met: bool) -> str:
    return f"{'met   ' if met else 'MISSED'} {name} {value:.2f}"


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmark.py", description=__doc__)
    parser.add_argument("--interactive", action="store_true", help="measure instead how fast a review responds")
    parser.add_argument("--worklist", action="store_true", help="measure instead how fast a worklist responds")
    parser.add_argument("--archive", action="store_true", help="measure instead an Orthanc server against files")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to FILE")
    parser.add_argument("--batch", type=int, default=8, help="images per batch (8)")
    parser.add_argument("--size", type=int, default=224, help="pixels per side, a multiple of 8 (224)")
    parser.add_argument("--threads", type=int, default=1, help="processor threads (1)")
    parser.add_argument("--rounds", type=int, default=7, help="rounds of one run of each (7)")
    parser.add_argument("--quick", action="store_true", help="two rounds")
    parser.add_argument("--only", choices=PARTS, help="the maps beside other libraries', or our own runs")
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    options.rounds = 2 if options.quick else options.rounds
    return options


def main() -> int:
    """Measure, print and write; the exit code is 1 when a limit is missed."""
    options = parse(sys.argv[1:])
    warnings.filterwarnings("ignore")
    if options.memory_of:
        _peers.make_importable()
        print(memory_of(options))
        return 0
    found: dict[str, Any] = {}
    lines: list[str] = []
    if options.only != "localize":
        found = _pyramid(options)
        lines += limit_lines(found)
    if options.only != "pyramid":
        found["localize"] = _benchmark_localize.figures(options)
        lines += _benchmark_localize.limit_lines(found["localize"])
        print("\nDC-FPN on EfficientNet-Lite0 with random weights, 224 pixels, one slice and a volume\n")
        print(_benchmark_localize.table(found["localize"]))
    print("", *lines, sep="\n")
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    return int(any(line.startswith("MISSED") for line in lines))


def _pyramid(options: argparse.Namespace) -> dict[str, Any]:
    """Measure and print the maps beside other libraries'."""
    trouble = _peers.install()
    notes = [trouble] if trouble else [note for note in [_peers.make_importable()] if note]
    found = figures(options, peers=trouble is None)
    print(
        f"Pyramid maps of four scales, batch of {options.batch}, {options.size} pixels, {options.threads} thread(s)\n"
    )
    print(table(found), "", sep="\n")
    print("Times: best of the rounds; ratios: median over rounds. Memory: peak above network, images and imports, each")
    print("alone in a process. Maps: largest difference from ours after each is brought to 0..1. Peers get raw maps at")
    print("the layers' own size and one class for all images; the fastest variant of a peer counts.")
    print(f"bfloat16 and the sample's label map: {found['bfloat16_label_map'] or 'sample or model is missing'}")
    print(*notes, sep="\n")
    return {**found, "notes": notes}


if __name__ == "__main__":
    sys.exit(main())
