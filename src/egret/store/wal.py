"""What SQLite does not tell: that its log was damaged, and commits in it were lost.

A log is read up to the first frame whose checksum is wrong, and what follows is taken for leftovers. Leftovers of an
earlier log carry other salts; a frame with the salts of this one that ends a transaction, beyond where SQLite stopped,
is a commit that was lost. Ref: "WAL-mode File Format" of sqlite.org, sections 1.1 and 1.2.
"""

from __future__ import annotations

import struct
from pathlib import Path

_HEADER, _FRAME = struct.Struct(">8I"), struct.Struct(">6I")
_MAGIC = (0x377F0682, 0x377F0683)
_MOST = 1 << 30  # bytes: a log beyond this is not looked at


def commits(database: Path) -> list[int]:
    """The numbers, from 1, of the frames in the log of *database* that end a transaction; [] where there is none.

    Checksums are not looked at. Where the log's own header is spoilt, every frame counts as its.
    """
    try:
        with Path(f"{database}-wal").open("rb") as file:
            head = file.read(_HEADER.size)
            size = file.seek(0, 2)
            if len(head) < _HEADER.size or size > _MOST:
                return []
            magic, _, page, _, *salts = _HEADER.unpack(head)[:6]
            known = magic in _MAGIC and page.bit_count() == 1 and page >= 512
            step = _FRAME.size + (page if known else 4096)
            found = []
            for number, at in enumerate(range(_HEADER.size, size - step + 1, step), 1):
                file.seek(at)
                _, pages, *own = _FRAME.unpack(file.read(_FRAME.size))[:4]
                if pages and (own == salts or not known):
                    found.append(number)
            return found
    except OSError:
        return []
