"""The test world, built once for all tests that visit it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.world.world import World

COMMANDS = ("chromium", "curl", "dig", "dnsmasq", "ethtool", "ip", "nft", "nginx", "node", "openssl", "prometheus")


@pytest.fixture(scope="session")
def world() -> Iterator[World]:
    """A world without NAT; its commands must all be there."""
    missing = [command for command in COMMANDS if shutil.which(command) is None]
    assert not missing, f"missing: {' '.join(missing)}; run scripts/setup-system.sh"
    with tempfile.TemporaryDirectory(prefix="egw-world-") as folder, World(Path(folder)) as built:
        yield built


@pytest.fixture(scope="session")
def nat_world() -> Iterator[World]:
    """Another world, whose gateway hides the lan behind its outside address."""
    with tempfile.TemporaryDirectory(prefix="egw-nat-") as folder, World(Path(folder), nat=True) as built:
        yield built


@pytest.fixture(scope="session")
def offload_world() -> Iterator[World]:
    """A world of super-packets and unfinished checksums, as between virtual machines."""
    with tempfile.TemporaryDirectory(prefix="egw-big-") as folder, World(Path(folder), offloads=True) as built:
        yield built
