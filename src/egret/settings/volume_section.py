"""The section ``volume``: how much flagged connections move."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from egret.settings.sections import Section
from egret.settings.values import switch


class VolumeSettings(Section):
    """How the bytes of flagged connections are counted."""

    enabled: bool = Field(
        default=True,
        description="Count what clients send to and receive from flagged services, from headers alone",
    )
    peers: int = Field(
        default=1024,
        ge=16,
        le=2048,
        description="Addresses of flagged services that are followed at once; the one used longest ago makes room, "
        "which `egret_evictions_total` counts",
    )
    ring_mb: int = Field(
        default=4,
        ge=1,
        le=1024,
        description="Size of each interface's second ring, in MiB, which holds headers of flagged connections",
    )
    conntrack: Annotated[Literal["auto", "on", "off"], BeforeValidator(switch)] = Field(
        default="auto",
        description="Ask this host's connection tracking for the bytes of flagged UDP connections: `auto` where Egret "
        "has CAP_NET_ADMIN and the kernel counts (`net.netfilter.nf_conntrack_acct=1`, which Egret never sets), `on` "
        "wherever it has that right, `off`; a change needs a restart, and `egret doctor` says what is missing",
    )
