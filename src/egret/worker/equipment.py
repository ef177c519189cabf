"""What a running worker is handed when the daemon learnt anew: catalogue, databases, scope; in one sealed memory file.

It goes downwards only, from the daemon, which reads no packet, to a worker, which has less right than the daemon. So it
is a pickle: 21 ms with its index, where reading the YAML again would hold up the ring for longer. What comes back from
a worker is JSON, checked field by field (``worker.wire``).
"""

from __future__ import annotations

import fcntl
import os
import pickle
from collections.abc import Sequence
from dataclasses import dataclass

from egret.catalog.match import Catalog
from egret.catalog.resolvers import Resolver, Resolvers
from egret.errors import SourceError
from egret.geo.database import Content, GeoDatabase
from egret.judge.verdict import Judge, Policy
from egret.model import ServiceClass, Signature
from egret.worker.pipeline import Pipeline
from egret.worker.scope import Scope

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """Everything a worker knows. *generation* counts from 1; at 0 a worker has what it was forked with."""

    generation: int
    signatures: Sequence[Signature]
    version: str
    resolvers: Sequence[Resolver]
    count_sars: bool  # of the policy; the rest of it is the daemon's
    measured: Sequence[ServiceClass]
    inside: Sequence[str]
    relays: Sequence[str]
    databases: Sequence[Content] | None  # None: those that the worker was forked with
    geolocate_reserved: bool
    proves: bool = True  # whether evidence is kept

    def use(self, pipeline: Pipeline, forked_with: GeoDatabase | None) -> None:
        """Let *pipeline* work with it.

        Raises:
            GeoError: a database cannot be opened; nothing was changed.
        """
        geo = forked_with
        if self.databases is not None:
            geo = GeoDatabase.of(self.databases, geolocate_reserved=self.geolocate_reserved)
        catalog, resolvers = Catalog(self.signatures, self.version), Resolvers(self.resolvers)
        scope, judge = Scope(self.inside, self.relays), Judge(Policy(count_sars=self.count_sars), geo)
        pipeline.equip(catalog, judge, scope, resolvers, self.measured)
        pipeline.proves = self.proves


def seal(equipment: Equipment) -> int:
    """A descriptor that a worker can be passed; nobody can change what is behind it.

    Raises:
        SourceError: there is no memory for it.
    """
    try:
        descriptor = os.memfd_create("egret-equipment", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with os.fdopen(os.dup(descriptor), "wb") as file:
            pickle.dump(equipment, file, pickle.HIGHEST_PROTOCOL)
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
    except OSError as error:
        raise SourceError(f"the workers cannot be told: {error.strerror}") from error
    return descriptor


def unseal(descriptor: int) -> Equipment:
    """What the daemon put behind *descriptor*, which is closed.

    Raises:
        SourceError: it is nothing of the daemon's.
    """
    try:
        if fcntl.fcntl(descriptor, fcntl.F_GET_SEALS) != _SEALS:
            raise SourceError("equipment that is not sealed")
        size = os.fstat(descriptor).st_size
        found = pickle.loads(os.pread(descriptor, size, 0))  # noqa: S301 - the daemon wrote it; see the top of the file
    except (OSError, pickle.UnpicklingError, EOFError) as error:
        raise SourceError(f"equipment that cannot be read: {type(error).__name__}") from error
    finally:
        os.close(descriptor)
    if not isinstance(found, Equipment):
        raise SourceError("equipment that is none")
    return found
