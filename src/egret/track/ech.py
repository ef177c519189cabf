"""Encrypted Client Hello told from GREASE, and the inner name from the client's own look-ups.

A hello with ECH shows only the provider's public name; one with GREASE looks the same and shows the true
name (RFC 9849 section 6.2). What tells them apart is what the client was told: it can encrypt only to a
configuration that it got in an HTTPS record. So an ECH whose config id and outer name are those of a
record that this client got is real; one to a name whose own HTTPS answer had no such configuration is
GREASE; of any other nothing is known (the look-up may have been encrypted).

The inner name is never on the wire. The client asked for it shortly before, in the question whose answer
carried the configuration, and connects to one of its addresses. Where exactly one of its names fits, the
confidence is high; among several the one looked up last is given, with low confidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from egret.decode.ech import EchConfig
from egret.track.answers import nothing_waits
from egret.track.limits import SECOND_NS, Limits
from egret.track.tables import LruTable

REAL, GREASE, UNKNOWN = "real", "grease", "unknown"
MAX_NAMES = 32  # of one client with one configuration: a provider serves all its customers with it
MAX_ADDRESSES = 16  # of one name


class _Told:
    """What one client was told about one name."""

    __slots__ = ("addresses", "configs", "https_until_ns", "until_ns")

    def __init__(self) -> None:
        self.addresses: tuple[bytes, ...] = ()
        self.until_ns = 0  # of the addresses
        self.configs: tuple[EchConfig, ...] = ()
        self.https_until_ns = 0  # of the configs, and of the lack of any


class EchLookups:
    """What clients learnt that they need for ECH: bounded, and forgotten with the answers' TTLs."""

    def __init__(self, limits: Limits, evictions: Counter[str]) -> None:
        self._limits = limits
        self.catch_up: Callable[[bytes], None] = nothing_waits  # as in ``Answers``
        self.catch_up_services: Callable[[bytes], None] = nothing_waits  # the same of HTTPS records alone
        self._told: LruTable[tuple[bytes, str], _Told] = LruTable("ech_names", limits.ech_names, evictions)
        self._users: LruTable[tuple[bytes, EchConfig], dict[str, None]] = LruTable(
            "ech_configs", limits.ech_configs, evictions
        )

    def __len__(self) -> int:
        return len(self._told) + len(self._users)

    def learn_addresses(self, client: bytes, name: str, addresses: Iterable[bytes], ttl_s: int, time_ns: int) -> None:
        """*client* was told that *name* has these addresses, in A, AAAA or the hints of HTTPS."""
        told = self._entry(client, name)
        known = told.addresses if time_ns <= told.until_ns else ()
        new = [address for address in addresses if address not in known]
        if new:
            told.addresses = (known + tuple(new))[-MAX_ADDRESSES:]
        told.until_ns = max(told.until_ns, self._until(ttl_s, time_ns))

    def learn_https(self, client: bytes, name: str, configs: tuple[EchConfig, ...], ttl_s: int, time_ns: int) -> None:
        """*client* got an HTTPS answer for *name*, with these ECH configurations or with none."""
        told = self._entry(client, name)
        told.configs = configs
        told.https_until_ns = self._until(ttl_s, time_ns)
        for config in configs:
            users = self._users.pop((client, config)) or {}
            users.pop(name, None)
            users[name] = None  # last: looked up last
            if len(users) > MAX_NAMES:
                del users[next(iter(users))]
            self._users.put((client, config), users)

    def _entry(self, client: bytes, name: str) -> _Told:
        key = (client, name)
        told = self._told.get(key)
        if told is None:
            told = _Told()
            self._told.put(key, told)
        else:
            self._told.touch(key)
        return told

    def _until(self, ttl_s: int, time_ns: int) -> int:
        limits = self._limits
        kept_s = min(max(ttl_s, limits.answer_floor_s), limits.answer_ceiling_s) + limits.answer_grace_s
        return time_ns + kept_s * SECOND_NS

    def judge(self, outer: str, config_id: object, client: bytes, server: bytes, time_ns: int) -> Mapping[str, object]:
        """The attributes of a hello with ECH.

        Args:
            outer: the name that the hello shows.
            config_id: what the hello's ECH says; None where it could not be read.
            client: its packed address.
            server: whom it connects to, packed.
            time_ns: when.

        Returns:
            ``ech``; where that is real, ``outer_name``, and where a look-up fits, ``inner_name`` and
            ``inner_confidence``.
        """
        if not isinstance(config_id, int):
            return {"ech": UNKNOWN}
        self.catch_up_services(client)
        config = EchConfig(config_id, outer)
        if self._holders(client, config, time_ns):
            self.catch_up(client)  # it counts now which name has which addresses
            holders = self._holders(client, config, time_ns)
            fitting = [name for name, told in holders if server in told.addresses and time_ns <= told.until_ns]
            return {"ech": REAL, "outer_name": outer, **_inner(fitting)}
        told = self._told.get((client, outer))
        known = told is not None and time_ns <= told.https_until_ns
        return {"ech": GREASE if known else UNKNOWN}

    def _holders(self, client: bytes, config: EchConfig, time_ns: int) -> list[tuple[str, _Told]]:
        """The names with this configuration, as far as *client* was told and may still believe it."""
        return [
            (name, told)
            for name in self._users.get((client, config)) or ()
            if (told := self._told.get((client, name))) is not None
            and config in told.configs
            and time_ns <= told.https_until_ns
        ]


def _inner(fitting: list[str]) -> Mapping[str, object]:
    if not fitting:
        return {}
    return {"inner_name": fitting[-1], "inner_confidence": "high" if len(fitting) == 1 else "low"}
