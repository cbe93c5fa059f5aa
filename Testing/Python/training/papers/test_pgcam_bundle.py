"""The bundled model in PG-CAM's tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from CAMLocalizerLib.models import ModelBundle, load_model
from CAMLocalizerLib.training.fitting import predict_logits
from CAMLocalizerLib.training.images import ImageSet
from CAMLocalizerLib.training.papers import pgcam_bundle
from CAMLocalizerLib.training.papers.pgcam_bundle import measure_bundle, unseen_bundle
from CAMLocalizerLib.training.papers.pgcam_localise import MaskedSlices
from CAMLocalizerLib.training.papers.pgcam_systems import BUNDLED


def test_a_bundle_that_saw_all_patients_is_not_measured():
    assert unseen_bundle(1, load_model("brain-t1ce").card.size[0]) is None


@pytest.mark.parametrize(("fold", "size", "measured"), [(1, 128, True), (3, 128, False), (1, 64, False)])
def test_the_bundle_is_measured_on_patients_it_never_saw_at_its_own_size(fold, size, measured, monkeypatch):
    bundle = load_model("brain-t1ce")
    card = replace(bundle.card, training_data="Folds 3 and 4 of a collection", size=(128, 128))
    monkeypatch.setattr(pgcam_bundle, "load_model", lambda _name: ModelBundle(card, bundle.folder))
    assert (unseen_bundle(fold, size) is not None) == measured


def test_the_most_probable_tumour_decides_and_every_map_is_scored():
    generator = np.random.default_rng(3)
    images = generator.normal(size=(6, 1, 64, 64)).astype(np.float32)
    bundle = load_model("brain-t1ce")
    tumours = predict_logits(bundle.network(), images)[:, 1:]  # behind "no tumour"
    labels = (tumours.argmax(axis=1) == bundle.card.tumour_classes.index("meningioma")).astype(np.int64)
    names = np.array([f"slice-{index}" for index in range(6)])
    held_out = ImageSet(images, labels, ("other tumour", "meningioma"), names, np.ones(6, np.int64), names)
    masks = np.zeros((6, 64, 64), dtype=bool)
    masks[:, 20:40, 20:40] = True
    result = measure_bundle(bundle, 1, held_out, MaskedSlices(names, images, masks))
    assert result.classification["accuracy"] == 1.0
    assert list(result.maps) == [row.row for row in BUNDLED.maps]
    assert all(len(score.ious) == 6 for score in result.maps.values())
