"""Which incidents somebody wants to see: asked here of those in memory, by ``store.history`` of those on disk."""

from __future__ import annotations

from typing import NamedTuple

from egret.alerts.model import Incident
from egret.alerts.veil import Veil
from egret.model import ServiceClass, Severity

MAX_WORDS = 8


class Selection(NamedTuple):
    """All of it must hold; None, and no words: whatever it is."""

    severity: Severity | None = None  # this or graver
    service_class: ServiceClass | None = None
    vendor: str | None = None
    group: str | None = None  # of clients
    client: str | None = None  # as incidents show it, or an address
    words: tuple[str, ...] = ()  # each must be somewhere in ``searched``, in any case of letters

    def veiled(self, veil: Veil) -> Selection:
        """As it is asked of incidents that are said through *veil*: addresses of clients have pseudonyms there.

        A word that is an address stays as a word, too, for servers have none.
        """
        return self._replace(client=None if self.client is None else veil.address(self.client))

    def selects(self, incident: Incident) -> bool:
        """Whether *incident* is one of them."""
        return (
            (self.severity is None or incident.severity.rank >= self.severity.rank)
            and self.service_class in {None, incident.service_class}
            and self.vendor in {None, incident.vendor}
            and (self.group is None or self.group in incident.client_groups)
            and self.client in {None, incident.client, *incident.client_addresses}
            and (not self.words or _has(searched(incident), self.words))
        )


EVERYTHING = Selection()


def searched(incident: Incident) -> str:
    """The text that words are looked for in."""
    parts = (
        incident.id,
        incident.client,
        *incident.client_addresses,
        incident.client_name or "",
        incident.client_mac or "",
        incident.vendor,
        incident.service,
        incident.signature,
        *incident.hosts,
        *(server.ip for server in incident.servers),
    )
    return "\n".join(parts)


def _has(text: str, words: tuple[str, ...]) -> bool:
    folded = text.lower()
    return all(word.lower() in folded for word in words)
