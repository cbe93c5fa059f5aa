"""Layer-CAM of any classifier, for any number of layers in one pass."""

from __future__ import annotations

import torch
from torch import Tensor

from .gradcam import GradCAM


class LayerCAM(GradCAM):
    r"""Class activation maps with a weight for each cell, so that early, fine layers can be used too.

    .. math:: M_s(i, j) = ReLU\left(\sum_k ReLU(g_{sk}(i, j))\, f_{sk}(i, j)\right)

    where g is the gradient of the score with respect to the feature maps f. The paper scales the maps of its shallow
    layers by tanh(2 M / max M) before fusing them; here the maps are raw, and scaling is part of the fusion. Lifetime,
    arguments, targets and result are the same as for `GradCAM`.

    Source:
        Jiang et al., LayerCAM, IEEE Transactions on Image Processing 30, 2021, Eq. 6 and 7.
    """

    def _map(self, features: Tensor, gradient: Tensor) -> Tensor:
        precise = torch.promote_types(torch.promote_types(features.dtype, gradient.dtype), torch.float32)
        return (features.to(precise) * gradient.to(precise).relu()).sum(1).relu_().float()
