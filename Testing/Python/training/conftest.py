"""Tiny labelled images and a network for them."""

from __future__ import annotations

import pytest
from tiny_training import blobs, tiny_network
from torch import nn

from CAMLocalizerLib.training.images import ImageSet


@pytest.fixture
def images() -> ImageSet:
    return blobs()


@pytest.fixture
def network() -> nn.Module:
    return tiny_network()
