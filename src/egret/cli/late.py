"""What is imported by the first packet that needs it, because every start would feel it.

Whoever reads captures as it is may leave it at that. Who gives up rights may not be able to read the files of these
modules any more, and its worker must not hold up the ring for them: it has them beforehand.
"""

from __future__ import annotations

from importlib import import_module

LATE = ("egret.decode.dns_library",)


def import_late() -> None:
    """Import all of them."""
    for name in LATE:
        import_module(name)
