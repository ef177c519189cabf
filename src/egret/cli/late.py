"""What is imported when: nothing before it is needed, which every start would feel, nothing after rights are gone."""

from __future__ import annotations

import gc
from importlib import import_module
from types import ModuleType

# What the first packet that needs it imports. Whoever reads captures as it is may leave it at that. Who gives up rights
# may not be able to read these files any more, and its worker must not hold up the ring for them: it has them before.
LATE = (
    "egret.decode.dns_library",
    "egret.decode.quic_ciphers",
    "egret.sources.rare",
    "encodings.idna",
    "json",
    "maxminddb",
)


def import_late() -> None:
    """Import all of them."""
    for name in LATE:
        import_module(name)


def import_command(name: str) -> ModuleType:
    """Import a command's module with everything that it needs, and look for garbage only from then on."""
    gc.disable()  # imports make thousands of objects that stay: looking through them is a tenth of the start
    module = import_module(f"egret.cli.{name}")
    gc.freeze()
    gc.enable()
    return module
