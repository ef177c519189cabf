"""What ``egret doctor`` says of clients' names: which sources there are, and whether the service may read them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from egret.cli.findings import Finding, Level
from egret.daemon.clients import lease_sources
from egret.errors import SourceError
from egret.settings.config import Config
from egret.sources.hosts import read_hosts
from egret.sources.leases import read_leases
from egret.sources.neighbours import read_neighbours
from egret.sources.privileges import find_user

_REMEDY = "setfacl -m u:{user}:rx,d:u:{user}:r {folder}; setfacl -m u:{user}:r {path}"
_TEST = "/usr/bin/test"


def check_names(config: Config) -> Iterator[Finding]:
    """Each lease file, the hosts file, and the neighbour table."""
    sources = lease_sources(config.clients, live=True)
    for source in sources:
        try:
            found = f"{source.path}, leases: {len(read_leases(source))}"
        except SourceError as error:
            yield Finding("names", Level.WARN, str(error), "correct clients.leases, or make it readable")
            continue
        yield _readable(config, source.path, found)
    hosts = config.clients.hosts_file
    if hosts is not None:
        yield _hosts(config, hosts)
    yield from _neighbours(config)
    if not sources and hosts is None and not config.clients.static:
        yield Finding("names", Level.OK, "no DHCP server here, and no name given: clients are their addresses")


def _hosts(config: Config, path: Path) -> Finding:
    try:
        return _readable(config, path, f"{path}, names: {len(read_hosts(path))}")
    except SourceError as error:
        return Finding("names", Level.WARN, str(error), "correct clients.hosts_file, or make it readable")


def _neighbours(config: Config) -> Iterator[Finding]:
    if not config.clients.neighbours:
        return
    try:
        found = read_neighbours()
    except SourceError as error:
        yield Finding("names", Level.WARN, str(error), "set clients.neighbours to false, or allow AF_NETLINK")
        return
    devices = len(set(found.entries.values()))
    yield Finding("names", Level.OK, f"neighbour table, addresses: {len(found.entries)}, devices: {devices}")


def _readable(config: Config, path: Path, found: str) -> Finding:
    """Ask as the user that the daemon becomes; only root can."""
    if os.geteuid() == 0:
        try:
            user = find_user(config.capture.user)
        except SourceError:  # said by another check
            return Finding("names", Level.OK, found)
        if not _may_read(path, user.uid, user.gid):
            remedy = _REMEDY.format(user=user.name, folder=path.parent, path=path)
            return Finding("names", Level.WARN, f"{found}; but {user.name}, who runs the service, may not read", remedy)
    return Finding("names", Level.OK, found)


def _may_read(path: Path, uid: int, gid: int) -> bool:
    """Whether a user may; the kernel decides, access lists and all."""
    try:
        done = subprocess.run([_TEST, "-r", str(path)], user=uid, group=gid, extra_groups=[], check=False, timeout=5)
    except (OSError, subprocess.SubprocessError):
        return True  # a container without that right: the daemon stays root there too
    return done.returncode == 0
