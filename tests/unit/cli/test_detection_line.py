from __future__ import annotations

from egret.cli.detection_line import detection_line
from tests.support.alerts import connection, hello


def test_a_detection_keeps_operator_and_hosting_apart() -> None:
    line = detection_line(hello(), "x.pcap")
    assert line["operator"] == {"country": "CN", "contested": False}
    assert line["hosting"] == {"country": "CN", "asn": 64500, "as_org": "Example Net", "source": "test 2026-01-01"}
    wanted = {"signature", "vendor", "service", "category", "class", "severity", "score", "reasons"}
    assert wanted <= set(line)
    assert detection_line(connection(), None)["kind"] == "flow"
