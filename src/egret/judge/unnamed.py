"""Connections without a name to a network of a PRC AI cloud: class ``cloud``, whoever rents the machine.

A network can say "PRC cloud", never "AI vendor": millions of ordinary tenants are there, and several AI vendors have no
network of their own. So there is one signature for each operator, made from the table of networks, that no name and
no catalogue matches; only an address does, and only where nothing said a name.
"""

from __future__ import annotations

import re

from egret.judge.networks import DATE, SOURCE, NetworkClass, network, networks_of
from egret.model import Category, Match, Operator, Reasoning, ServiceClass, Signature

# registered outside the PRC by a company of a PRC group, or sources differ: whether PRC law reaches it is contested
_ABROAD = frozenset({45102, 63199, 134963, 135377, 136907, 137280, 139327, 139341, 150293, 150436})
_REASONS = (
    Reasoning(
        text="The network is a PRC cloud operator's; nothing said a name, so which service answered, and whether it "
        "has to do with AI, cannot be seen",
        source=SOURCE,
        date=DATE,
        counter="A great many ordinary tenants use such clouds",
    ),
)


def unnamed_match(asn: int | None) -> Match | None:
    """What a connection without a name to an address of *asn* is; None where that is no PRC AI cloud."""
    row = network(asn)
    if asn is None or row is None or row.network_class is not NetworkClass.PRC_AI_CLOUD:
        return None
    return Match(UNNAMED[_identity(row.operator, abroad=asn in _ABROAD)], f"AS{asn}", None)


def _identity(operator: str, *, abroad: bool) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", operator.lower())
    return f"network.{slug}{'-international' if abroad else ''}"


def _signature(operator: str, *, abroad: bool) -> Signature:
    return Signature(
        id=_identity(operator, abroad=abroad),
        vendor=operator,
        service=f"PRC cloud network{', international' if abroad else ''}",
        category=Category.CLOUD_PLATFORM,
        service_class=ServiceClass.CLOUD,
        operator=Operator(country="CN", contested=abroad, source=SOURCE, date=DATE),
        reasons=_REASONS,
        last_reviewed=DATE,
    )


UNNAMED = {
    signature.id: signature
    for operator, asns in networks_of(NetworkClass.PRC_AI_CLOUD).items()
    for abroad in sorted({asn in _ABROAD for asn in asns})
    for signature in (_signature(operator, abroad=abroad),)
}
