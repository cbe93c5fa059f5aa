"""Damages inputs at random, seeded, and sees that each is read or refused in one sentence.

A process of its own reads the inputs, so that a crash of an image library is counted and does not end the run. The same
seed and number give the same input again: ``--only NUMBER`` reads that one and lets its traceback through.
"""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from _fuzz_inputs import damage, make_samples
from CAMLocalizerLib.core import CAMLocalizerError

MEMORY_BYTES = 6 << 30
PATIENCE_S = 60.0
SENTENCE = 1500  # characters; a list of series is longer than a sentence


def read(name: str, path: Path) -> None:
    """Read an input as the product does."""
    from CAMLocalizerLib.io import examine, read_dicom_seg_fractional, read_dicom_source, read_label_map, read_volume
    from CAMLocalizerLib.models import load_model

    if name == "bundle":
        load_model(path).network()
    elif name == "fractional.dcm":
        read_dicom_seg_fractional(path)
    elif name in ("seg.dcm", "labelmap.dcm", "a.seg.nrrd"):
        read_label_map(path)
    else:
        examine(path)
        read_dicom_source(path)
        read_volume(path)


def attempt(number: int, seed: int, samples: dict[str, Path], folder: Path) -> tuple[str, str]:
    """Make input ``number``, read it, and return its kind and what became of it."""
    rng = np.random.default_rng([seed, number])
    name = str(rng.choice(sorted(samples)))
    target = folder / "input" / samples[name].name
    shutil.rmtree(folder / "input", ignore_errors=True)
    target.parent.mkdir()
    if samples[name].is_dir():
        shutil.copytree(samples[name], target)
    else:
        stem = samples[name].name.split(".")[0]
        for part in samples[name].parent.glob(f"{stem}.*"):  # a header's data lie beside it
            shutil.copy(part, target.parent)
        shutil.copy(samples[name], target)
    damage(target, rng)
    if name == "bundle" and rng.random() < 0.7:
        _sign(target)
    try:
        read(name, target)
    except CAMLocalizerError as error:
        wrong = "" if 0 < len(str(error)) < SENTENCE else "a refusal that is not a sentence"
        return name, wrong or "refused"
    except Exception:
        return name, traceback.format_exc(limit=-4)
    return name, "read"


def _sign(bundle: Path) -> None:
    """Write the checksum of the damaged weights into the description, so that they are read."""
    import hashlib

    with suppress(ValueError, TypeError, OSError):
        values = json.loads((bundle / "model.json").read_text(encoding="utf-8"))
        values["sha256"] = hashlib.sha256((bundle / "weights.safetensors").read_bytes()).hexdigest()
        (bundle / "model.json").write_text(json.dumps(values), encoding="utf-8")


def _work(seed: int, samples: dict[str, Path], folder: Path, numbers: Any, answers: Any) -> None:
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    warnings.simplefilter("ignore")
    logging.disable()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what image libraries print of the damage
    while (number := numbers.get()) is not None:
        answers.put((number, *attempt(number, seed, samples, folder)))


class Reader:
    """A process that reads inputs; started again when an input ends it or holds it up."""

    def __init__(self, seed: int, samples: dict[str, Path], folder: Path) -> None:
        self._arguments = seed, samples, folder
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._numbers, self._answers = context.Queue(), context.Queue()
        self._process = context.Process(
            target=_work, args=(*self._arguments, self._numbers, self._answers), daemon=True
        )
        self._process.start()

    def ask(self, number: int) -> tuple[str, str]:
        """Have an input read; returns its kind and what became of it."""
        self._numbers.put(number)
        begin = time.monotonic()
        while time.monotonic() - begin < PATIENCE_S:
            with suppress(Exception):  # the queue is empty so far
                _number, name, outcome = self._answers.get(timeout=0.5)
                return name, outcome
            if not self._process.is_alive():
                code = self._process.exitcode
                self._start()
                return "?", f"crash with exit code {code}"
        self.stop()
        self._start()
        return "?", f"not done after {PATIENCE_S:g} s"

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.join()


def main() -> int:
    """Run until the time is over or the inputs are used up; returns 1 if one was neither read nor refused."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="of all inputs (default: %(default)s)")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long (default: %(default)s)")
    parser.add_argument("--inputs", type=int, default=None, help="at most so many inputs")
    parser.add_argument("--only", type=int, help="read only the input of this number, in this process")
    parser.add_argument("--json", type=Path, help="write the result there")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        folder = Path(name)
        (folder / "samples").mkdir()
        (folder / "work").mkdir()
        samples = make_samples(folder / "samples")
        if options.only is not None:
            print(*attempt(options.only, options.seed, samples, folder / "work"))
            return 0
        result = _run(options, samples, folder / "work")
    if options.json is not None:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return int(bool(result["faults"]))


def _run(options: argparse.Namespace, samples: dict[str, Path], work: Path) -> dict[str, Any]:
    end = time.monotonic() + options.minutes * 60
    counts: dict[str, Counter] = {}
    faults, number = [], 0
    reader = Reader(options.seed, samples, work)
    while time.monotonic() < end and (options.inputs is None or number < options.inputs):
        name, outcome = reader.ask(number)
        kind = outcome if outcome in ("read", "refused") else "fault"
        counts.setdefault(name, Counter())[kind] += 1
        if kind == "fault":
            faults.append({"number": number, "input": name, "what": outcome})
            print(f"input {number}, {name}: {outcome}", flush=True)
        number += 1
    reader.stop()
    crashes = sum(fault["what"].startswith("crash") for fault in faults)
    late = sum(fault["what"].startswith("not done") for fault in faults)
    print(f"{number} inputs, {crashes} crashes, {late} not done in time, {len(faults) - crashes - late} tracebacks")
    return {
        "seed": options.seed,
        "minutes": options.minutes,
        "inputs": number,
        "crashes": crashes,
        "not_done": late,
        "tracebacks": len(faults) - crashes - late,
        "by_input": {name: dict(found) for name, found in sorted(counts.items())},
        "faults": faults,
    }


if __name__ == "__main__":
    sys.exit(main())
