"""What ``egret doctor`` says of the kernel filter: which one there will be, which there could be, what each costs.

The figures are those of docs/performance-live.md, of the machine that is described there.
"""

from __future__ import annotations

from collections.abc import Iterator

from egret.cli.findings import Finding, Level
from egret.settings.config import Config
from egret.sources.ebpf.loader import UnavailableError, YoungStreams
from egret.sources.privileges import may_capture

EBPF = (
    "ebpf: passes look-ups, hellos and the first 16 KB of each client's stream; loses a name that is said later than "
    "that in one hello or request; a million packets a second of bulk cost less than 1 % of a core"
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
    why_not = _why_no_ebpf(any_dns=capture.dns_any_port)
    if capture.filter == "none":
        yield Finding("filter", Level.WARN, NONE, "for diagnosis only: capture.filter: auto")
    elif capture.filter == "ebpf" and why_not:
        remedy = "use capture.filter: auto, or give the right (docs/deploy.md)"
        yield Finding("filter", Level.FAIL, f"ebpf cannot be loaded: {why_not}", remedy)
    elif capture.filter == "classic" or why_not:
        yield Finding("filter", Level.OK, CLASSIC)
        yield Finding("filter", Level.OK, f"not used, {EBPF}" + (f" (cannot be loaded: {why_not})" if why_not else ""))
    else:
        yield Finding("filter", Level.OK, EBPF)
        yield Finding("filter", Level.OK, f"not used, {CLASSIC}")


def _why_no_ebpf(*, any_dns: bool) -> str | None:
    try:
        YoungStreams(any_dns=any_dns).close()
    except UnavailableError as error:
        return str(error)
    return None
