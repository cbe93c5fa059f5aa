"""Networks by name."""

from __future__ import annotations

import pytest

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import DCFPN, EncoderDCFPN, build_network


def test_a_network_is_built_with_its_settings():
    model = build_network("dcfpn", classes=3, channels=[2, 3, 4, 5], dense=False)
    assert isinstance(model, DCFPN)
    assert (model.head.in_features, model.head.out_features) == (2, 3)


def test_an_unknown_network_is_refused_with_a_list_of_networks():
    with pytest.raises(ModelError, match=r"unknown network 'lenet', expected one of \[.*'dcfpn'"):
        build_network("lenet")


@pytest.mark.parametrize("settings", [{"depth": 3}, {"channels": (1, 2)}])
def test_settings_that_a_network_does_not_accept_are_refused(settings: dict[str, object]):
    with pytest.raises(ModelError, match="'dcfpn' cannot be built with the settings"):
        build_network("dcfpn", **settings)


def test_dcfpn_with_an_encoder_is_built_on_it():
    model = build_network("dcfpn", classes=3, encoder="efficientnet-lite1", channels=[2, 3, 4, 5], last_channels=2)
    assert isinstance(model, EncoderDCFPN)
    assert model.encoder.name == "efficientnet-lite1"
    assert (model.head.in_features, model.head.out_features) == (8, 3)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"encoder": "efficientnet-lite0", "dense": False}, "accepts dense only without an encoder"),
        ({"mirror": True, "last_channels": 8}, "accepts mirror, last_channels only with an encoder"),
        ({"encoder": "lenet"}, "encoder must be one of efficientnet-lite0, .* got 'lenet'"),
        ({"encoder": "efficientnet-lite0", "depth": 3}, "cannot be built with the settings"),
    ],
)
def test_settings_that_do_not_apply_with_an_encoder_are_refused(settings: dict[str, object], sentence: str):
    with pytest.raises(ModelError, match=sentence):
        build_network("dcfpn", **settings)
