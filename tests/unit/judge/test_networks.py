from __future__ import annotations

import pytest

from egret.judge.networks import NetworkClass, network, network_class


@pytest.mark.parametrize(
    ("asn", "expected"),
    [
        (37963, "prc-ai-cloud"),
        (45102, "prc-ai-cloud"),
        (4134, "prc-carrier"),
        (4538, "prc-academic"),
        (55960, "prc-cloud"),  # AWS Beijing: in CN and no PRC AI vendor
        (63855, "prc-company"),
        (152644, "prc-cdn"),
        (16509, "foreign-cloud"),
        (13335, "foreign-cdn"),
        (34947, "other"),  # the Iranian "Alibaba Travel Company"
        (211914, "other"),
        (203513, "other"),
        (11983, "other"),
        (64512, "other"),
        (None, "unknown"),
    ],
)
def test_class(asn: int | None, expected: str) -> None:
    assert network_class(asn) is NetworkClass(expected)


def test_operator() -> None:
    row = network(137718)
    assert row is not None
    assert row.operator == "ByteDance"
    assert network(64512) is None
    assert network(None) is None
