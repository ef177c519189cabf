"""How often one address may be wrong about a password: bounded in time and in memory."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict

BURST = 10  # wrong answers at once: a person with a new keyboard
EVERY_S = 6.0  # one more after that: 14,400 a day
MAX_ADDRESSES = 4096  # remembered; the one that was quiet for longest goes first
_V6_HOME = 64  # bits: who has one address of such a network has all of them


class Throttle:
    """Takes a try before a password is looked at, and gives it back if it was right. Times are seconds of any clock."""

    def __init__(self) -> None:
        self._spent: OrderedDict[str, tuple[float, float]] = OrderedDict()  # tries spent, as of then

    def take(self, remote: str, now_s: float) -> float:
        """Take one try; 0, or how many seconds to wait for one."""
        key = _home(remote)
        spent = self._now(key, now_s)
        if spent + 1 > BURST:
            return (spent + 1 - BURST) * EVERY_S
        self._spent[key] = (spent + 1, now_s)
        self._spent.move_to_end(key)
        while len(self._spent) > MAX_ADDRESSES:
            self._spent.popitem(last=False)
        return 0.0

    def give_back(self, remote: str, now_s: float) -> None:
        """The try was right."""
        key = _home(remote)
        spent = self._now(key, now_s) - 1
        if spent > 0:
            self._spent[key] = (spent, now_s)
        else:
            self._spent.pop(key, None)

    def _now(self, key: str, now_s: float) -> float:
        spent, then_s = self._spent.get(key, (0.0, now_s))
        return max(0.0, spent - max(0.0, now_s - then_s) / EVERY_S)


def _home(remote: str) -> str:
    try:
        address = ipaddress.ip_address(remote.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _V6_HOME), strict=False))
