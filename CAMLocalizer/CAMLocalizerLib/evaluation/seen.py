"""Which cases a model was trained on, as far as its card and its training folder say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..io import read_volume
from ..io.hashing import voxel_fingerprint
from ..training.fine_tuning.parent import LISTED, TRAINING_IMAGES
from ..training.fit.record import read_json
from ..training.output import PATIENTS, TRAINING_FILE
from .assessment import LabelledFile
from .networks_by_patient import NetworksByPatient


@dataclass(frozen=True)
class Seen:
    """What a model learnt from.

    Args:
        patients: of the table whose images it learnt from, sorted.
        unknown: whether card and folder list no training images, so that it may have learnt from others too.
    """

    patients: tuple[str, ...]
    unknown: bool


def seen_patients(networks: NetworksByPatient, files: Sequence[LabelledFile]) -> Seen:
    """Find the patients that a model has learnt from.

    A patient was seen if the voxels of one of the images are among those that the card lists, or if the training folder
    in which the bundle lies lists a patient of that name. Networks of a training's folds have not seen the patients
    whom they judge.

    Args:
        networks: the model.
        files: of the table.

    Raises:
        CAMLocalizerError: an image that cannot be read, or a damaged training folder.
    """
    if networks.cross_validated:
        return Seen((), False)
    bundle = networks.bundles[0]
    listed = set(bundle.card.training_images)
    named: set[str] = set()
    if (path := bundle.folder.parent / TRAINING_FILE).is_file():
        named = set(map(str, read_json(path).get(PATIENTS, ())))
    found = {
        file.rows[0].patient
        for file in files
        if file.rows[0].patient in named or (listed and voxel_fingerprint(read_volume(file.path)) in listed)
    }
    complete = bool(listed) and bundle.card.parent.get(TRAINING_IMAGES, LISTED) == LISTED
    return Seen(tuple(sorted(found)), not complete)
