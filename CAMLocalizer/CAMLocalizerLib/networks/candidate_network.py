"""CandidateNetwork: the probability that an uptake candidate is a tumour, from its projections and features."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..core import ModelError

PLANES = 2
HIDDEN = 48


class CandidateNetwork(nn.Module):
    """Sum of the logits of the coronal projection, the sagittal projection and the numerical features of a candidate.

    Each plane has its own convolutional network that returns a logit. Adding logits multiplies odds: if one projection
    excludes a tumour, the other cannot outweigh it, as with back-projected maps that are multiplied. Several such
    networks are trained from different initial weights, and the mean of their logits is the output.

    Args:
        views: channels of each projection.
        features: number of numerical features of a candidate; 0 for none.
        classes: must be 2: tumour, or physiological uptake.
        width: channels of the first convolutions.
        members: number of networks in the ensemble, at least 1.
        projections: whether to use the projections; otherwise only the numerical features are used.

    Raises:
        ModelError: neither projections nor features, a number of classes other than 2, or no member.

    Source:
        Amyar et al., Weakly supervised tumor detection in PET using class response, 2020, for two projections whose
        evidence is multiplied.
    """

    def __init__(
        self,
        views: int = 3,
        features: int = 37,
        *,
        classes: int = 2,
        width: int = 16,
        members: int = 3,
        projections: bool = True,
    ) -> None:
        super().__init__()
        if not projections and not features:
            raise ModelError("network 'candidates' needs projections, features or both")
        if classes != 2:
            raise ModelError(f"network 'candidates' has 2 classes, got {classes}")
        if members < 1:
            raise ModelError(f"network 'candidates' needs at least 1 member, got {members}")
        self.members = nn.ModuleList(_Member(views, features, width, projections) for _ in range(members))
        self.mean: Tensor
        self.deviation: Tensor
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def evidence(self, images: Tensor, numbers: Tensor) -> Tensor:
        """Return the logits of each source of evidence.

        Args:
            images: log(1 + SUV), shape (N, 2, views, H, W), H and W multiples of 4.
            numbers: shape (N, features).

        Returns:
            Shape (members, N, sources): coronal, sagittal and features, as far as they are used.
        """
        known = numbers[:, : len(self.mean)]  # empty if only projections are used
        standard = ((known - self.mean) / self.deviation).clamp(-5, 5)
        return torch.stack([member(images, standard) for member in self.members])

    def forward(self, images: Tensor, numbers: Tensor) -> Tensor:
        """Return the logit of each candidate, shape (N,); arguments as for `evidence`."""
        return self.evidence(images, numbers).sum(dim=2).mean(dim=0)


class _Member(nn.Module):
    def __init__(self, views: int, features: int, width: int, projections: bool) -> None:
        super().__init__()
        self.planes = nn.ModuleList(_PlaneNetwork(views, width) for _ in range(PLANES if projections else 0))
        self.numbers = _numbers(features) if features else None

    def forward(self, images: Tensor, numbers: Tensor) -> Tensor:
        logits = [network(images[:, plane]) for plane, network in enumerate(self.planes)]
        if self.numbers is not None:
            logits.append(self.numbers(numbers))
        return torch.cat(logits, dim=1)


class _PlaneNetwork(nn.Module):
    """Convolutions, followed by the mean of the four central cells, where the candidate is, and of all cells."""

    def __init__(self, views: int, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            *_block(views, width),
            *_block(width, width),
            nn.MaxPool2d(2),
            *_block(width, 2 * width),
            *_block(2 * width, 2 * width),
            nn.MaxPool2d(2),
            *_block(2 * width, 2 * width),
        )
        self.head = nn.Sequential(nn.Linear(4 * width, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 1))

    def forward(self, images: Tensor) -> Tensor:
        cells = self.layers(images)
        row, column = cells.shape[2] // 2, cells.shape[3] // 2
        middle = cells[:, :, row - 1 : row + 1, column - 1 : column + 1].mean((2, 3))
        return self.head(torch.cat([middle, cells.mean((2, 3))], dim=1))


def _block(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)]


def _numbers(features: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(features, HIDDEN),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Linear(HIDDEN, HIDDEN),
        nn.ReLU(),
        nn.Linear(HIDDEN, 1),
    )
