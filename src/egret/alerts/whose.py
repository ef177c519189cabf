"""Whose an incident is: what "everything about this client" takes in."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from egret.alerts.digest import Digest, FirstUse
from egret.alerts.messages import Message
from egret.alerts.model import Incident
from egret.alerts.veil import Veil, is_pseudonym


class Whose:
    """One client, or the clients of a network, as somebody wrote it.

    An incident that is theirs tells of more of their addresses and of their key; ``learn`` takes them in, so
    that a device is forgotten with all its addresses.

    Args:
        text: an address, a network, a name, a hardware address, a key, or the pseudonym of one.
        veil: what undoes pseudonyms.
    """

    def __init__(self, text: str, veil: Veil) -> None:
        self._veil = veil
        text = text.strip()
        word = veil.word(text) or veil.shown_key(text) or text
        self._network = _network(word)
        self._words = {text.casefold(), word.casefold()}
        self._keys: set[str] = set()
        self.addresses: set[str] = set()  # in the clear, of what was learnt

    def incident(self, incident: Incident) -> bool:
        """Whether an incident is theirs, said in the clear or by pseudonyms."""
        clear = self._veil.show(incident) or incident
        names = (clear.client_name, clear.client_mac, clear.client_key, incident.client, incident.client_key)
        if any(name.casefold() in self._words or name in self._keys for name in names if name):
            return True
        return any(self.address(address) for address in (clear.client, *clear.client_addresses))

    def digest(self, digest: Digest) -> bool:
        """Whether a digest names them."""
        return any(self._used(use) for use in digest.first_uses)

    def _used(self, use: FirstUse) -> bool:
        key, name = self._veil.shown_key(use.client_key), self._veil.word(use.client_name or "")
        bare = (key or "").partition(":")[2]  # a name or a hardware address, without what kind of key it is
        words = {word for word in (use.client_key, use.client_name, key, bare, name) if word}
        if any(word.casefold() in self._words or word in self._keys for word in words):
            return True
        return self.any_address(use.client)

    def message(self, message: Message) -> bool:
        """Whether an alert or a digest is about them."""
        return self.digest(message) if isinstance(message, Digest) else self.incident(message.incident)

    def learn(self, incident: Incident) -> bool:
        """Take in what an incident of theirs tells of them; whether that was news."""
        clear = self._veil.show(incident) or incident
        new = not clear.client_key.startswith("ip:") and clear.client_key not in self._keys
        if new:
            self._keys.add(clear.client_key)
        self.addresses.update((clear.client, *clear.client_addresses))
        return new

    def address(self, text: str) -> bool:
        """Whether an address, or its pseudonym, was written or is in the network that was."""
        clear = self._veil.word(text) or text
        if clear.casefold() in self._words:
            return True
        return self._network is not None and not is_pseudonym(clear) and _is_in(clear, self._network)

    def any_address(self, text: str) -> bool:
        """As ``address``, or one of those that were learnt."""
        return self.address(text) or (self._veil.word(text) or text) in self.addresses


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _is_in(text: str, network: IPv4Network | IPv6Network) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.version == network.version and address in network
