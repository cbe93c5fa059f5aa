"""Folds by patient."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core import InputError, SettingsError

TRAINING_EXTRA = 'predicting outcomes needs scikit-learn; install it with pip install "camlocalizer[training]"'


def patient_folds(
    groups: NDArray[np.int64],
    patients: NDArray[np.str_],
    count: int,
    seed: int,
    *,
    needed: Mapping[int, str],
    source: str = "",
) -> NDArray[np.int64]:
    """Deal patients into folds, each group as evenly as possible.

    Args:
        groups: number of the group of each case, such as its outcome.
        patients: whose case it is; all cases of a patient come into one fold.
        count: number of folds, at least 2.
        seed: of the dealing.
        needed: groups of which every fold needs a patient, with what their patients have, for the message.
        source: of the cases, named in the message.

    Returns:
        Fold of each case, from 1.

    Raises:
        InputError: a needed group with fewer patients than folds.
        SettingsError: scikit-learn is not installed.
    """
    splitter = sklearn_module("model_selection").StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    for group, what in needed.items():
        if (found := len(set(patients[groups == group]))) < count:
            raise InputError(
                f"{f'{source}: ' if source else ''}{found} patients have {what}, {count} folds need at least {count}; "
                "take fewer folds or more patients"
            )
    folds = np.zeros(len(groups), np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a group that is not needed may have fewer patients than folds
        for number, (_, held_out) in enumerate(splitter.split(groups, groups, patients), start=1):
            folds[held_out] = number
    return folds


def sklearn_module(name: str) -> Any:
    """Import a part of scikit-learn.

    Raises:
        SettingsError: scikit-learn is not installed.
    """
    try:
        return import_module(f"sklearn.{name}")
    except ImportError:
        raise SettingsError(TRAINING_EXTRA) from None
