"""What a fine-tuning minimises: labels among the classes that occur, pseudo-masks, and the way from the start."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...networks import EncoderDCFPN
from ..fit.batches import Batch
from ..fitting import Objective
from ..localisation.objective import CLASS_WEIGHT, LocalisingNetwork, localisation_losses

Encode = Callable[[Tensor], list[Tensor]]


class LabelLoss:
    """Cross-entropy of labels, among the classes that the labelled images have.

    Classes without an image are left out of the softmax, so that they are neither raised nor lowered. An image whose
    type of tumour is not known (``taught`` is false) has the label of any tumour class.

    Args:
        labels: of all images that are learnt from, shape (N,).
        taught: whether each image's type is known, shape (N,); None for all.
        tumours: indices of the tumour classes.
        classes: number of all classes.
    """

    def __init__(self, labels: Tensor, taught: Tensor | None, tumours: Sequence[int], classes: int) -> None:
        self.classes = classes
        self.tumours = torch.zeros(classes, dtype=torch.bool)
        self.tumours[list(tumours)] = True
        known = labels if taught is None else labels[taught]
        self.occurring = torch.zeros(classes, dtype=torch.bool)
        self.occurring[known] = True
        if taught is not None and not bool(taught.all()):
            self.occurring |= self.tumours

    def right(self, batch: Batch) -> Tensor:
        """Return which classes each image's label stands for, bool, shape (N, classes)."""
        allowed = functional.one_hot(batch.labels, self.classes).bool()
        if batch.taught is None:
            return allowed
        return torch.where(batch.taught[:, None], allowed, self.tumours.to(allowed.device))

    def __call__(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return the mean over images of minus the log-probability of their labels."""
        allowed, occurring = self.right(batch), self.occurring.to(logits.device)
        possible = logits.masked_fill(~(occurring | allowed), -torch.inf)
        return (possible.logsumexp(1) - possible.masked_fill(~allowed, -torch.inf).logsumexp(1)).mean()

    def score(self, logits: Tensor, batch: Batch) -> Tensor:
        """Return 1 for each image whose most probable class is right, shape (N,)."""
        return self.right(batch).gather(1, logits.argmax(1, keepdim=True))[:, 0].float()


class Anchor:
    """Squared distance of a network's weights to those that it started with.

    Args:
        network: as it starts; only weights that are trained count.
        weight: of the distance.

    Source:
        Li, Grandvalet, Davoine, Explicit inductive bias for transfer learning (L2-SP), ICML 2018, equation 4.
    """

    def __init__(self, network: nn.Module, weight: float) -> None:
        self.weight = weight
        self.start: Mapping[str, Tensor] = {
            name: value.detach().clone() for name, value in network.named_parameters() if value.requires_grad
        }

    def __call__(self, network: nn.Module) -> Tensor:
        """Return the weighted distance."""
        parts = [
            (value - self.start[name].to(value.device)).square().sum()
            for name, value in network.named_parameters()
            if name in self.start
        ]
        return self.weight * torch.stack(parts).sum()


def keep_normalisation(network: nn.Module) -> None:
    """Let batch normalisation use the statistics that the network came with; few images give poor ones."""
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def tuning_objective(label_loss: LabelLoss, anchor: Anchor, encode: Encode | None = None) -> Objective:
    """Return the objective of a fine-tuning.

    Args:
        label_loss: of the images.
        anchor: of the network as it starts.
        encode: gives the maps of a frozen encoder, for a `LocalisingNetwork` or an `EncoderDCFPN`; None to run the
            whole network.
    """

    def tuning_loss(network: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
        keep_normalisation(network)
        inner = network.network if isinstance(network, LocalisingNetwork) else network
        if not isinstance(inner, EncoderDCFPN):
            logits = network(batch.images).float()
            loss = label_loss(logits, batch)
        else:
            features = inner.features(batch.images) if encode is None else inner.features_of(encode(batch.images))
            logits = inner.classify(features).float()
            loss = CLASS_WEIGHT * label_loss(logits, batch)
            if batch.targets is not None and isinstance(network, LocalisingNetwork):
                loss = loss + localisation_losses(network.cell_logits(network.maps(features)), batch.targets)
        return (loss + anchor(network) if network.training else loss), logits

    return tuning_loss
