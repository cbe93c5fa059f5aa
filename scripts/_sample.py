"""The sample volume: brain1, a test case of pyradiomics, with the outline of its tumour.

It is not part of the repository. Set-up takes it out of the source package of pyradiomics and keeps it in the share
folder of the Python environment.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

IMAGE = "brain1_image.nrrd"
LABEL = "brain1_label.nrrd"
SHA256 = {
    IMAGE: "fffdb111ee8b428ede7256707393c927a7d5be912f0604cf3c6f1bd5fc9644cf",
    LABEL: "ae6d8e6b84f7e99d68c210ee2fa6aaaefa0b2df0a84f55efca4feebe2b216059",
}
CURRENT = Path(sys.prefix)


def sample_folder(environment: Path = CURRENT) -> Path:
    """Return the folder of the sample in a Python environment."""
    return environment / "share" / "camlocalizer" / "sample"


def sample_image(environment: Path = CURRENT) -> Path:
    """Return the sample's MR volume."""
    return sample_folder(environment) / IMAGE


def sample_label(environment: Path = CURRENT) -> Path:
    """Return the label map of the tumour, on the grid of the volume."""
    return sample_folder(environment) / LABEL


def sample_problem(environment: Path = CURRENT) -> str:
    """Say which file of the sample is missing and how to get it; empty if nothing is missing."""
    folder = sample_folder(environment)
    for name in SHA256:
        if not _is_intact(folder / name):
            return (
                f"The sample is incomplete: {folder} has no {name} with the expected checksum; "
                "connect to the network and run python3 scripts/demo.py, which fetches it."
            )
    return ""


def copy_sample(source: Path, environment: Path = CURRENT) -> None:
    """Copy the sample into an environment.

    Args:
        source: folder that holds the unpacked source package of pyradiomics. Files with another checksum are ignored.
        environment: folder of the Python environment.
    """
    for name in SHA256:
        found = next(filter(_is_intact, source.rglob(f"data/{name}")), None)
        if found is not None:
            _copy_whole(found, sample_folder(environment) / name)


def _is_intact(file: Path) -> bool:
    return file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == SHA256[file.name]


def _copy_whole(file: Path, target: Path) -> None:
    """Copy a file so that the target is never seen half written."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        shutil.copyfile(file, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
