from __future__ import annotations

from pathlib import Path

import pytest

from egret.errors import ConfigErrors
from egret.settings.catalogue import load_catalog
from egret.settings.resolvers import load_resolvers


def test_the_bundled_resolvers_are_known_and_none_is_in_the_catalogue() -> None:
    resolvers, catalog = load_resolvers(), load_catalog()
    google = resolvers.by_name("dns.google")
    assert google is not None
    assert (google.operator, google.country) == ("Google DNS", "US")
    assert resolvers.by_address(bytes([1, 1, 1, 1])) is not None
    assert len(resolvers.resolvers) >= 35
    for resolver in resolvers.resolvers:
        assert resolver.country != "CN"
        assert not any(catalog.match_name(name) for name in resolver.names)
        assert not any(catalog.match_address(address, None) for address in resolver.addresses)


def test_bad_names_and_addresses_say_where(tmp_path: Path) -> None:
    path = tmp_path / "_resolvers.yaml"
    path.write_text("resolvers:\n  - {operator: A, source: s, names: [Dns.example], addresses: [192.0.2]}\n")
    with pytest.raises(ConfigErrors) as caught:
        load_resolvers(path)
    assert [str(error).rpartition("/")[2] for error in caught.value.errors] == [
        "_resolvers.yaml:2:38: bad host 'Dns.example': write 'dns.example': lower case, no blanks, no final dot",
        "_resolvers.yaml:2:64: '192.0.2' is no address",
    ]
