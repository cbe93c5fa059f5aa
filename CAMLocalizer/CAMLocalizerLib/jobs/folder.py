"""JobFolder: the private folder through which a process and its child talk."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .processes import ProcessIdentity

PREFIX = "camlocalizer-"
RETRY_S = 0.02


@dataclass(frozen=True)
class JobFolder:
    """Files by which a job is asked, followed, cancelled and answered; only its user may read them.

    Args:
        path: the folder.
    """

    path: Path

    @classmethod
    def make(cls) -> JobFolder:
        """Make a folder that nobody else may enter, where temporary files belong."""
        return cls(Path(tempfile.mkdtemp(prefix=f"{PREFIX}job-")).resolve())

    @property
    def request(self) -> Path:
        """What is asked, and who asks."""
        return self.path / "request.json"

    @property
    def volume(self) -> Path:
        """Voxels, there once they are complete."""
        return self.path / "volume.npy"

    @property
    def process(self) -> Path:
        """Number and start of the child."""
        return self.path / "process.json"

    @property
    def progress(self) -> Path:
        """A line for every step done."""
        return self.path / "progress.jsonl"

    @property
    def cancel(self) -> Path:
        """Tells the child to end."""
        return self.path / "cancel"

    @property
    def result(self) -> Path:
        """Folder of findings, there once they are complete."""
        return self.path / "result"

    @property
    def outcome(self) -> Path:
        """How it ended; the child's last word."""
        return self.path / "outcome.json"

    @property
    def log(self) -> Path:
        """What the child and its libraries print."""
        return self.path / "worker.log"

    def announce(self, identity: ProcessIdentity) -> None:
        """Say which process works here."""
        write_json(self.process, asdict(identity))

    def worker(self) -> ProcessIdentity | None:
        """Return the process that works here, None before it said so."""
        values = read_json(self.process)
        return None if values is None else ProcessIdentity(**values)

    def remove(self, limit_s: float = 0.0) -> bool:
        """Remove the folder, trying again for ``limit_s`` where another process holds a file; tell whether it went."""
        deadline = time.monotonic() + limit_s
        while True:
            shutil.rmtree(self.path, ignore_errors=True)
            if not self.path.exists():
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(RETRY_S)


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write a file that is there whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(values), encoding="utf-8")
    partial.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """Read what :func:`write_json` wrote; None if it is not there (yet, or any more)."""
    with suppress(OSError, ValueError):
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return values
    return None
