"""Training reads no mask: neither while it runs, nor can it reach a module that does."""

from __future__ import annotations

from mask_search import WATCH, file_names, imported, names_a_mask, reachable
from tiny_training import write_config, write_pictures

from CAMLocalizerLib.cli import main
from CAMLocalizerLib.io import write_nifti

LIBRARY = "CAMLocalizerLib"
# Lower layers cannot import these, and commands are apart.
WITHIN = (f"{LIBRARY}.evaluation", f"{LIBRARY}.training", "reproduction")
# Where labels and images go in and networks come out. Evaluation, which measures against masks, is not among them.
TRAINING = tuple(
    f"{LIBRARY}.{name}"
    for name in (
        "cli.train",
        "training.dataset",
        "training.fitting",
        "training.images",
        "training.point_loss",
        "training.preparation",
        "training.runs",
    )
)
# Their masks are shapes of their own making: bright components and where evidence was found.
OWN_SHAPES = {
    f"{LIBRARY}.training.localisation.{name}"
    for name in ("asymmetry", "components", "objective", "prominence", "pseudo_masks", "stages")
} | {f"{LIBRARY}.training.fine_tuning.{name}" for name in ("objective", "options", "stages")}


def test_no_module_that_training_reaches_handles_masks() -> None:
    reached = reachable(TRAINING, WITHIN) - {f"{LIBRARY}.cli.train"}
    assert {f"{LIBRARY}.training.{name}" for name in ("fit.module", "table", "levels")} <= reached
    assert {module for module in reached if names_a_mask(module)} - OWN_SHAPES == set()


def test_the_search_for_masks_finds_those_who_handle_them() -> None:
    handling = ("evaluation.assessment", "evaluation.sources", "training.localisation.components")
    assert all(names_a_mask(f"{LIBRARY}.{module}") for module in handling)
    assert f"{LIBRARY}.evaluation.sources" in reachable((f"{LIBRARY}.evaluation.assessment",), WITHIN)
    assert f"{LIBRARY}.training.fitting" in set(imported(f"{LIBRARY}.evaluation.filters"))


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
