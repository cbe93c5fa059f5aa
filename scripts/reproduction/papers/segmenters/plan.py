"""What the reproduction of the classifiers as segmenters trains, and what the paper measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from CAMLocalizerLib.evaluation.filters import CAM, FILTERS, INVERSE, MASK, ORIGINAL
from CAMLocalizerLib.evaluation.roi_set import FIXED
from CAMLocalizerLib.networks.pretrained import IMAGENET
from CAMLocalizerLib.training.fitting import FitOptions

CITATION = (
    "Guan and Loew, A Sneak Attack on Segmentation of Medical Images Using Deep Neural Network Classifiers, "
    "IEEE AIPR 2021 (arXiv:2201.02771)"
)
ENCODER = "efficientnet_lite0"
NETWORKS: Mapping[str, str] = MappingProxyType(
    {
        "xception": "Xception",
        "resnet50v2": "ResNet50V2",
        "nasnet_mobile": "NASNetMobile",
        "inception_v3": "InceptionV3",
        "mobilenet_v2": "MobileNetV2",
        "densenet121": "DenseNet121",
        ENCODER: "EfficientNet-Lite0, not in the paper",
    }
)
# What starts from ImageNet weights, and images of 0 to 1, which they expect.
PRETRAINED: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {ENCODER: {"encoder_weights": IMAGENET, "normalisation": "none"}}
)
MEASURES: Mapping[str, str] = MappingProxyType(
    {ORIGINAL: "val_acc", CAM: "CAM_val_acc", MASK: "mask_val_acc", INVERSE: "inverse_mask_val_acc"}
)
DICE = "Dice"


@dataclass(frozen=True)
class Published:
    """The paper's figures of one classifier, Tables I and II; the last is given for InceptionV3 alone.

    All are None for a classifier that the paper does not have.
    """

    val_acc: float | None = None
    dice: float | None = None
    cam_val_acc: float | None = None
    mask_val_acc: float | None = None
    inverse_val_acc: float | None = None

    @property
    def accuracies(self) -> Mapping[str, float | None]:
        """Best validation accuracy by filter."""
        values = (self.val_acc, self.cam_val_acc, self.mask_val_acc, self.inverse_val_acc)
        return dict(zip(FILTERS, values, strict=True))


PUBLISHED: Mapping[str, Published] = MappingProxyType(
    {
        "xception": Published(0.856, 0.435, 0.816, 0.880),
        "resnet50v2": Published(0.840, 0.365, 0.792, 0.880),
        "nasnet_mobile": Published(0.848, 0.353, 0.768, 0.872),
        "inception_v3": Published(0.872, 0.256, 0.776, 0.904, 0.616),
        "mobilenet_v2": Published(0.840, 0.034, 0.736, 0.872),
        "densenet121": Published(0.872, 0.030, 0.704, 0.896),
    }
)


def published(network: str) -> Published:
    """Return the paper's figures of a network, all None for one that it does not have."""
    return PUBLISHED.get(network, Published())


@dataclass(frozen=True)
class Settings:
    """What decides a run.

    Args:
        size: height and width of the regions, a multiple of 32; maps have a 32nd of it.
        networks: names in the registry.
        folds: held-out folds of 5, one after the other; the first is the paper's split of 80 to 20.
        epochs: of each training, at most.
        patience: epochs without a better accuracy after which training stops.
        batch_size: images per step.
        learning_rate: of Adam.
        augmentation: a name of `FitOptions`.
        class_weights: weigh both classes alike in the loss.
        half_precision: networks that bfloat16 makes faster on processors that have it; the others use float32.
        everywhere: measure the inverse mask with all networks, not with InceptionV3 and EfficientNet-Lite0 alone.
        per_class: images of each class and fold that are used; None for all.
        seed: of windows, folds, weights and batches.
    """

    size: int = 96
    networks: tuple[str, ...] = tuple(NETWORKS)
    folds: tuple[int, ...] = (1,)
    epochs: int = 6
    patience: int = 3
    batch_size: int = 16
    learning_rate: float = 3e-4
    augmentation: str = "flips"
    class_weights: bool = True
    half_precision: tuple[str, ...] = ("xception", "resnet50v2", "inception_v3", "densenet121")
    everywhere: bool = False
    per_class: int | None = None
    seed: int = 2021

    def recipe(self, network: str) -> dict[str, Any]:
        """Return what decides a training of a network; which networks, folds and filters there are does not."""
        apart = ("networks", "folds", "everywhere")
        return {name: value for name, value in asdict(self).items() if name not in apart} | self.start(network)

    def start(self, network: str) -> dict[str, str]:
        """Return ``encoder_weights`` and ``normalisation`` of a network with ImageNet weights, nothing of others."""
        return dict(PRETRAINED.get(network, {}))

    def normalisation(self, network: str) -> str:
        """Return how the images of a network are normalised, as for `RoiSet.image_set`."""
        return self.start(network).get("normalisation", FIXED)

    def filters(self, network: str) -> tuple[str, ...]:
        """Filters that a network is trained with, the original first."""
        inverse = self.everywhere or network in PRETRAINED or published(network).inverse_val_acc is not None
        return tuple(kind for kind in FILTERS if inverse or kind != INVERSE)

    def options(self, network: str, fold: int) -> FitOptions:
        """How a network is trained."""
        return FitOptions(
            epochs=self.epochs,
            patience=self.patience,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            augmentation=self.augmentation,
            class_weights=self.class_weights,
            precision="bf16-mixed" if network in self.half_precision else "32-true",
            seed=self.seed + fold,
        )


SETTINGS = Settings()
QUICK = Settings(size=64, epochs=1, patience=1, batch_size=8, half_precision=(), per_class=1)
