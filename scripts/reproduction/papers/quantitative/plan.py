"""What the reproduction of the quantitative study trains, in which order and how long."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from CAMLocalizerLib.networks.pretrained import IMAGENET
from CAMLocalizerLib.training.fitting import FitOptions

ENCODER = "EfficientNet-Lite0, not in the paper"
ENCODER_PYRAMID = "DC-FPN on EfficientNet-Lite0, not in the paper"
SLIM = {"channels": (4, 4, 8, 8, 8)}  # of a quick run; DC-FPN has four scales
SLIM_PYRAMID = {"channels": (4, 4, 8, 8)}


@dataclass(frozen=True)
class Stage:
    """A part of a training run.

    Args:
        size: height and width of its images in pixels.
        epochs: passes over the training images.
        learning_rate: at its start; it falls to zero as a cosine.
    """

    size: int
    epochs: int
    learning_rate: float


@dataclass(frozen=True)
class Plan:
    """A network of the study.

    Args:
        title: the row's name, the paper's where the paper has it.
        network: name among ``NETWORKS``.
        stages: how it is trained, one after another.
        start: title of the network whose convolutions it starts from.
        encoder: name of the encoder of a pyramid; empty for one of its own.
        encoder_weights: what the encoder starts from, as for `load_encoder_weights`; None for random weights.
        normalisation: of the images, as for `normalise_slices`.
    """

    title: str
    network: str
    stages: tuple[Stage, ...]
    start: str | None = None
    encoder: str = ""
    encoder_weights: str | None = None
    normalisation: str = "foreground-zscore"

    @property
    def folder(self) -> str:
        """Name of the folder of its trainings."""
        return f"{self.network}-{self.encoder}" if self.encoder else self.network

    @property
    def segments(self) -> bool:
        """Whether it learns masks."""
        return self.network.startswith("unet")


@dataclass(frozen=True)
class Settings:
    """Everything that decides the figures besides the data.

    Args:
        size: height and width of the images that are measured.
        alexnet, scratch, modified, pyramid, segmenter: stages of the networks of each kind.
        pretrained: stages of the networks on an encoder with ImageNet weights.
        deeper, deeper_modified: stages of VGG-19 and Modified VGG-19.
        folds: held out one after another.
        batch_size: images per step.
        mask_batch_size: images per step of the networks that learn masks, for more steps in few epochs.
        augmentation: one of ``AUGMENTATIONS``.
        precision: one of ``PRECISIONS``.
        seed: of weights, order and augmentation.
        per_class: images of each class and fold, at most; None for all.
        slim: few channels instead of the published ones.
    """

    size: int
    alexnet: tuple[Stage, ...]
    scratch: tuple[Stage, ...]
    modified: tuple[Stage, ...]
    pyramid: tuple[Stage, ...]
    segmenter: tuple[Stage, ...]
    deeper: tuple[Stage, ...]
    deeper_modified: tuple[Stage, ...]
    pretrained: tuple[Stage, ...]
    folds: tuple[int, ...] = (1, 2, 3, 4)
    batch_size: int = 32
    mask_batch_size: int = 8
    augmentation: str = "shift"
    precision: str = "bf16-mixed"
    seed: int = 0
    per_class: int | None = None
    slim: bool = False

    def plans(self) -> tuple[Plan, ...]:
        """List the networks in the order in which a fold trains them."""
        return (
            Plan("AlexNet", "alexnet_gap", self.alexnet),
            Plan("Modified AlexNet", "modified_alexnet", self.alexnet, start="AlexNet"),
            Plan("VGG-16", "vgg16_gap", self.scratch),
            Plan("Modified VGG-16", "modified_vgg16", self.modified, start="VGG-16"),
            Plan("DC-FPN", "dcfpn", self.pyramid),
            Plan("U-Net (VGG-16)", "unet_vgg16", self.segmenter, start="VGG-16"),
            Plan("VGG-19", "vgg19_gap", self.deeper),
            Plan("Modified VGG-19", "modified_vgg19", self.deeper_modified, start="VGG-19"),
            Plan("U-Net (VGG-19)", "unet_vgg19", self.segmenter, start="VGG-19"),
            self._pretrained(ENCODER, "efficientnet_lite0"),
            self._pretrained(ENCODER_PYRAMID, "dcfpn", encoder="efficientnet-lite0"),
        )

    def _pretrained(self, title: str, network: str, *, encoder: str = "") -> Plan:
        """Plan a network on an encoder with ImageNet weights, which expect intensities of 0 to 1."""
        own = {"encoder": encoder, "encoder_weights": IMAGENET, "normalisation": "foreground-gamma"}
        return Plan(title, network, self.pretrained, **own)

    def network_settings(self, plan: Plan, classes: int) -> dict[str, Any]:
        """Return what the plan's network is built with."""
        if plan.network == "dcfpn":
            encoder = {"encoder": plan.encoder} if plan.encoder else {}
            return {"classes": classes, **encoder, **(SLIM_PYRAMID if self.slim else {})}
        if plan.encoder_weights is not None:
            return {"classes": classes}
        settings: dict[str, Any] = {"batch_norm": True, **(SLIM if self.slim else {})}
        return settings if plan.segments else settings | {"classes": classes}

    def options(self, plan: Plan, stage: Stage) -> FitOptions:
        """Return how a stage of a plan is trained."""
        return FitOptions(
            epochs=stage.epochs,
            batch_size=self.mask_batch_size if plan.segments else self.batch_size,
            learning_rate=stage.learning_rate,
            schedule="cosine",
            precision=self.precision,
            augmentation=self.augmentation,
            seed=self.seed,
            accelerator="auto",
        )

    def recipe(self, plan: Plan) -> dict[str, Any]:
        """Return what a result depends on, to tell whether a kept one still holds."""
        shared = ("size", "batch_size", "augmentation", "precision", "seed", "per_class", "slim")
        sources = [each for each in self.plans() if each.title == plan.start]
        own = ("mask_batch_size",) if plan.segments else ()
        return {
            **{name: getattr(self, name) for name in (*shared, *own)},
            "plans": [asdict(each) for each in (*sources, plan)],
        }


SETTINGS = Settings(
    size=128,
    alexnet=(Stage(128, 20, 3e-4),),
    scratch=(Stage(128, 4, 3e-4),),
    modified=(Stage(128, 2, 2e-4),),
    pyramid=(Stage(128, 6, 1e-3),),
    segmenter=(Stage(128, 1, 3e-4),),
    deeper=(Stage(128, 2, 3e-4),),
    deeper_modified=(Stage(128, 1, 2e-4),),
    pretrained=(Stage(128, 6, 3e-4),),
    folds=(1,),
)
QUICK = Settings(
    size=64,
    alexnet=(Stage(64, 1, 1e-3),),
    scratch=(Stage(32, 1, 1e-3), Stage(64, 1, 1e-3)),
    modified=(Stage(64, 1, 1e-3),),
    pyramid=(Stage(32, 1, 1e-3),),
    segmenter=(Stage(64, 1, 1e-3),),
    deeper=(Stage(32, 1, 1e-3), Stage(64, 1, 1e-3)),
    deeper_modified=(Stage(64, 1, 1e-3),),
    pretrained=(Stage(32, 1, 1e-3),),
    folds=(1,),
    batch_size=8,
    per_class=3,
    precision="32-true",
    slim=True,
)
