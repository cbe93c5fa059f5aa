"""Training reads no mask: neither while it runs, nor can it reach a module that does."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image
from tiny_training import write_config, write_pictures

import CAMLocalizerLib
from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import write_nifti
from CAMLocalizerLib.training.figshare_images import figshare_image_set

PACKAGE = Path(CAMLocalizerLib.__file__).parent

# Where labels and images go in and networks come out. The supervised baseline, evaluation and the papers' studies,
# which measure against masks, are not among them.
TRAINING = (
    "cli.train",
    "training.fitting",
    "training.runs",
    "training.preparation",
    "training.dataset",
    "training.images",
    "training.point_loss",
    "training.figshare_images",
)
# Their masks are shapes of their own making: bright components and where evidence was found.
OWN_SHAPES = {
    "training.localisation.asymmetry",
    "training.localisation.components",
    "training.localisation.objective",
    "training.localisation.prominence",
    "training.localisation.pseudo_masks",
    "training.localisation.stages",
}


def source(module: str) -> Path | None:
    path = PACKAGE.joinpath(*module.split("."))
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None)


def imported(module: str) -> Iterator[str]:
    """Give the modules of the package that a module imports, anywhere in its code."""
    path = source(module)
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = [*package[: len(package) + 1 - node.level], *(node.module or "").split(".")]
            name = ".".join(part for part in base if part)
            yield from (each for each in (name, *(f"{name}.{alias.name}" for alias in node.names)) if source(each))


def reachable(modules: tuple[str, ...]) -> set[str]:
    """Give the modules of training and evaluation that others import; lower layers import neither, commands both."""
    found, waiting = set(), list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            others = {*imported(module), module.rpartition(".")[0]}
            waiting += [each for each in others if each.split(".")[0] in ("evaluation", "training")]
    return found


def names_a_mask(module: str) -> bool:
    """Tell whether a name, argument, attribute or file name in the code, not in words for readers, speaks of a mask."""
    for node in ast.walk(ast.parse(source(module).read_text())):
        name = getattr(node, "id", None) or getattr(node, "arg", None) or getattr(node, "attr", None)
        name = name or getattr(node, "name", None)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            name = node.value
        if isinstance(name, str) and ("mask" in name.lower() or name.lower().startswith("truth")):
            return True
    return False


def test_no_module_that_training_reaches_handles_masks() -> None:
    reached = {module for module in reachable(TRAINING) if not module.startswith("cli")}
    assert {"training.fit.module", "training.table", "training.levels"} <= reached
    assert "training.supervised" not in reached
    assert {module for module in reached if names_a_mask(module)} - OWN_SHAPES == set()


def test_the_search_for_masks_finds_those_who_handle_them() -> None:
    handling = ("training.supervised", "training.figshare_masks", "training.localisation.components")
    for module in (*handling, "evaluation.sources", "evaluation.judging"):
        assert names_a_mask(module)
    assert "evaluation.sources" in reachable(("evaluation.judging",))
    assert "training.fitting" in set(imported("training.supervised"))


class Watch:
    """Notes every file that Python opens; an audit hook stays for good, so it only listens when told to."""

    def __init__(self) -> None:
        self.opened: list[str] | None = None
        sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple) -> None:
        if self.opened is not None and event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
            self.opened.append(os.fsdecode(arguments[0]))

    @contextmanager
    def listening(self) -> Iterator[list[str]]:
        self.opened = opened = []
        try:
            yield opened
        finally:
            self.opened = None


WATCH = Watch()


def file_names(opened: list[str], folder: Path) -> set[str]:
    """Names of what was opened in a folder; the interpreter opens this very file, too."""
    return {Path(path).name for path in opened if folder in Path(path).parents}


def test_training_on_a_folder_opens_its_images_and_no_mask_beside_them(tmp_path, oblique_volume) -> None:
    write_pictures(tmp_path)
    for path in sorted((tmp_path / "images").iterdir()):
        (tmp_path / "images" / f"{path.stem}_mask.png").write_bytes(b"poison")
    write_nifti(oblique_volume.array_kji, oblique_volume.grid, tmp_path / "images" / "12.nii.gz")
    (tmp_path / "images" / "12_mask.nii.gz").write_bytes(b"poison")
    with (tmp_path / "labels.csv").open("a") as file:
        file.write("12.nii.gz,square,P7,,\n")
    config = write_config(tmp_path / "c.json", folds={"count": 3, "run": [1]}, training={"epochs": 1})
    with WATCH.listening() as opened:
        assert main(["train", str(config), "--output", str(tmp_path / "out")]) == 0
    assert {"labels.csv", "00.png", "11.png", "12.nii.gz", "best.safetensors"} <= file_names(opened, tmp_path)
    assert [name for name in file_names(opened, tmp_path) if "mask" in name] == []


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
