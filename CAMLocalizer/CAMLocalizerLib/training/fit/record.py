"""The folder of a training run: its plan, its history and its best weights."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ...core import ModelError
from ...io.writing import output_errors, whole_file

PLAN_FILE = "plan.json"
DONE_FILE = "done.json"
METRICS_FILE = "metrics.csv"
BEST_FILE = "best.safetensors"
LAST_FILE = "last.ckpt"
MOST_CHANGES = 5
_WORDS = {
    "config": "another configuration",
    "options": "other options",
    "network": "another network",
    "data": "other images",
    "loss": "another loss",
}


@dataclass(frozen=True)
class FitResult:
    """What a training run came to.

    Args:
        history: a row per epoch: ``epoch`` from 1, ``learning_rate``, ``train_loss`` and ``train_accuracy``, and
            with a validation set its ``loss`` and ``accuracy`` (``dice`` in place of accuracy for a segmenter).
        best_epoch: the epoch whose weights were kept.
        folder: where everything lies.
    """

    history: tuple[Mapping[str, float], ...]
    best_epoch: int
    folder: Path


def network_fingerprint(network: nn.Module) -> dict[str, str]:
    """Identify a network by its class and the names and shapes of its tensors, whatever the weights."""
    tensors = [f"{name} {tuple(tensor.shape)}" for name, tensor in network.state_dict().items()]
    digest = hashlib.sha256("\n".join(tensors).encode()).hexdigest()
    return {"class": type(network).__name__, "tensors": digest}


def data_fingerprint(parts: Sequence[Tensor | None]) -> dict[str, Any]:
    """Identify data by shapes and content."""
    digest = hashlib.blake2b(digest_size=16)
    for tensor in parts:
        if tensor is not None:
            digest.update(str(tuple(tensor.shape)).encode())
            digest.update(tensor.contiguous().numpy().data)
    return {"images": [len(tensor) for tensor in parts[:1] if tensor is not None], "content": digest.hexdigest()}


def begin(folder: Path, plan: Mapping[str, Any]) -> None:
    """Note what is trained in ``folder``, or check that it is what was started there.

    Raises:
        ModelError: the folder belongs to a run with other options, data or network.
        OutputError: the folder cannot be written.
    """
    path = folder / PLAN_FILE
    with output_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        write_json(path, plan)
        return
    if differences := plan_differences(folder, read_json(path), plan):
        raise ModelError(differences[0])


def plan_differences(folder: Path, earlier: Mapping[str, Any], plan: Mapping[str, Any]) -> list[str]:
    """Return how the run that ``folder`` holds differs from the one requested now."""
    return [
        f"{folder} holds the training of {_WORDS.get(name, name)} ({_difference(earlier.get(name), plan[name])}); "
        "choose another folder or delete this one"
        for name in plan
        if earlier.get(name) != plan[name]
    ]


def _difference(earlier: Any, now: Any) -> str:
    changes = list(_changes("", earlier, now))
    return ", ".join(changes[:MOST_CHANGES]) + (", ..." if len(changes) > MOST_CHANGES else "")


def _changes(name: str, earlier: Any, now: Any) -> Iterator[str]:
    """Yield each value that differs, with its path through nested objects."""
    if not isinstance(earlier, dict) or not isinstance(now, dict):
        yield f"{name} {earlier}, now {now}".strip()
        return
    for key in sorted(earlier.keys() | now.keys()):
        if earlier.get(key) != now.get(key):
            yield from _changes(f"{name}.{key}" if name else key, earlier.get(key), now.get(key))


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a training folder.

    Raises:
        ModelError: the file is damaged.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}); delete the folder and train again") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} is not a JSON object; delete the folder and train again")
    return values


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a JSON object whole or not at all."""
    write_bytes(path, (json.dumps(values, indent=2) + "\n").encode())


def write_history(path: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write a row per epoch as CSV, whole or not at all."""
    lines = [",".join(history[0])] + [",".join(f"{value:.10g}" for value in row.values()) for row in history]
    write_bytes(path, ("\n".join(lines) + "\n").encode())


def write_weights(path: Path, network: nn.Module) -> None:
    """Write a network's weights as safetensors, whole or not at all."""
    from safetensors.torch import save

    tensors = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in network.state_dict().items()}
    write_bytes(path, save(tensors))


def load_weights(path: Path, network: nn.Module) -> None:
    """Load weights that :func:`write_weights` wrote.

    Raises:
        ModelError: the file is missing, damaged or of another network.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        network.load_state_dict(load(path.read_bytes()))
    except (OSError, SafetensorError, RuntimeError) as error:
        text = str(error).splitlines()[0]
        raise ModelError(f"{path} does not hold weights of this network ({text}); train again") from error


def read_result(folder: Path) -> FitResult | None:
    """Return what a finished run came to, None if it is not finished.

    Raises:
        ModelError: a damaged folder.
    """
    if not (folder / DONE_FILE).exists():
        return None
    done = read_json(folder / DONE_FILE)
    try:
        with (folder / METRICS_FILE).open(newline="", encoding="utf-8") as file:
            history = [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]
        return FitResult(tuple(history), int(done["best_epoch"]), folder)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{folder} is damaged ({error}); delete it and train again") from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with whole_file(path) as partial:
        partial.write_bytes(content)
