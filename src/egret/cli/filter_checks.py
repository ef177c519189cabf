"""What ``egret doctor`` says of the kernel filter: which one there will be, and what it passes, loses and costs.

The figures are those of docs/adr/0033-young-streams.md, of the machine that is described there.
"""

from __future__ import annotations

from collections.abc import Iterator

from egret.cli.findings import Finding, Level
from egret.settings.config import Config
from egret.sources.ebpf.loader import UnavailableError, YoungStreams
from egret.sources.privileges import may_capture

EBPF = (
    "ebpf: passes look-ups, hellos and the first 16 KB of each client's stream; loses a name that is said later than "
    "that in one hello or request; a million packets a second of bulk cost 0.5 % of a core"
)
CLASSIC = (
    "classic: passes look-ups, hellos and every upload that may go on with one; loses the rest of a hello that goes to "
    "a port above the client's; downloads cost as little as with ebpf, each uploaded segment about 1 us"
)
NONE = "none: passes everything, loses nothing while the ring has room; each packet costs about 1 us"


def check_filter(config: Config) -> Iterator[Finding]:
    """Load it and let go of it: nothing else tells for sure."""
    capture = config.capture
    if capture.backend != "afpacket" or may_capture() is not None:
        return
    if capture.filter in {"none", "classic"}:
        none = capture.filter == "none"
        remedy = "for diagnosis only: capture.filter: auto" if none else ""
        yield Finding("filter", Level.WARN if none else Level.OK, NONE if none else CLASSIC, remedy)
        return
    try:
        YoungStreams(any_dns=capture.dns_any_port).close()
    except UnavailableError as error:
        if capture.filter == "ebpf":
            remedy = "use capture.filter: auto, or give the right (docs/deploy.md)"
            yield Finding("filter", Level.FAIL, f"ebpf cannot be loaded: {error}", remedy)
        else:
            yield Finding("filter", Level.OK, f"{CLASSIC} (no ebpf: {error})")
    else:
        yield Finding("filter", Level.OK, EBPF)
