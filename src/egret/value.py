"""Values with named fields: msgspec's door.

A class of ``Struct`` is made in a thirtieth of the time that a frozen dataclass takes, for nothing is compiled for it,
and an instance in a tenth. Ref: docs/adr/0061-values.md, which also says what stays a dataclass.

    class Server(Struct, frozen=True, kw_only=True): ...

Each class says ``frozen`` and ``kw_only`` for itself. ``asdict`` does not look into values of values.
``read_json`` reads what we wrote, in half of the time that ``json`` takes; it raises ValueError, as that does.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import ClassVar, cast

# msgspec asks typing_extensions, where there is one, for what ``typing`` has since Python 3.11. That would import
# ``inspect``, and cost a third of what all of this saves. Who has imported it before keeps it.
_BACKPORTS = "typing_extensions"
sys.modules.setdefault(_BACKPORTS, cast("ModuleType", None))  # None: an import of it fails
try:
    from msgspec import Struct, field
    from msgspec.json import decode as read_json
    from msgspec.structs import asdict, replace
finally:
    if sys.modules[_BACKPORTS] is None:
        del sys.modules[_BACKPORTS]

__all__ = ["Aside", "Struct", "asdict", "field", "read_json", "replace"]


class Aside(Struct, frozen=True):
    """A value with fields that are no part of what it is: those named in *aside* are neither compared nor shown."""

    aside: ClassVar[tuple[str, ...]]

    def _shown(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__struct_fields__ if name not in self.aside}

    def __eq__(self, other: object) -> bool:
        return self._shown() == other._shown() if isinstance(other, type(self)) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self._shown().values()))

    def __repr__(self) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={value!r}' for name, value in self._shown().items())})"
