"""Differential: whatever format editcap writes our packets in, Egret reads the same packets out of it."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from egret.sources.files import open_capture
from tests.support.net import HELLO, ether, pcap_bytes, tcp, udp6

PACKETS = [bytes(ether() / tcp(HELLO)), bytes(ether() / udp6(b"x" * 200)), bytes(ether() / tcp(b"y" * 900))]
FORMATS = (
    *("pcap", "pcapng", "modpcap", "nsecpcap", "nokiapcap", "rh6_1pcap", "suse6_3pcap", "snoop", "netmon1", "netmon2"),
    *("ngsniffer", "ngwsniffer_1_1", "ngwsniffer_2_0", "visual", "5views", "observer", "lanalyzer"),
)

pytestmark = [pytest.mark.integration, pytest.mark.skipif(shutil.which("editcap") is None, reason="needs editcap")]


@pytest.mark.parametrize("form", FORMATS)
def test_the_same_packets(form: str, tmp_path: Path) -> None:
    source, copy = tmp_path / "in.pcap", tmp_path / "out"
    source.write_bytes(pcap_bytes(PACKETS))
    subprocess.run(["editcap", "-F", form, str(source), str(copy)], check=True, capture_output=True, timeout=60)
    with closing(open_capture(str(copy))) as capture:
        found = [(bytes(frame.data), frame.linktype) for frame in capture.frames()]
    assert found == [(packet, 1) for packet in PACKETS]
