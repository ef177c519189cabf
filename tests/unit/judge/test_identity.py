from __future__ import annotations

from ipaddress import ip_address

import pytest

from egret.judge.identity import unknown_client
from egret.model import IdentitySource


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1"])
def test_a_client_of_which_nothing_is_known_is_its_address(address: str) -> None:
    identity = unknown_client(ip_address(address).packed)
    assert identity.key == f"ip:{address}"
    assert identity.source is IdentitySource.ADDRESS
    assert not identity.is_declared
    assert (identity.name, identity.groups, identity.mac, identity.role) == (None, (), None, None)
