"""Which slices of a volume its label is learnt from, if the label is given for the whole volume."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ...models import ModelCard
from ..dataset import Prepared
from .parent import tumour_probabilities

SURE = 0.5


def chosen_slices(prepared: Prepared, network: nn.Module, card: ModelCard, most: int) -> Prepared:
    """Leave out slices whose label is only known of the volume as a whole, and which may not show it.

    A volume with a tumour does not show it in every slice. Those are kept in which the model finds one, the most
    probable first, and at least one slice. Of a volume without a tumour, slices at even distances are kept. Slices with
    a label of their own are all kept.

    Args:
        prepared: images of one file.
        network: of the model that is fine-tuned, in evaluation mode.
        card: of the model.
        most: slices of a volume that are kept.
    """
    whole = [number for number, row in enumerate(prepared.rows) if row.slice is None]
    if card.projections or len(whole) < 2:
        return prepared
    row, images = prepared.rows[whole[0]], prepared.images[whole]
    if row.label in card.other_classes:
        kept = np.unique(np.linspace(0, len(whole) - 1, min(most, len(whole))).round().astype(int))
    else:
        kept = _with_tumour(tumour_probabilities(network, torch.from_numpy(images[:, None]), card).numpy(), most)
    keep = sorted({*kept_of(whole, kept), *(set(range(len(prepared.rows))) - set(whole))})
    return replace(
        prepared,
        images=prepared.images[keep],
        rows=tuple(prepared.rows[index] for index in keep),
        points=prepared.points[keep],
        names=tuple(prepared.names[index] for index in keep),
    )


def kept_of(whole: list[int], kept: NDArray[np.int64]) -> list[int]:
    """Return the numbers of the images that are kept among those of the volume."""
    return [whole[index] for index in kept.tolist()]


def _with_tumour(probabilities: NDArray[np.float32], most: int) -> NDArray[np.int64]:
    order = np.argsort(-probabilities, kind="stable")
    return order[: max(1, min(most, int((probabilities >= SURE).sum())))]
