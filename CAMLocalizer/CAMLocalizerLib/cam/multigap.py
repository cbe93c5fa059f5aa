"""Multi-GAP CAM: the class activation map of each branch of a pyramid."""

from __future__ import annotations

from torch import Tensor

from ..core import ModelError
from ..networks import MultiGAP
from .combine import weighted_map
from .gradcam import GradCAM
from .layers import hook_layers, run
from .result import CAMResult
from .targets import Targets, class_weights, resolve_targets


class MultiGAPCAM(GradCAM):
    r"""Class activation maps of a Multi-GAP network from its classifiers' own weights, one map per scale.

    .. math:: M_s(x) = ReLU\left(\sum_k w_{sck} f_{sk}(x)\right)

    where f_s are the maps of scale s and w_s their weights in the logits over all branches that use them, including
    normalisation. The network's map is the sum over scales; as for PG-CAM, the terms are returned separately, to be
    fused in another step. Unlike Grad-CAM at the same layers, the contribution of a coarse map through the decoder to
    finer scales is not included. Lifetime, targets and result are the same as for `GradCAM`.

    Args:
        model: a `MultiGAP` network.

    Raises:
        ModelError: another network.

    Source:
        CAM (Zhou et al., 2016), Eq. 2, for each branch of Multi-GAP CAM in PG-CAM (Lee et al., 2018), Table 1.
    """

    def __init__(self, model: MultiGAP) -> None:
        if not isinstance(model, MultiGAP):
            raise ModelError(f"Multi-GAP CAM needs a MultiGAP network, got {type(model).__name__}; use PyramidGradCAM")
        super().__init__(model, model.cam_layers)
        self._network = model

    def _compute(self, images: Tensor, targets: Targets) -> CAMResult:
        with hook_layers(self._network, self.layers, gradients=False) as outputs:
            logits = run(self._network, images, outputs, self.layers)
        resolved = resolve_targets(targets, logits)
        asked, weights = class_weights(resolved, logits), self._network.map_weights()
        maps = {scale: weighted_map(outputs.maps[scale], asked @ weights[scale].to(asked.dtype)) for scale in weights}
        return CAMResult(logits, resolved, maps)
