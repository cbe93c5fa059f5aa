"""The rows of the soft activation mapping paper's Table 1: networks, maps and the paper's figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

DATASETS: Mapping[str, int] = {"D_1C": 1, "D_3C": 3, "D_11C": 11, "D_21C": 21}
SENSITIVITY, SPECIFICITY = "sensitivity", "specificity"
OURS = ("Ours-CAM", "Ours-SAM", "Ours-HESAM")
VGG_RATE = 0.4


@dataclass(frozen=True)
class Row:
    """A row of Table 1.

    Args:
        name: the paper's name.
        paper: accuracies in percent on the four inputs, then sensitivity and specificity on D_11C.
        network: name in the registry; None for a network that is not built here.
        settings: of the network.
        map: ``CAM``, ``SAM`` or ``HESAM``; None where the last maps are too coarse for one.
        rate: factor on the learning rate.
    """

    name: str
    paper: tuple[float, float, float, float, float, float]
    network: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    map: str | None = None
    rate: float = 1.0

    @property
    def accuracies(self) -> dict[str, float]:
        """The paper's accuracy in percent on each input."""
        return dict(zip(DATASETS, self.paper, strict=False))


ROWS = (
    Row("PN_SAMP", (84.28, 91.70, 97.82, 97.38, 0.8431, 0.9763)),
    Row("ResNet18", (81.22, 91.27, 95.63, 95.79, 0.9411, 0.9685), "resnet18_plain"),
    Row("ResNet34", (80.79, 90.83, 96.07, 95.20, 0.9705, 0.9763), "resnet34_plain"),
    Row("VGG16", (85.59, 91.70, 96.69, 96.07, 0.9411, 0.9763), "vgg16_plain", rate=VGG_RATE),
    Row("DenseNet121", (79.91, 87.77, 93.45, 90.83, 0.9215, 0.9527), "densenet121_plain"),
    Row("ResNet18-CAM", (81.66, 88.21, 95.36, 95.20, 0.9216, 0.9764), "resnet18_cam", map="CAM"),
    Row("ResNet34-CAM", (81.66, 86.90, 97.82, 96.94, 0.9509, 0.9781), "resnet34_cam", map="CAM"),
    Row("VGG16-CAM", (83.41, 89.96, 92.14, 91.70, 0.9117, 0.9448), "vgg16_cam", map="CAM", rate=VGG_RATE),
    Row("DenseNet121-CAM", (80.35, 86.46, 95.63, 89.08, 0.9313, 0.9527), "densenet121_cam", map="CAM"),
    Row("ResNet18-SAM", (84.28, 89.96, 97.38, 96.94, 0.9607, 0.9763), "resnet18_sam", map="SAM"),
    Row("ResNet34-SAM", (83.41, 88.69, 98.25, 96.51, 0.9509, 0.9843), "resnet34_sam", map="SAM"),
    Row("VGG16-SAM", (83.41, 90.83, 94.32, 93.89, 0.9411, 0.9448), "vgg16_sam", map="SAM", rate=VGG_RATE),
    Row("DenseNet121-SAM", (81.22, 88.65, 97.28, 94.76, 0.9411, 0.9685), "densenet121_sam", map="SAM"),
    Row("Ours-CAM", (80.35, 86.46, 96.51, 95.20, 0.9509, 0.9737), "hesam", {"head": "cam"}, "CAM"),
    Row("Ours-SAM", (81.66, 89.08, 98.25, 97.38, 0.9509, 0.9843), "hesam", {"head": "sam"}, "SAM"),
    Row("Ours-HESAM", (83.41, 92.58, 99.13, 98.69, 0.9705, 0.9921), "hesam", {"head": "hesam"}, "HESAM"),
)
BY_NAME: Mapping[str, Row] = {row.name: row for row in ROWS}
TRAINED = tuple(row.name for row in ROWS if row.network is not None)
