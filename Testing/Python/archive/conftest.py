"""An Orthanc for all tests, studies to store in it, and a tiny bundle for T1 after contrast."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from archived_series import StoreSeries, write_archived
from tiny_bundle import save_tiny_bundle

from _orthanc import PASSWORD, USER, Orthanc, orthanc_problem
from CAMLocalizerLib.archive import credentials
from CAMLocalizerLib.archive.address import ArchiveAddress
from CAMLocalizerLib.archive.client import Archive
from CAMLocalizerLib.core import Grid
from CAMLocalizerLib.models import ModelBundle, save_model

pytest.importorskip("dicomweb_client", reason="dicomweb-client is not installed")
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """A server for all tests."""
    if problem := orthanc_problem():
        pytest.skip(problem)
    with Orthanc(tmp_path_factory.mktemp("orthanc")) as running:
        yield running


@pytest.fixture(autouse=True)
def reader(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Credentials of the server, none of this machine's user, and pictures that take no time."""
    for name in [name for name in os.environ if name.casefold().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv(credentials.TOKEN, raising=False)
    monkeypatch.setenv(credentials.USER, USER)
    monkeypatch.setenv(credentials.PASSWORD, PASSWORD)
    monkeypatch.setattr("CAMLocalizerLib.cases.results.write_overview", lambda _result, path: path.write_bytes(b"png"))


@pytest.fixture
def study_uid() -> str:
    """A StudyInstanceUID of this test's own."""
    return f"1.2.826.0.1.3680043.8.498.{os.getpid()}.{next(_numbers)}"


@pytest.fixture
def store_series(tmp_path: Path) -> StoreSeries:
    """Write a series and store it in a server."""
    grid = Grid((20, 24, 5), (1.1, 0.9, 4.0), (-30.0, 12.5, 101.0), np.eye(3))

    def store(server: Orthanc, study: str, number: int = 1, **options) -> list[Path]:
        folder = tmp_path / "sent" / study / str(number)
        paths = write_archived(folder, grid, study, number, **options)
        server.upload(paths)
        return paths

    return store


@pytest.fixture
def connect() -> Iterator[Callable[[Orthanc], Archive]]:
    """Connect to a server without long pauses; connections are closed at the end."""
    opened = []

    def connect_to(server: Orthanc, *, waits_s=(0.2, 0.4, 0.8, 1.6)) -> Archive:
        opened.append(Archive(ArchiveAddress.parse(server.address), waits_s=waits_s))
        return opened[-1]

    yield connect_to
    for archive in opened:
        archive.close()


@pytest.fixture
def bundle(tmp_path: Path) -> ModelBundle:
    """A tiny bundle that asks for T1 after contrast."""
    tiny = save_tiny_bundle(tmp_path / "plain")
    card = replace(tiny.card, name="tiny-t1ce", modality="MR, T1-weighted after gadolinium", sha256="")
    return save_model(tmp_path / "tiny-t1ce", card, tiny.network())
