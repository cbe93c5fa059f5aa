"""Networks by name."""

from __future__ import annotations

import pytest

from CAMLocalizerLib.core import ModelError
from CAMLocalizerLib.networks import DCFPN, build_network


def test_a_network_is_built_with_its_settings():
    model = build_network("dcfpn", classes=3, channels=[2, 3, 4, 5], dense=False)
    assert isinstance(model, DCFPN)
    assert (model.head.in_features, model.head.out_features) == (2, 3)


def test_an_unknown_network_is_refused_with_those_there_are():
    with pytest.raises(ModelError, match=r"no network is called 'lenet', expected one of \[.*'dcfpn'"):
        build_network("lenet")


@pytest.mark.parametrize("settings", [{"depth": 3}, {"channels": (1, 2)}])
def test_settings_that_a_network_does_not_take_are_refused(settings: dict[str, object]):
    with pytest.raises(ModelError, match="'dcfpn' cannot be built with the settings"):
        build_network("dcfpn", **settings)
