"""The networks and maps of PG-CAM's tables, with the paper's figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from CAMLocalizerLib.cam import CAM, GradCAM, GradCAMPlusPlus, LayerCAM, MultiGAPCAM, PyramidGradCAM
from CAMLocalizerLib.networks import fold_batch_norm
from CAMLocalizerLib.networks.pretrained import IMAGENET

from ..held_out import BUNDLE, ROW

CLASSIFICATION = "Table 1: classification"
LOCALIZATION = "Table 2: localisation at IoBB above 0.2"
BEYOND = "Beyond the paper: other maps of the same networks, at IoBB above 0.2"

TUNED = "Beyond the paper: Table 2 with each map's threshold chosen on slices of the training folds"
SWEPT = "Beyond the paper: F1 at IoBB above 0.2 for other thresholds"

POSITIVE = 1  # index of the class meningioma
ALL_SCALES = (1, 2, 3, 4)
PGCAM_THRESHOLD, RESCAM_THRESHOLD = 0.4, 0.8
SWEEP = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)

LAST_BLOCKS = "encoder.stages.4"  # the coarsest map of an EfficientNet-Lite encoder

METHODS: Mapping[str, Callable[[Any], GradCAM]] = MappingProxyType(
    {
        "PG-CAM": lambda network: PyramidGradCAM(fold_batch_norm(network)),
        "CAM": lambda network: CAM(network, network.cam_layers[1], "head"),
        "Grad-CAM": lambda network: GradCAM(network, network.cam_layers),
        "Grad-CAM of the encoder": lambda network: GradCAM(network, LAST_BLOCKS),
        "Grad-CAM++": lambda network: GradCAMPlusPlus(network, network.cam_layers),
        "Layer-CAM": lambda network: LayerCAM(network, network.cam_layers),
        "Multi-GAP CAM": MultiGAPCAM,
    }
)


@dataclass(frozen=True)
class MapRow:
    """One row of a localisation table.

    Args:
        row: the paper's name for it.
        method: a key of :data:`METHODS`.
        scales: the scales that are fused.
        threshold: fraction of the fused map's maximum.
        paper: precision, accuracy and F1 in the paper's Table 2; None for maps that it does not have.
        added: put in Table 2 although the paper does not have it.
    """

    row: str
    method: str
    scales: tuple[int, ...] = ALL_SCALES
    threshold: float = PGCAM_THRESHOLD
    paper: tuple[float, float, float] | None = None
    added: bool = False

    @property
    def in_table_2(self) -> bool:
        """Whether the row stands in Table 2, and in those with other thresholds."""
        return self.added or self.paper is not None

    @property
    def signed(self) -> bool:
        """Whether the map keeps evidence against the class: CAM, whose Eq. 1 has no ReLU."""
        return self.method == "CAM"

    @property
    def table(self) -> str:
        """The table that the row belongs to."""
        return LOCALIZATION if self.in_table_2 else BEYOND


@dataclass(frozen=True)
class System:
    """A network of Table 1, trained once for all its rows.

    Args:
        name: of its folder.
        network: a name of the registry.
        rows: row of Table 1 to the paper's accuracy; None for a network that the paper does not have.
        maps: its localisation rows.
        settings: what the network is built with, besides the number of classes and its size.
        weights: of the class scores that the maps explain.
        encoder_weights: what the encoder starts from, as for `load_encoder_weights`; None for random weights.
        learning_rate: of Adam at the start, in place of the study's.
        normalisation: of the images, as for `normalise_slices`.
    """

    name: str
    network: str
    rows: Mapping[str, float | None]
    maps: tuple[MapRow, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    weights: tuple[float, ...] = (0.0, 1.0)
    encoder_weights: str | None = None
    learning_rate: float | None = None
    normalisation: str = "foreground-zscore"

    @property
    def own_recipe(self) -> dict[str, Any]:
        """What decides its training beside the study's settings; empty where nothing is its own."""
        own = ("encoder_weights", "learning_rate", "normalisation")
        defaults = System.__dataclass_fields__
        return {name: value for name in own if (value := getattr(self, name)) != defaults[name].default}


