"""A network of brain-t1ce in PG-CAM's tables."""

from __future__ import annotations

import numpy as np

from CAMLocalizerLib.models import load_model
from CAMLocalizerLib.training.fitting import predict_logits
from CAMLocalizerLib.training.images import ImageSet
from reproduction.papers.pgcam.bundle import measure_bundle
from reproduction.papers.pgcam.localise import MaskedSlices
from reproduction.papers.pgcam.systems import BUNDLED


def test_the_most_probable_tumour_decides_and_every_map_is_scored():
    generator = np.random.default_rng(3)
    images = generator.normal(size=(6, 1, 64, 64)).astype(np.float32)
    bundle = load_model("brain-t1ce")
    tumours = predict_logits(bundle.network(), images)[:, 1:]  # behind "no tumour"
    labels = (tumours.argmax(axis=1) == bundle.card.tumour_classes.index("meningioma")).astype(np.int64)
    names = np.array([f"slice-{index}" for index in range(6)])
    held_out = ImageSet(images, labels, ("other tumour", "meningioma"), names, np.ones(6, np.int64), names)
    masks = np.zeros((6, 32, 32), dtype=bool)  # of another size than the images
    masks[:, 10:20, 10:20] = True
    result = measure_bundle(bundle, 1, held_out, MaskedSlices(names, images, masks))
    assert result.classification["accuracy"] == 1.0
    assert list(result.maps) == [row.row for row in BUNDLED.maps]
    assert all(len(score.ious) == 6 for score in result.maps.values())
