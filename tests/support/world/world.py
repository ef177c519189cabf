"""The test world as a whole: build it, use it, take it down."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.world import plan, topology
from tests.support.world.certificates import Identity, make_identity
from tests.support.world.namespaces import Namespace, sweep
from tests.support.world.services import start_services


class World:
    """Hosts on a lan, a gateway that forwards, an internet that answers; nothing leads out of it.

    A context manager. Attributes ``hosts`` (by name), ``lan`` (the switch), ``gateway`` (interfaces
    ``lan0`` and ``wan0``), ``internet``, ``identity``; logs and files are in ``folder``. With *offloads*
    segments travel as super-packets with unfinished checksums, as they do between virtual machines.
    """

    def __init__(self, folder: Path, *, nat: bool = False, offloads: bool = False) -> None:
        self.folder = folder
        self.nat, self.offloads = nat, offloads
        self.hosts = {host.name: Namespace(host.name) for host in plan.HOSTS}
        self.lan, self.gateway, self.internet = Namespace("lan"), Namespace("gateway"), Namespace("internet")
        self.identity: Identity = make_identity(folder)

    def __enter__(self) -> Self:
        """Build; on any failure what stands is taken down before the error goes on."""
        sweep()
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _build(self) -> None:
        for host in self.hosts.values():
            host.create(resolver=plan.RESOLVER)
        for namespace in (self.lan, self.gateway, self.internet):
            namespace.create()
        topology.connect(self.hosts, self.lan, self.gateway, self.internet)
        if not self.offloads:
            topology.turn_offloads_off([*self.hosts.values(), self.lan, self.gateway, self.internet])
        if self.nat:
            topology.masquerade(self.gateway)
        start_services(self.internet, self.folder, self.identity)

    def close(self) -> None:
        """Remove everything; may be called again."""
        for namespace in (*self.hosts.values(), self.gateway, self.internet, self.lan):
            namespace.delete()
