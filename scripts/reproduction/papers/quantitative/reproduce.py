"""Quantitative CAM (Kang et al., 2021): six classifiers as segmenters, and what other maps add."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from ..held_out import ROW, WHY_LEFT_OUT
from ..panels import histograms
from ..results import Reproduction, write_tables
from .examples import draw_examples
from .paper import CITATION, CLASSES
from .plan import ENCODER, ENCODER_PYRAMID, QUICK, SETTINGS, Settings
from .record import Measured
from .study import BUNDLE_ROW, FIGSHARE, SHOWN, Study, examples_path, rows_of
from .tables import entries, findings, pooled_overlaps

HISTOGRAMS = "figure3.png"
SERIES = ("Modified AlexNet", "Modified VGG-16", "Modified VGG-19", "DC-FPN, PG-CAM scales 1 and 4", "U-Net (VGG-19)")
DATA = (
    "figshare brain tumor dataset (Cheng et al., PLoS ONE 10(10):e0140381, 2015; doi:10.6084/m9.figshare.1512427), "
    "folds 1 to 4 of 5 by patient"
)


def reproduce(
    data: Path,
    output: Path,
    work: Path,
    *,
    quick: bool = False,
    training: Path | None = None,
    report: Callable[[str], None] = print,
) -> None:
    """Train six classifiers, two U-Nets and DC-FPN on the paper's data set and fill its Tables 2 to 5, Figs. 3 and 4.

    Beside the paper's networks: EfficientNet-Lite0 with ImageNet weights, as a plain classifier and below DC-FPN.

    For each held-out fold: networks learn from one label per image, maps of the predicted class become 8-bit images
    and masks by five thresholds, and the IoU of the images classified correctly is averaged. Tables and pictures are
    written again after every network.

    Args:
        data: folder that holds ``figshare_brain_tumor``.
        output: gets ``table.csv``, ``table.md`` and pictures.
        work: keeps training runs and figures; a later call resumes from them.
        quick: a few images, slim networks, one epoch: shows that everything runs, measures nothing.
        training: of brain-t1ce, whose network without the held-out fold is measured too; None leaves it out.
        report: takes a line per step.

    Raises:
        InputError: data that are missing or damaged.
        ModelError: ``work`` holds runs with other settings, the encoder's weights are not installed, or ``training`` is
            not a training of brain-t1ce.

    Source:
        Kang et al., Proc. SPIE 11599, 115990M, 2021.
    """
    settings = QUICK if quick else SETTINGS
    measured: list[Measured] = []
    pictures: dict[str, str] = {}
    for each in Study(data / FIGSHARE, work, settings, report, training).run():
        measured.append(each)
        pictures |= draw(output, work, measured)
        write(output, settings, measured, pictures)
        report(f"{each.title}, fold {each.fold}: measured")


def write(output: Path, settings: Settings, measured: Sequence[Measured], pictures: Mapping[str, str]) -> None:
    """Write the tables of what has been measured so far."""
    rows = rows_of(measured)
    reproduction = Reproduction(
        name="quantitative",
        title="Quantitative analysis of class activation maps",
        paper=CITATION,
        data=DATA,
        seed=settings.seed,
        settings=asdict(settings),
        differences=differences(settings, measured),
        findings=findings(rows),
        pictures=tuple(pictures.items()),
    )
    write_tables(output, reproduction, entries(rows))


def draw(output: Path, work: Path, measured: Sequence[Measured]) -> dict[str, str]:
    """Draw the pictures that the network measured last changes; file name to caption."""
    last, rows = measured[-1], rows_of(measured)
    drawn: dict[str, str] = {}
    series = [name for name in SERIES if name in rows]
    if not set(series).isdisjoint(last.ious):
        values = {
            kind: {name: pooled_overlaps(rows[name], name, label).tolist() for name in series}
            for label, kind in enumerate(CLASSES)
        }
        histograms(output / HISTOGRAMS, values)
        drawn[HISTOGRAMS] = "IoU of the images that count, by class, at 200/255 or of the network's own mask (Fig. 3)"
    for row in SHOWN.get(last.title, ()) if last.fold == measured[0].fold else ():
        name = f"figure4-{row.lower().replace(',', '').replace(' ', '-')}.png"
        if draw_examples(examples_path(work, row, last.fold), output / name):
            caption = f"{row}: map with the outline of the tumour, then masks by threshold with their IoU"
            drawn[name] = f"{caption}; green hit, red false alarm, yellow miss (Fig. 4)"
    return drawn


def differences(settings: Settings, measured: Sequence[Measured]) -> tuple[str, ...]:
    """Return what differs from the paper."""
    folds = sorted({each.fold for each in measured})
    return (
        "The paper splits by image, so that slices of one patient stand on both sides; we split by patient.",
        f"Four of the five folds are here; held out so far: {', '.join(map(str, folds))}. Deviations are over folds.",
        "The paper starts from ImageNet weights, which cannot be fetched here for its networks. AlexNet, VGG-16, "
        "VGG-19 and DC-FPN start from random weights with batch normalisation; the modified networks and the U-Nets "
        "start from the convolutions of the plain network of the same fold, where the paper has ImageNet's.",
        f"{ENCODER}: its ImageNet weights can be had, so it stands in for the paper's networks. It is the encoder up "
        "to stride 16, a 1x1 convolution, average pooling and one linear layer; its map is that of the paper's "
        f"networks (Eq. 2). {ENCODER_PYRAMID}: the same encoder and weights, the maps of DC-FPN. Both are trained "
        f"whole for {settings.pretrained[-1].epochs} epochs from a rate of {settings.pretrained[-1].learning_rate:g}, "
        "on images of about 0 to 1 as the weights expect (foreground-gamma).",
        f"Images of {settings.size} pixels instead of 224, so that maps have "
        f"{settings.size // 16} cells a side in the modified networks instead of 14, and {settings.size // 32} in VGG.",
        "Few epochs, no selection of a best one: the last epoch is measured. Deep networks are not trained to the end. "
        "A first schedule, eight epochs at 64 pixels and three at 128, left VGG-16 at 0.57 training accuracy (0.65 "
        "held out) and was replaced by the present one. VGG-19 and its variant have half the epochs of VGG-16.",
        "The map of an image is scaled from its minimum to its maximum, negative evidence included (the paper's Eq. 2 "
        "has no ReLU, and does not say how a map becomes 8-bit); percentiles are those of all pixels of the image.",
        "mIoU is the mean over images: weighted by the sizes of the classes, the paper's figures by class give its "
        "0.666 and 0.673 of the U-Nets and, to 0.001, its 0.122 of Modified VGG-16; plain means would be 0.700, 0.706 "
        "and 0.150. Of VGG-19 and Modified AlexNet the plain mean is nearer; which images count is not printed.",
        "Only images classified correctly count, as in the paper; with rows that learn masks and in the main job every "
        "image counts.",
        _about_brain_t1ce(measured),
    )


def _about_brain_t1ce(measured: Sequence[Measured]) -> str:
    if all(each.title != BUNDLE_ROW for each in measured):
        return f"{WHY_LEFT_OUT}."
    return (
        f"{ROW}: the network of a training's fold, on EfficientNet-Lite0 with ImageNet weights and by this project's "
        "recipe. It also knows the class 'no tumour'; the most probable of its three tumours counts, and its map "
        "speaks for any tumour. Image by image it sees the whole field of view at its own size, in the main job slices "
        "at its own spacing."
    )
