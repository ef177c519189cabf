from __future__ import annotations

import pytest

from egret.judge.networks import NetworkClass, networks_of
from egret.judge.unnamed import UNNAMED, unnamed_match
from egret.model import Category, ServiceClass


@pytest.mark.parametrize(
    ("asn", "identity", "contested"),
    [
        (37963, "network.alibaba", False),
        (45102, "network.alibaba-international", True),
        (134963, "network.alibaba-international", True),
        (63199, "network.cds-global-cloud-international", True),
        (132203, "network.tencent", False),
    ],
)
def test_a_network_of_a_prc_ai_cloud(asn: int, identity: str, contested: bool) -> None:
    match = unnamed_match(asn)
    assert match is not None
    assert (match.signature.id, match.pattern, match.region) == (identity, f"AS{asn}", None)
    assert match.signature.operator.contested is contested


@pytest.mark.parametrize("asn", [None, 0, 13335, 4134, 55960, 24429, 16509, 34947, 211914])
def test_other_networks_say_nothing(asn: int | None) -> None:
    assert unnamed_match(asn) is None


def test_none_of_them_is_called_ai_and_every_operator_has_one() -> None:
    assert {(s.service_class, s.category) for s in UNNAMED.values()} == {(ServiceClass.CLOUD, Category.CLOUD_PLATFORM)}
    assert all(s.service.startswith("PRC cloud network") for s in UNNAMED.values())
    assert {s.vendor for s in UNNAMED.values()} == set(networks_of(NetworkClass.PRC_AI_CLOUD))
    assert all(not s.hosts and not s.networks and not s.alternatives for s in UNNAMED.values())
