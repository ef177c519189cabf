from __future__ import annotations

from egret.alerts.sensor import Probe
from egret.decode.link import ETHERNET
from egret.model import Frame
from egret.sources.probes import FIRST_PORT, NAME, frames, from_port
from egret.worker.canary import SIGNATURE, Ear
from tests.support.catalog import bundled
from tests.support.crew import FakeSource


def probe_frames(port: int = FIRST_PORT) -> list[Frame]:
    made = [from_port(frames()[probe], port) for probe in Probe]
    return [Frame(port * 1_000_000_000, ETHERNET, memoryview(data), len(data), "lo") for data in made]


def nothing() -> None:
    """What happens when a source has run dry."""


def test_it_hears_each_probe_once() -> None:
    source = FakeSource([probe_frames(), probe_frames(FIRST_PORT + 1)], nothing)
    ear = Ear(source)
    for port in (FIRST_PORT, FIRST_PORT + 1):
        hits = list(ear.hear())
        assert [hit.event.protocol for hit in hits] == [probe.value for probe in Probe]
        assert {(hit.event.client.port, hit.match.signature.id) for hit in hits} == {(port, SIGNATURE.id)}
    assert list(ear.hear()) == []
    ear.close()
    assert source.closed


def test_no_real_signature_names_it() -> None:
    catalog = bundled()
    assert catalog.match_name(NAME) is None
    assert catalog.get(SIGNATURE.id) is None
