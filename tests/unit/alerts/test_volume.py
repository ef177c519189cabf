from __future__ import annotations

import pytest

from egret.alerts.volume import VOLUME_LIMITS, bytes_text, volume_text
from egret.model import VolumeSource
from egret.value import replace
from tests.support.alerts import opened


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (1_234_567, "1.2 MB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (12_300_000_000, "12.3 GB"),
        ((1 << 63) - 1, "9223.4 PB"),
    ],
)
def test_a_number_of_bytes_is_short(number: int, text: str) -> None:
    assert bytes_text(number) == text


def test_nothing_measured_says_nothing() -> None:
    assert volume_text(opened().incident) is None


@pytest.mark.parametrize("source", list(VolumeSource))
def test_every_source_is_named_and_has_its_limits(source: VolumeSource) -> None:
    text = volume_text(replace(opened().incident, bytes_out=5, bytes_in=None, volume_source=source))
    assert text is not None
    assert text.startswith("sent 5 B, received 0 B since detection (")
    assert VOLUME_LIMITS[source]
