"""The recipe of brain-t1ce in PG-CAM's tables: a network of a training's fold, on patients it never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from CAMLocalizerLib.localizer.targets import target_weights
from CAMLocalizerLib.metrics import classification_report
from CAMLocalizerLib.models import ModelBundle
from CAMLocalizerLib.training.fitting import predict_logits
from CAMLocalizerLib.training.images import ImageSet

from .localise import MaskedSlices, localise
from .result import FoldResult
from .systems import BUNDLED

MEASURES = ("accuracy", "sensitivity", "specificity", "auc")
TUMOUR = "meningioma"


def measure_bundle(bundle: ModelBundle, fold: int, held_out: ImageSet, shown: MaskedSlices) -> FoldResult:
    """Measure a network of brain-t1ce as the trained networks are, its maps brought to the size of the masks.

    Its maps explain what its card says, any tumour. Of its classes the three tumours alone are compared, since every
    image shows one.

    Args:
        bundle: that never saw the fold.
        fold: the held-out fold.
        held_out: meningioma against other tumours, at the bundle's size and with its normalisation.
        shown: the meningioma slices of these, with masks of any size.
    """
    card, network = bundle.card, bundle.network()
    logits = torch.from_numpy(predict_logits(network, held_out.images))
    tumours = logits[:, [card.classes.index(name) for name in card.tumour_classes]].softmax(1).numpy()
    column = card.tumour_classes.index(TUMOUR)
    others = np.delete(tumours, column, axis=1).max(axis=1)  # the most probable other tumour decides
    figures = classification_report(held_out.labels, np.stack([others, tumours[:, column]], axis=1))
    weights = tuple(target_weights(logits[:1], card)[0].tolist())
    found = localise(replace(BUNDLED, weights=weights), network, shown, shown)
    return FoldResult(
        system=BUNDLED.name,
        fold=fold,
        trained=0,
        images=len(held_out),
        positives=len(shown.names),
        classification={measure: float(getattr(figures, measure)) for measure in MEASURES},
        maps=found.scores,
        sweep={},
        tuned={},
        tuned_thresholds={},
    )
