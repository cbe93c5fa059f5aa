"""The images of the figshare collection are read without its masks."""

from __future__ import annotations

from io import BytesIO
from zipfile import ZipFile

import numpy as np
from mask_search import WATCH, file_names, names_a_mask, reachable
from PIL import Image

from reproduction.datasets.figshare.images import figshare_image_set


def test_no_module_that_the_images_reach_handles_masks() -> None:
    reached = reachable(("reproduction.datasets.figshare.images",), ("reproduction", "CAMLocalizerLib.training"))
    assert {"reproduction.datasets.csv_rows", "CAMLocalizerLib.training.images"} <= reached
    assert [module for module in reached if names_a_mask(module)] == []
    assert names_a_mask("reproduction.datasets.figshare.masks")
    assert names_a_mask("reproduction.papers.supervised")


def test_the_slices_of_figshare_are_read_with_their_masks_poisoned(tmp_path) -> None:
    noise = np.random.default_rng(1)
    with ZipFile(tmp_path / "images_256.zip", "w") as archive:
        for number in (1, 2):
            stream = BytesIO()
            Image.fromarray(noise.integers(0, 255, (256, 256)).astype(np.uint8)).save(stream, "png")
            archive.writestr(f"{number:04d}.png", stream.getvalue())
    (tmp_path / "masks_256.zip").write_bytes(b"poison")
    (tmp_path / "labels.csv").write_text("id,tumor,patient_group,group_fold\n1,meningioma,7,1\n2,glioma,8,2\n")
    with WATCH.listening() as opened:
        assert len(figshare_image_set(tmp_path, size=32)) == 2
    assert "images_256.zip" in file_names(opened, tmp_path)
    assert [name for name in file_names(opened, tmp_path) if "mask" in name] == []
