"""Steps as bytes, for another process that has the same catalogue."""

from __future__ import annotations

import copyreg
import io
import pickle
from collections.abc import Mapping
from types import MappingProxyType

from egret.catalog.match import Catalog
from egret.cli.steps import Found, PartialStep
from egret.judge.unnamed import UNNAMED
from egret.model import Signature
from egret.value import replace
from egret.worker.pipeline import Hit


def dump(step: PartialStep) -> bytes:
    """A step for another process that has the same catalogue."""
    if isinstance(step, Found):
        step = step._replace(hits=tuple(map(_without_raw, step.hits)))
    written = io.BytesIO()
    _Pickler(written).dump(step)
    return written.getvalue()


def load(data: bytes, catalog: Catalog) -> PartialStep:
    """What ``dump`` gave, in a process that forked the one where it was called."""
    step: PartialStep = _Unpickler(io.BytesIO(data), catalog).load()
    return step


def _without_raw(hit: Hit) -> Hit:
    """Its proof was made: the message itself is of no more use."""
    return hit._replace(event=replace(hit.event, raw=None))


def _proxy(proxy: Mapping[str, object]) -> tuple[type[Mapping[str, object]], tuple[dict[str, object]]]:
    return MappingProxyType, (dict(proxy),)


class _Pickler(pickle.Pickler):
    """Signatures by their ids: both sides have them."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.dispatch_table = {**copyreg.dispatch_table, MappingProxyType: _proxy}

    def persistent_id(self, obj: object) -> str | None:
        return obj.id if isinstance(obj, Signature) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, catalog: Catalog) -> None:
        super().__init__(file)
        self._catalog = catalog

    def persistent_load(self, pid: str) -> Signature:
        return self._catalog.get(pid) or UNNAMED[pid]
