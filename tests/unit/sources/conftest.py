from __future__ import annotations

from collections.abc import Iterator

import pytest

from egret.sources import channel
from egret.sources.channel import Channel


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    made = channel.pair()
    yield made
    for end in made:
        end.close()
