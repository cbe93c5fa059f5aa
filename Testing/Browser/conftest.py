"""Reviews to test: a tiny one with a network that was never trained, and the sample."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser_review import RunningReview, chromium, missing
from PIL import Image
from review_page import WINDOW, Photograph, run, shown, still, volume_of, wait_for, watched_page

from CAMLocalizerLib.core import Grid, Volume

NETWORK = {"channels": (4, 4, 4, 4)}
SURFACE_MS = 3000  # until a slow machine has drawn the surface of the components that are left


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--screenshots", type=Path, metavar="DIR", help="write the pictures of the review there")


@pytest.fixture(scope="session")
def blob() -> Volume:
    """A blob in noise on an anisotropic grid."""
    array = np.random.default_rng(2).normal(50.0, 5.0, (12, 40, 48)).astype(np.float32)
    array[3:8, 10:22, 12:26] += 100.0
    return Volume(array, Grid((48, 40, 12), (2.0, 2.5, 6.0), (-40.0, -45.0, 10.0), np.eye(3)), name="blob")


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model bundle with a tiny network that was never trained."""
    torch = pytest.importorskip("torch")
    from CAMLocalizerLib.models import ModelCard, save_model
    from CAMLocalizerLib.networks import build_network

    card = ModelCard(
        name="tiny",
        version="0",
        network="dcfpn",
        network_settings=NETWORK,
        modality="noise",
        spacing_mm=2.0,
        size=(48, 48),
        normalisation="foreground-zscore",
        classes=("none", "tumour"),
        tumour_classes=("tumour",),
        scales=(1, 2, 3, 4),
        threshold="0.6",
    )
    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("model") / "tiny"
    return save_model(folder, card, build_network("dcfpn", classes=2, **NETWORK)).folder


@pytest.fixture(scope="session")
def found(blob_file: Path, bundle: Path) -> Any:
    """What the library itself sees in the blob."""
    from CAMLocalizerLib.io import read_volume
    from CAMLocalizerLib.localizer import Localizer

    return Localizer(str(bundle), device="cpu").run(read_volume(blob_file))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory, blob: Volume) -> Path:
    """The folder of the review: the blob, another scan that is stored downwards, a file that is none, and a way out."""
    import SimpleITK

    folder = tmp_path_factory.mktemp("scans")
    other = blob.array_kji[:, ::-1].copy()
    for name, array, up in (("blob.nii.gz", blob.array_kji, 1), ("other.nrrd", other, -1)):
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing(blob.grid.spacing_mm)
        image.SetOrigin(blob.grid.origin_mm)
        image.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, up))
        SimpleITK.WriteImage(image, str(folder / name))
    (folder / "notes.txt").write_text("no scan")
    secret = tmp_path_factory.mktemp("elsewhere") / "secret.nii.gz"
    secret.write_bytes((folder / "blob.nii.gz").read_bytes())
    (folder / "way-out.nii.gz").symlink_to(secret)
    return folder


@pytest.fixture(scope="session")
def blob_file(folder: Path) -> Path:
    return folder / "blob.nii.gz"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium; the tests that need it are skipped, with the reason, where something is missing."""
    if sentence := missing():
        pytest.skip(sentence)
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def review(browser: Any, blob_file: Path, bundle: Path) -> Iterator[RunningReview]:
    """The review of the blob, as a user starts it."""
    with RunningReview([blob_file, "--model", bundle, "--device", "cpu"]) as review:
        yield review


@pytest.fixture
def page(browser: Any, review: RunningReview) -> Iterator[Any]:
    """The page of the review; nothing may go wrong in it and nothing may leave the machine."""
    yield from watched_page(browser, review, WINDOW)


@pytest.fixture
def reviewed(page: Any, found: Any) -> Any:
    """The page after a run, with the model's settings."""
    run(page)
    for taken_back in shown(page, "accepted")["rows"][::-1]:
        page.evaluate("index => window.trame.trigger('withdraw', [index])", taken_back["index"])
    page.evaluate("window.trame.trigger('reset', [])")
    wait_for(page, "threshold", "text", "level 0.600")
    wait_for(page, "threshold", "volume", volume_of(found.label_map()))
    wait_for(page, "accepted", "rows", [])
    return page


@pytest.fixture(scope="session")
def sample_review(
    browser: Any, sample_image: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningReview]:
    """The review of the sample with the bundled model."""
    folder = tmp_path_factory.mktemp("review")
    with RunningReview([sample_image, "--folder", folder]) as review:
        yield review


@pytest.fixture
def photograph(pytestconfig: pytest.Config) -> Photograph:
    """Write a picture of the page into the folder of ``--screenshots``; without that option do nothing."""
    folder: Path | None = pytestconfig.getoption("--screenshots")

    def take(page: Any, name: str) -> None:
        if folder is None:
            return
        page.wait_for_timeout(SURFACE_MS)
        still(page, "ThreeD")
        folder.mkdir(parents=True, exist_ok=True)
        Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(folder / f"{name}.png", optimize=True)

    return take
