"""Makes the captures that ``bench/names.py`` compares engines on: every protocol, in every shape, on every way.

    python bench/make_captures.py FOLDER [--seed N]

One capture a shape (segments small, reordered, duplicated, overlapping; fragments) and one a wrap (link types,
tags, tunnels), each with every conversation of ``tests/support/talks.py`` in it, and beside each a file
``.names`` with the names that are really there: kind, tab, name. Whoever makes both knows the truth.
"""

from __future__ import annotations

import argparse
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.reshape import SHAPES, packets
from tests.support.talks import Name, talks
from tests.support.wraps import WRAPS

START_S = 1_700_000_000
_APART_US = 500


def write_capture(path: Path, linktype: int, frames: Iterable[bytes]) -> None:
    """A pcap file with these frames, half a millisecond apart."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, linktype))
        for number, frame in enumerate(frames):
            seconds, rest = divmod(number * _APART_US, 1_000_000)
            file.write(struct.pack("<IIII", START_S + seconds, rest, len(frame), len(frame)) + frame)


def slug(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text.lower())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    names: set[Name] = {name for talk in talks() for name in talk.names}
    truth = "".join(f"{kind}\t{name}\n" for kind, name in sorted(names))
    plain = {
        version: [p for i, talk in enumerate(talks()) for p in packets(talk, i, SHAPES[version])]
        for version in ("plain", "plain, IPv6")
    }
    made: dict[str, tuple[int, list[bytes]]] = {}
    for name, shape in SHAPES.items():
        shaped = [p for i, talk in enumerate(talks()) for p in packets(talk, i, shape, options.seed)]
        made[f"shape-{slug(name)}"] = (1, [WRAPS["Ethernet"].wrap(packet) for packet in shaped])
    for name, wrap in WRAPS.items():
        for version, inner in plain.items():
            if name == "Teredo" and version == "plain":
                continue  # carries IPv6 only
            made[f"wrap-{slug(name)}-{slug(version)}"] = (wrap.linktype, [wrap.wrap(packet) for packet in inner])
    for name, (linktype, frames) in made.items():
        write_capture(options.folder / f"{name}.pcap", linktype, frames)
        (options.folder / f"{name}.names").write_text(truth)
    print(f"{len(made)} captures, {len(names)} names in each")


if __name__ == "__main__":
    main()
