"""ReviewOptions: what a review is started with, checked before anything slow starts."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

from ..core import OutputError, Volume
from ..io import read_volume
from ..models.search import find_bundle
from .files import ReviewFolder

HOST = "127.0.0.1"


@dataclass(frozen=True)
class ReviewOptions:
    """What a review is started with.

    Args:
        given: volume, or folder with a DICOM series.
        folder: from which further volumes may be read and into which results are written; that of ``given`` if None.
        model: name or folder of a model bundle; one that suits the volume if None.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        port: 0 takes a free one.
        browser: open the page in the browser.
        unit: of the voxels of ``given``, where it names none.
    """

    given: Path
    folder: Path | None = None
    model: str | None = None
    device: str = "auto"
    port: int = 0
    browser: bool = True
    unit: str | None = None

    def open_folder(self) -> ReviewFolder:
        """Return the folder of the review.

        Raises:
            InputError: no such folder.
        """
        return ReviewFolder(self.folder or self.given.resolve().parent)

    def open_volume(self) -> Volume:
        """See that model and port can be used, and read the volume.

        Raises:
            ModelError: no such model.
            OutputError: the port is taken.
            InputError: a volume that cannot be read.
        """
        if self.model is not None:
            find_bundle(self.model)
        check_port(self.port)
        return read_volume(self.given, unit=self.unit)


def check_port(port: int) -> None:
    """See that a port can be listened on.

    Raises:
        OutputError: it is taken.
    """
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server will
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise OutputError(f"the port {port} cannot be used ({error.strerror}); choose another --port") from error
