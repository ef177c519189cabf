from __future__ import annotations

import pytest

from egret.errors import ConfigErrors
from egret.settings.config import read_config
from egret.settings.positions import parse
from egret.settings.volume_section import VolumeSettings


def volume(text: str) -> VolumeSettings:
    return read_config(parse(text.encode(), "t.yaml")).volume


def test_it_is_on_and_bounded() -> None:
    settings = volume("volume: {}")
    assert (settings.enabled, settings.peers, settings.ring_mb, settings.conntrack) == (True, 1024, 4, "auto")
    assert volume("volume: {conntrack: off}").conntrack == "off"
    assert volume("volume: {enabled: false, peers: 16}").enabled is False


@pytest.mark.parametrize(
    "text", ["volume: {peers: 5}", "volume: {peers: 9999}", "volume: {ring_mb: 0}", "volume: {conntrack: 1}"]
)
def test_what_the_kernel_would_not_take_is_refused(text: str) -> None:
    with pytest.raises(ConfigErrors, match=r"t\.yaml:1"):
        volume(text)
