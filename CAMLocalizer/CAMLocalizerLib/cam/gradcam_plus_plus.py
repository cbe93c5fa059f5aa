"""Grad-CAM++ of any classifier, at any number of layers in one pass."""

from __future__ import annotations

import torch
from torch import Tensor

from .combine import weighted_map
from .gradcam import GradCAM


class GradCAMPlusPlus(GradCAM):
    r"""Grad-CAM whose channel weights count cells that speak for the target only, each by its own share.

    .. math:: M_s = ReLU\left(\sum_k f_{sk} \sum_{ij} \alpha_{skij}\, ReLU(g_{skij})\right), \quad
              \alpha_{skij} = \frac{g_{skij}^2}{2 g_{skij}^2 + g_{skij}^3 \sum_{ab} f_{skab}}
                            = \frac{1}{2 + g_{skij} \sum_{ab} f_{skab}}

    where g is the gradient of the score y with respect to the feature maps f. The paper derives the maps of exp(y);
    its factor exp(y), one per image, is left out: it changes no map's shape and overflows. The shortened fraction
    needs no epsilon, which decides the result of other implementations where gradients are small: maps are the
    same up to a factor for y plus any constant, and for features of any unit. They do depend on the unit of y, as the
    equation has it: alpha tends to 1/2 everywhere for small y and to the inverse gradient for large y.

    Where the denominator vanishes alpha is zero; that takes feature maps with a negative sum, such as those before
    a ReLU, for which the paper is not meant. Lifetime, arguments, targets and result are those of `GradCAM`.

    Source:
        Chattopadhay et al., Grad-CAM++, WACV 2018, Eq. 19, which takes all derivatives behind the layer beyond the
        first as zero, as in a network of ReLUs.
    """

    def _map(self, features: Tensor, gradient: Tensor) -> Tensor:
        precise = torch.promote_types(torch.promote_types(features.dtype, gradient.dtype), torch.float32)
        slopes, sums = gradient.flatten(2).to(precise), features.flatten(2).sum(2, dtype=precise)
        below = 2 + slopes * sums[:, :, None]  # (N, C, cells)
        shares = torch.where(below == 0, 0, 1 / below)
        return weighted_map(features, (shares * slopes.relu()).sum(2))  # weights (N, C)
