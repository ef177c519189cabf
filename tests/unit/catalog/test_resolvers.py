from __future__ import annotations

from egret.catalog.resolvers import Resolver, Resolvers

ONE = Resolver(operator="One", country="US", names=("dns.example",), addresses=(bytes([192, 0, 2, 1]),))
TWO = Resolver(operator="Two", country=None, names=("dns.example", "b.dns.example"))
RESOLVERS = Resolvers([ONE, TWO])


def test_names_and_what_is_below_them() -> None:
    assert RESOLVERS.by_name("dns.example") is ONE
    assert RESOLVERS.by_name("a.dns.example") is ONE
    assert RESOLVERS.by_name("a.b.dns.example") is TWO
    assert RESOLVERS.by_name("notdns.example") is None
    assert RESOLVERS.by_name("") is None


def test_addresses() -> None:
    assert RESOLVERS.by_address(bytes([192, 0, 2, 1])) is ONE
    assert RESOLVERS.by_address(bytes([192, 0, 2, 2])) is None
    assert RESOLVERS.resolvers == (ONE, TWO)
