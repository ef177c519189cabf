"""Which of the formats that few captures have a file is of."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from egret.model import Frame
from egret.sources.analysers import FORMATS as ANALYSERS
from egret.sources.bytestream import ByteStream
from egret.sources.erf import looks_like_erf, read_erf
from egret.sources.netmon import MAGICS as NETMON_MAGICS
from egret.sources.netmon import read_netmon
from egret.sources.snoop import MAGIC as SNOOP_MAGIC
from egret.sources.snoop import read_snoop

_FORMATS: dict[bytes, Callable[[ByteStream], Iterator[Frame]]] = {
    SNOOP_MAGIC[:4]: read_snoop,
    **dict.fromkeys(NETMON_MAGICS, read_netmon),
    **ANALYSERS,
}


def reader_of(magic: bytes, start: bytes | memoryview) -> Callable[[ByteStream], Iterator[Frame]] | None:
    """What reads a file that starts with *magic*, at least four bytes of *start*; None: nothing does.

    ERF has no magic: what *start* holds is looked at.
    """
    found = _FORMATS.get(magic[:4])
    return read_erf if found is None and looks_like_erf(start) else found
