"""What ``egret doctor`` says of connection tracking: whether its counters can be read, and what is missing if not."""

from __future__ import annotations

from collections.abc import Iterator

from egret.cli.findings import Finding, Level
from egret.settings.config import Config
from egret.sources.conntrack import missing


def check_conntrack(config: Config) -> Iterator[Finding]:
    """The right, the kernel's tracking, its counters: each that is missing is a line."""
    volume = config.volume
    if not volume.enabled or volume.conntrack == "off" or config.capture.backend != "afpacket":
        return
    lacks = missing()
    if not lacks:
        yield Finding("conntrack", Level.OK, "bytes of flagged UDP connections by this host's connection tracking")
    elif volume.conntrack == "auto":
        what = ", no ".join(lack.partition(": ")[0] for lack in lacks)
        yield Finding("conntrack", Level.OK, f"not asked, so UDP is counted by datagrams: no {what}")
    else:
        for lack in lacks:
            what, _, remedy = lack.partition(": ")
            yield Finding("conntrack", Level.WARN, f"UDP is counted by datagrams: no {what}", remedy)
