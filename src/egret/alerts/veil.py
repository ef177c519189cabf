"""Pseudonyms for clients: what leaves memory may name them only by a keyed word.

Incidents fold by the clear address, which every packet has; what they say (to the store, to outputs, to the page) goes
through here first. Equal clients have equal pseudonyms, so a receiver can still count and join.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

from egret.alerts.model import Incident
from egret.value import replace

MARK = "~"  # in no address, host name, hardware address or name of a client


class Field(StrEnum):
    """What can be replaced; the first part of a pseudonym."""

    ADDRESS = "address"
    NAME = "name"
    MAC = "mac"


class Pseudonyms(Protocol):
    """A keyed, reversible mapping; deterministic."""

    def hide(self, field: Field, text: str) -> str:
        """The pseudonym of *text*, or *text* itself where *field* is left clear. Total."""
        ...

    def show(self, text: str) -> str | None:
        """What a pseudonym stands for; None: it is none of this key's."""
        ...


_FIELD_OF_KEY = {"ip": Field.ADDRESS, "mac": Field.MAC, "duid": Field.MAC, "name": Field.NAME}


def is_pseudonym(text: str) -> bool:
    """Whether *text* stands for something else."""
    return MARK in text


def clear(text: str | None) -> str | None:
    """*text*, or None for a pseudonym: for fields that must hold an address."""
    return None if text is None or is_pseudonym(text) else text


class Veil:
    """Replaces what names a client; without *pseudonyms* nothing."""

    def __init__(self, pseudonyms: Pseudonyms | None = None) -> None:
        self._pseudonyms = pseudonyms

    def address(self, text: str) -> str:
        """The pseudonym of an address."""
        return self._hide(Field.ADDRESS, text)

    def hide(self, incident: Incident) -> Incident:
        """The incident as others may see it."""
        if self._pseudonyms is None:
            return incident
        client = self.address(incident.client)
        return replace(
            incident,
            client=client,
            client_key=self.key(incident.client_key),
            client_name=self._hide(Field.NAME, incident.client_name) if incident.client_name else None,
            client_mac=self._hide(Field.MAC, incident.client_mac) if incident.client_mac else None,
            client_addresses=tuple(map(self.address, incident.client_addresses)),
            community_id=None if is_pseudonym(client) else incident.community_id,  # all addresses can be tried
        )

    def key(self, text: str) -> str:
        """The pseudonym of a client's key; what kind of key it is stays."""
        kind, colon, value = text.partition(":")
        return f"{kind}:{self._hide(_FIELD_OF_KEY.get(kind, Field.NAME), value)}" if colon else text

    def show(self, incident: Incident) -> Incident | None:
        """The clear incident of one that ``hide`` gave; None where another key did."""
        words = {incident.client, *incident.client_addresses, incident.client_name or "", incident.client_mac or ""}
        shown = {word: self.word(word) for word in words}
        key = self.shown_key(incident.client_key)
        known = {word: clear for word, clear in shown.items() if clear is not None}
        if key is None or len(known) < len(shown):
            return None
        return replace(
            incident,
            client=known[incident.client],
            client_key=key,
            client_name=known[incident.client_name] if incident.client_name else None,
            client_mac=known[incident.client_mac] if incident.client_mac else None,
            client_addresses=tuple(known[address] for address in incident.client_addresses),
        )

    def shown_key(self, text: str) -> str | None:
        """The clear key of one that ``key`` gave; None where another key did."""
        kind, _, value = text.partition(":")
        if not is_pseudonym(text):
            return text
        word = self.word(value) if value else None
        return None if word is None else f"{kind}:{word}"

    def word(self, text: str) -> str | None:
        """What *text* stands for: itself, unless it is a pseudonym; None for one of another key."""
        if not is_pseudonym(text):
            return text
        return None if self._pseudonyms is None else self._pseudonyms.show(text)

    def _hide(self, field: Field, text: str) -> str:
        if self._pseudonyms is None or is_pseudonym(text):
            return text
        return self._pseudonyms.hide(field, text)


CLEAR = Veil()
