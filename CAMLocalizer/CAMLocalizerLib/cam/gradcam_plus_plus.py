"""Grad-CAM++ of any classifier, for any number of layers in one pass."""

from __future__ import annotations

import torch
from torch import Tensor

from .combine import weighted_map
from .gradcam import GradCAM


class GradCAMPlusPlus(GradCAM):
    r"""Grad-CAM whose channel weights are weighted sums over the cells with positive gradients only.

    .. math:: M_s = ReLU\left(\sum_k f_{sk} \sum_{ij} \alpha_{skij}\, ReLU(g_{skij})\right), \quad
              \alpha_{skij} = \frac{g_{skij}^2}{2 g_{skij}^2 + g_{skij}^3 \sum_{ab} f_{skab}}
                            = \frac{1}{2 + g_{skij} \sum_{ab} f_{skab}}

    where g is the gradient of the score y with respect to the feature maps f. The paper derives the maps of exp(y); its
    factor exp(y), one per image, is left out, because it only scales the map and overflows. The reduced fraction needs
    no epsilon, which dominates the result of other implementations for small gradients. Adding a constant to y or
    scaling the features changes the maps at most by a factor. The maps do depend on the scale of y, as in the paper:
    alpha tends to 1/2 everywhere for small y and to the inverse gradient for large y.

    If the denominator is zero, alpha is zero. This requires feature maps with a negative sum, such as those before a
    ReLU, which the paper does not consider. Lifetime, arguments, targets and result are the same as for `GradCAM`.

    Source:
        Chattopadhay et al., Grad-CAM++, WACV 2018, Eq. 19, which assumes that all higher derivatives after the layer
        are zero, as in a network of ReLUs.
    """

    def _map(self, features: Tensor, gradient: Tensor) -> Tensor:
        precise = torch.promote_types(torch.promote_types(features.dtype, gradient.dtype), torch.float32)
        slopes, sums = gradient.flatten(2).to(precise), features.flatten(2).sum(2, dtype=precise)
        below = 2 + slopes * sums[:, :, None]  # (N, C, cells)
        shares = torch.where(below == 0, 0, 1 / below)
        return weighted_map(features, (shares * slopes.relu()).sum(2))  # weights (N, C)
