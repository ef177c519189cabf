from __future__ import annotations

from datetime import timedelta

import pytest

from egret.errors import ConfigErrors
from egret.settings.config import read_config
from egret.settings.positions import parse
from egret.settings.watch_section import WatchSettings


def watch(text: str) -> WatchSettings:
    return read_config(parse(text.encode(), "t.yaml")).watch


def test_it_is_on() -> None:
    settings = watch("watch: {silent_after: 2m, max_loss_percent: 0.1}")
    assert (settings.enabled, settings.silent_after, settings.max_loss_percent) == (True, timedelta(minutes=2), 0.1)


@pytest.mark.parametrize("text", ["{silent_after: 5s}", "{max_loss_percent: 0}", "{worker_restarts: 1}"])
def test_what_would_cry_wolf_is_refused(text: str) -> None:
    with pytest.raises(ConfigErrors, match=r"t\.yaml:1"):
        watch(f"watch: {text}")