DCFPN_MAPS = (
    MapRow("PG-CAM (DC)", "PG-CAM", paper=(0.45, 0.34, 0.50)),
    MapRow("PG-CAM:Scale1 (DC)", "PG-CAM", (1,), paper=(0.42, 0.33, 0.50)),
    MapRow("PG-CAM:Scale1&4 (DC)", "PG-CAM", (1, 4), paper=(0.47, 0.36, 0.53)),
    MapRow("Grad-CAM++ of DC-FPN", "Grad-CAM++"),
    MapRow("Grad-CAM++ of DC-FPN, scales 1 and 4", "Grad-CAM++", (1, 4)),
    MapRow("Layer-CAM of DC-FPN", "Layer-CAM"),
    MapRow("Layer-CAM of DC-FPN, scales 1 and 4", "Layer-CAM", (1, 4)),
)
RESNET_MAPS = (
    MapRow("ResCAM", "CAM", (1,), RESCAM_THRESHOLD, (0.13, 0.12, 0.22)),
    MapRow("Grad-ResCAM", "Grad-CAM", (1,), RESCAM_THRESHOLD, (0.26, 0.24, 0.39)),
    MapRow("Grad-ResCAM at PG-CAM's threshold", "Grad-CAM", (1,)),
)
FPN_MAPS = (MapRow("PG-CAM (no DC)", "PG-CAM"), MapRow("PG-CAM:Scale1&4 (no DC)", "PG-CAM", (1, 4)))

# An encoder with ImageNet weights under the same pyramid and head. Its rate is lower than that of the others: steps of
# 1e-3 would overwrite the weights that it is there for. It expects intensities of 0 to 1, as those weights do.
ENCODER = "EfficientNet-Lite0, not in the paper"
ENCODER_MAPS = (
    MapRow(f"{ENCODER}: PG-CAM", "PG-CAM", added=True),
    MapRow(f"{ENCODER}: PG-CAM:Scale1", "PG-CAM", (1,), added=True),
    MapRow(f"{ENCODER}: PG-CAM:Scale1&4", "PG-CAM", (1, 4), added=True),
    MapRow(f"{ENCODER}: Grad-CAM", "Grad-CAM of the encoder", (1,), RESCAM_THRESHOLD, added=True),
    MapRow(f"{ENCODER}: Grad-CAM at PG-CAM's threshold", "Grad-CAM of the encoder", (1,)),
)
PRETRAINED = System(
    "efficientnet-lite0",
    "dcfpn",
    {ENCODER: None},
    ENCODER_MAPS,
    {"encoder": "efficientnet-lite0"},
    encoder_weights=IMAGENET,
    learning_rate=3e-4,
    normalisation="foreground-gamma",
)

# In the order of training: what Table 2 compares comes first.
SYSTEMS = (
    System("dcfpn", "dcfpn", {"PG-CAM (FPN, DC, 22 layers)": 0.956}, DCFPN_MAPS, {"dense": True}),
    System(
        "resnet50",
        "resnet50",
        {"ResCAM (ResNet, 50 layers)": 0.964, "Grad-ResCAM (ResNet, 50 layers)": 0.964},
        RESNET_MAPS,
    ),
    System("fpn", "dcfpn", {"PG-CAM (FPN, no DC, 22 layers)": 0.833}, FPN_MAPS, {"dense": False}),
    System(
        "multigap",
        "multigap",
        {"Multi-GAP CAM (FPN, no DC, 22 layers)": 0.797},
        (MapRow("Multi-GAP CAM (no DC)", "Multi-GAP CAM"),),
        {"dense": False},
    ),
    System(
        "multigap-dense",
        "multigap",
        {"Multi-GAP CAM (FPN, DC, 22 layers)": 0.826},
        (MapRow("Multi-GAP CAM (DC)", "Multi-GAP CAM"),),
        {"dense": True},
    ),
    PRETRAINED,
)
# The bundled model's recipe: DC-FPN again, as this project trains it; its network is loaded, not trained here.
BUNDLED_MAPS = (
    MapRow(f"{ROW}: PG-CAM, scales 1 and 4", "PG-CAM", (1, 4)),
    MapRow(f"{ROW}: PG-CAM, scales 1 and 2", "PG-CAM", (1, 2)),
    MapRow(f"{ROW}: PG-CAM, scales 1 and 2, its own threshold", "PG-CAM", (1, 2), 0.5),
)
BUNDLED = System(BUNDLE, "dcfpn", {ROW: None}, BUNDLED_MAPS)
# Rows as the paper's Table 1 has them.
CLASSIFICATION_ROWS = (
    "PG-CAM (FPN, no DC, 22 layers)",
    "PG-CAM (FPN, DC, 22 layers)",
    "ResCAM (ResNet, 50 layers)",
    "Grad-ResCAM (ResNet, 50 layers)",
    "Multi-GAP CAM (FPN, no DC, 22 layers)",
    "Multi-GAP CAM (FPN, DC, 22 layers)",
)
