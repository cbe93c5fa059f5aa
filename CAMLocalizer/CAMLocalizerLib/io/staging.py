"""staged_folder: write a result folder atomically."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from ..case_files import KNOWN_FILES
from ..core import OutputError
from .leftovers import OLD, PARTIAL, clean_up_leftovers, temporary_name
from .writing import already_exists_error, flush_to_disk, is_not_writable, output_error, output_errors


@contextmanager
def staged_folder(
    target: str | Path, overwrite: bool = False, *, known_files: Collection[str] = KNOWN_FILES
) -> Iterator[Path]:
    """Write a temporary folder next to the target and rename it when it is complete.

    On failure or interruption (Ctrl-C, and SIGTERM in the main thread), temporary files are removed and a folder that
    was to be replaced is kept. Files of a killed process are cleaned up by the next run with the same target.

    Args:
        target: the final folder; parent folders are created.
        overwrite: replace an existing folder, but only if it contains nothing but ``known_files``.
        known_files: names of the files of earlier runs.

    Yields:
        An empty folder to write into.

    Raises:
        OutputError: the target exists before or after writing, contains other files, cannot be written, or the disk is
            full.
    """
    target = Path(target)
    clean_up_leftovers(target)
    _check_target(target, overwrite, known_files)
    made = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    staging: Path | None = None
    try:
        with _sigterm_raises():
            with output_errors(target):
                target.parent.mkdir(parents=True, exist_ok=True)
                staging = _beside(target, PARTIAL)
            yield staging
            with output_errors(target):
                for path in (*staging.rglob("*"), staging):
                    flush_to_disk(path)
                _check_target(target, overwrite, known_files)
                _publish(staging, target)
                flush_to_disk(target.parent)
            made = []
    except OSError as error:
        if _concerns(error, staging):
            raise output_error(target, error) from error
        raise
    except OutputError as error:  # replace the temporary folder in the message, which users do not know
        raise OutputError(str(error).replace(str(staging), str(target))) from error
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
        for folder in made:  # innermost first; folders that are not empty stay
            with suppress(OSError):
                folder.rmdir()


def _check_target(target: Path, overwrite: bool, known_files: Collection[str]) -> None:
    with output_errors(target):
        if not os.path.lexists(target):
            return
        if not overwrite:
            raise already_exists_error(target)
        if target.is_symlink() or not target.is_dir():
            raise OutputError(f"{target}: is not a result folder and is not replaced; choose another output folder")
        others = [entry.name for entry in os.scandir(target) if entry.name not in known_files or not entry.is_file()]
    if others:
        raise OutputError(
            f"{target}: contains other files ({sorted(others)[0]}{' and more' if len(others) > 1 else ''}) "
            "and is not replaced; choose another output folder"
        )


def _publish(staging: Path, target: Path) -> None:
    """Move the complete folder to its target; the old one is removed only after that."""
    if not target.exists():
        try:
            staging.rename(target)
        except OSError:
            if os.path.lexists(target):  # another run created it in the meantime
                raise already_exists_error(target) from None
            raise
        return
    old = _beside(target, OLD) / target.name
    try:
        target.rename(old)
        staging.rename(target)
    except BaseException:
        if old.exists() and not target.exists():
            old.rename(target)
        raise
    finally:
        if target.exists():
            shutil.rmtree(old.parent, ignore_errors=True)


def _beside(target: Path, kind: str) -> Path:
    place = target.with_name(temporary_name(target, kind))
    place.mkdir()
    return place


def _concerns(error: OSError, staging: Path | None) -> bool:
    """Return whether an error is about writing the results rather than reading something else."""
    name = error.filename if isinstance(error.filename, str | os.PathLike) else None
    ours = name is None or (staging is not None and staging in Path(name).parents)
    return is_not_writable(error) and ours


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    """Raise SystemExit on SIGTERM instead of ending the process, unless SIGTERM already has a handler."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _stop(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
