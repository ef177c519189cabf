"""Which kind of network announces an address: a closed list, good for a metric label.

The table is a judgement on each number, from the fact base of 2026-11-22 (Route Views, RIR registrations, RADB). It is
never made from a search by name: public "Alibaba" lists hold an Iranian travel company (AS34947) and an Uzbek carrier
(AS211914). Networks with a clash between sources (AS203513), that announce nothing, or that were set apart from their
former owner (AS11983) are left out. A network can only say "PRC cloud", never "AI vendor": DeepSeek, Moonshot, Zhipu
and others have no network of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from egret.value import Struct

SOURCE = "Route Views, RIR registrations, RADB"
DATE = "2026-11-22"


class NetworkClass(StrEnum):
    """What announces an address."""

    PRC_AI_CLOUD = "prc-ai-cloud"  # a cloud whose owner runs AI services on it, here or abroad
    PRC_CLOUD = "prc-cloud"  # PRC operators of foreign cloud brands: in CN, yet no PRC AI vendor
    PRC_CDN = "prc-cdn"
    PRC_CARRIER = "prc-carrier"  # many AI start-ups rack their machines here
    PRC_COMPANY = "prc-company"
    PRC_ACADEMIC = "prc-academic"
    FOREIGN_CLOUD = "foreign-cloud"
    FOREIGN_CDN = "foreign-cdn"  # may front for anybody, PRC services included
    OTHER = "other"  # a number that is not in the table
    UNKNOWN = "unknown"  # no number known


class Network(Struct, frozen=True):
    """One row of the table."""

    network_class: NetworkClass
    operator: str  # the group, as the fact base names it


_TABLE: dict[NetworkClass, dict[str, tuple[int, ...]]] = {
    NetworkClass.PRC_AI_CLOUD: {
        "Alibaba": (
            37963,
            45102,
            134963,
        ),
        "Baidu": (
            38365,
            55967,
        ),
        "ByteDance": (
            137718,
            150436,
        ),
        "CDS Global Cloud": (63199,),
        "Capitalonline": (150293,),
        "China Telecom": (58519,),
        "Huawei": (
            55990,
            136907,
        ),
        "JD": (
            131486,
            137753,
            137787,
        ),
        "Kingsoft": (
            59019,
            137280,
        ),
        "Tencent": (
            45090,
            132203,
            133478,
            139341,
        ),
        "UCloud": (
            59077,
            135377,
            139327,
        ),
    },
    NetworkClass.PRC_CLOUD: {
        "AWS China operator": (
            55960,
            135629,
        ),
        "Azure China operator": (58593,),
    },
    NetworkClass.PRC_CDN: {
        "Qiniu": (152644,),
        "Wangsu/CDNetworks": (54994,),
    },
    NetworkClass.PRC_CARRIER: {
        "21Vianet": (17428,),
        "China Mobile": (
            9231,
            9808,
            24400,
            24444,
            24445,
            56040,
            56041,
            56042,
            56044,
            56045,
            56046,
            56047,
            56048,
            58453,
            137872,
        ),
        "China Telecom": (
            4134,
            4809,
            4811,
            4812,
            4847,
            23724,
            23764,
            58461,
            58466,
        ),
        "China Unicom": (
            4808,
            4837,
            9929,
            10099,
            17621,
            17622,
            17623,
            17816,
        ),
    },
    NetworkClass.PRC_COMPANY: {
        "Alibaba": (
            24429,
            133376,
        ),
        "Baidu": (38627,),
        "Bilibili": (140633,),
        "ByteDance": (
            138699,
            396986,
        ),
        "Huawei": (
            131444,
            141180,
            149167,
            151610,
            200756,
            206798,
        ),
        "Kuaishou": (139799,),
        "NetEase": (
            45062,
            137263,
        ),
        "OPPO": (63593,),
        "Qihoo 360": (55992,),
        "SenseTime": (146758,),
        "Sina": (37936,),
        "Tencent": (
            132591,
            137876,
        ),
        "Xiaomi": (
            63855,
            63915,
        ),
    },
    NetworkClass.PRC_ACADEMIC: {
        "CERNET": (4538,),
        "CSTNET": (7497,),
    },
    NetworkClass.FOREIGN_CLOUD: {
        "Amazon": (
            14618,
            16509,
        ),
        "Google": (15169,),
        "Google Cloud": (396982,),
        "Microsoft": (8075,),
    },
    NetworkClass.FOREIGN_CDN: {
        "Akamai": (
            16625,
            20940,
        ),
        "Cloudflare": (
            13335,
            209242,
        ),
        "Fastly": (54113,),
        "Zenlayer": (
            21859,
            62610,
        ),
    },
}
_NETWORKS = {
    asn: Network(network_class, operator)
    for network_class, operators in _TABLE.items()
    for operator, asns in operators.items()
    for asn in asns
}


# whose operators run them on the mainland only; whois places some of their addresses elsewhere (8.129 to 8.147: SG)
_MAINLAND = frozenset({37963, 38365, 45090, 55990, 58519, 59019, 59077, 133478, 137718})


def is_mainland(asn: int | None) -> bool:
    """Whether *asn* is announced from the mainland alone."""
    return asn in _MAINLAND


def networks_of(network_class: NetworkClass) -> Mapping[str, tuple[int, ...]]:
    """The operators of a class, each with its numbers."""
    return _TABLE.get(network_class, {})


def network(asn: int | None) -> Network | None:
    """The row of *asn*, if it has one."""
    return None if asn is None else _NETWORKS.get(asn)


def network_class(asn: int | None) -> NetworkClass:
    """The class of *asn*; total."""
    if asn is None:
        return NetworkClass.UNKNOWN
    row = _NETWORKS.get(asn)
    return row.network_class if row else NetworkClass.OTHER
