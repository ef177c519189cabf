from pathlib import Path

from egret.sources.base import Source
from egret.sources.files import open_capture
from tests.support.net import pcap_bytes, write


def test_a_capture_file_is_a_source(tmp_path: Path) -> None:
    source: Source = open_capture(write(tmp_path / "x", pcap_bytes([b"x"])))
    assert [bytes(frame.data) for frame in source.frames()] == [b"x"]
    source.close()
