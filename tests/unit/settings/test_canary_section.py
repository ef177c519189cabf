from __future__ import annotations

from datetime import timedelta

import pytest

from egret.errors import ConfigErrors
from egret.settings.canary_section import CanarySettings
from egret.settings.config import read_config
from egret.settings.positions import parse


def canary(text: str) -> CanarySettings:
    return read_config(parse(text.encode(), "t.yaml")).canary


def test_it_is_on() -> None:
    settings = canary("canary: {}")
    assert (settings.enabled, settings.interface) == (True, "lo")
    assert settings.within < settings.every == timedelta(minutes=1)
    assert canary("canary: {enabled: false, every: 5s, within: 1s}").enabled is False


@pytest.mark.parametrize("text", ["{every: 5s}", "{within: 2m}", "{every: 500ms, within: 100ms}", "{interface: ''}"])
def test_what_would_cry_wolf_is_refused(text: str) -> None:
    with pytest.raises(ConfigErrors, match=r"t\.yaml:1"):
        canary(f"canary: {text}")
