"""What ``egret doctor`` looks at: each check says what it found and, if that is bad, what to do."""

from __future__ import annotations

import array
import errno
import fcntl
import importlib.util
import os
import shutil
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from egret.cli.client_checks import check_names
from egret.cli.filter_checks import check_filter
from egret.cli.findings import Finding, Level
from egret.cli.volume_checks import check_conntrack
from egret.cli.web_checks import check_web
from egret.errors import ConfigErrors, GeoError, SourceError
from egret.geo.database import GeoDatabase
from egret.settings.catalogue import load_catalog
from egret.settings.config import Config
from egret.settings.sections import Section
from egret.settings.values import Secret
from egret.sources.afpacket import ARPHRD_LOOPBACK, hardware_type
from egret.sources.placement import choose
from egret.sources.privileges import find_user, may_capture
from egret.worker import engine

_STALE_DAYS = 180
_LOW_DISK, _NO_DISK = 200 << 20, 20 << 20  # bytes; 90 days of a busy network's incidents are some tens of MB
_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3 = 263, 10, 2  # linux/if_packet.h
_SIOCETHTOOL = 0x8946
_ETHTOOL_GGRO, _ETHTOOL_GFLAGS, _FLAG_LRO = 0x2B, 0x25, 1 << 15  # linux/ethtool.h


Check = Callable[[Config], Iterator[Finding]]


def _python(_: Config) -> Iterator[Finding]:
    version = sys.version.split()[0]
    level = Level.OK if sys.version_info >= (3, 11) else Level.FAIL
    yield Finding("python", level, version, "" if level is Level.OK else "install Python 3.11 or later")


def _gate(_: Config) -> Iterator[Finding]:
    """Which code goes over the frames first; what it says is the same."""
    remedy = "for speed, install a C compiler and Python's headers (Debian: gcc python3-dev), then Egret again"
    if engine.is_there():
        yield Finding("gate", Level.OK, engine.described())
    else:
        yield Finding("gate", Level.WARN, f"{engine.described()}: the same, slower", remedy)


def _rights(config: Config) -> Iterator[Finding]:
    missing = may_capture()
    if missing is None:
        yield Finding("rights", Level.OK, "may open packet sockets")
        return
    what, _, remedy = missing.partition(": ")
    if not remedy:
        what, _, remedy = missing.partition("; ")
    level = Level.WARN if config.capture.backend == "portable" else Level.FAIL
    yield Finding("rights", level, what, remedy)


def _user(config: Config) -> Iterator[Finding]:
    """Whom the daemon becomes once its sockets are open; only root can."""
    if os.geteuid() != 0:
        return
    try:
        yield Finding("user", Level.OK, f"becomes {find_user(config.capture.user).name} after opening")
    except SourceError as error:
        yield Finding("user", Level.FAIL, str(error), "create it, or set capture.user")


def _ring(config: Config) -> Iterator[Finding]:
    """Ask the kernel itself: its version number says little about what it was built with."""
    if config.capture.backend != "afpacket" or may_capture() is not None:
        return
    try:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as packets:
            packets.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V3)
    except OSError as error:
        yield Finding("ring", Level.FAIL, f"no TPACKET_V3: {error.strerror}", "use --backend portable")
        return
    yield Finding("ring", Level.OK, f"TPACKET_V3 on Linux {os.uname().release}")


def _interfaces(config: Config) -> Iterator[Finding]:
    try:
        placement = choose(config.capture.interfaces, config.capture.promiscuous)
    except SourceError as error:
        yield Finding("interfaces", Level.FAIL, str(error), "name one with -i, or in capture.interfaces")
        return
    yield Finding("interfaces", Level.OK, "; ".join(placement.why) or ", ".join(placement.interfaces))
    yield from map(_offloads, placement.interfaces)


def _offloads(interface: str) -> Finding:
    """Offloads glue segments together before we see them: up to 64 KB a frame; the ring has room for those."""
    gro, flags = _ethtool(interface, _ETHTOOL_GGRO), _ethtool(interface, _ETHTOOL_GFLAGS)
    if gro is None and flags is None:
        return Finding("offloads", Level.OK, f"{interface}: the driver does not say")
    names = [name for name, on in (("GRO", gro), ("LRO", (flags or 0) & _FLAG_LRO)) if on]
    words = f"{' and '.join(names)} on: frames of up to 64 KB, which fit" if names else "GRO and LRO off"
    return Finding("offloads", Level.OK, f"{interface}: {words}")


def _ethtool(interface: str, command: int) -> int | None:
    """One value of the driver; None where it cannot say. ``struct ethtool_value`` behind ``struct ifreq``."""
    value = array.array("I", [command, 0])
    request = struct.pack("16sP16x", interface.encode()[:15], value.buffer_info()[0])
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            fcntl.ioctl(control, _SIOCETHTOOL, request)
    except OSError:
        return None
    return value[1]


def _portable(config: Config) -> Iterator[Finding]:
    if importlib.util.find_spec("scapy") is not None:
        yield Finding("scapy", Level.OK, "installed, for the portable backend")
    elif config.capture.backend == "portable":
        yield Finding("scapy", Level.FAIL, "not installed", "pip install 'egret-monitor[portable]'")
    else:
        yield Finding("scapy", Level.OK, "not installed; only the portable backend needs it")


def _catalog(config: Config) -> Iterator[Finding]:
    try:
        catalog = load_catalog(config.signature_folders, config.catalog.disabled)
    except ConfigErrors as error:
        more = f" and {len(error.errors) - 1} more" if len(error.errors) > 1 else ""
        yield Finding("catalogue", Level.FAIL, f"{error.errors[0]}{more}", "`egret check` shows all of it")
        return
    reviewed = max((signature.last_reviewed for signature in catalog.signatures), default="")
    words = f"{catalog.version}, {len(catalog.signatures)} signatures, last reviewed {reviewed or 'never'}"
    age_days = _days_since(reviewed)
    if not catalog.signatures:
        yield Finding("catalogue", Level.FAIL, "no signature is left", "look at catalog.bundled and catalog.disabled")
    elif age_days is None or age_days > _STALE_DAYS:
        yield Finding("catalogue", Level.WARN, words, "install a newer Egret, or `egret catalog update`: services move")
    else:
        yield Finding("catalogue", Level.OK, words)


def _databases(config: Config) -> Iterator[Finding]:
    try:
        found = GeoDatabase.open(config.databases, bundled=config.geoip.bundled).info()
    except GeoError as error:
        yield Finding("database", Level.WARN, f"{error}; Egret works without", "correct geoip.databases")
        return
    for each in found:
        age_days = int((time.time() - each.build_epoch_s) / 86_400)
        words = f"{each.path}: built {each.build}, {max(0, age_days)} days ago"
        level = Level.WARN if age_days > _STALE_DAYS else Level.OK
        remedy = "get a newer one: addresses change hands" if level is Level.WARN else ""
        yield Finding("database", level, words, remedy)


def _clock(config: Config) -> Iterator[Finding]:
    """A clock before our own data was made is wrong for sure; every time in an alert would be."""
    now = datetime.fromtimestamp(time.time(), UTC)
    try:
        reviewed = max((s.last_reviewed for s in load_catalog(config.signature_folders).signatures), default="")
    except ConfigErrors:
        reviewed = ""
    days = _days_since(reviewed)
    words = f"{now:%Y-%m-%d %H:%M:%S} UTC"
    # a day of grace: a review's date is local to whoever wrote it
    if days is not None and days < -1:
        yield Finding("clock", Level.FAIL, f"{words}, before the catalogue was made", "set the clock (timedatectl)")
    else:
        yield Finding("clock", Level.OK, words)


def _port(config: Config) -> Iterator[Finding]:
    listen = config.http.listen
    if not config.http.enabled:
        yield Finding("port", Level.OK, "the status page is off")
        return
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((listen.host, listen.port))
    except OSError as error:
        in_use = error.errno == errno.EADDRINUSE
        what = "is taken (by a running Egret?)" if in_use else f"cannot be bound: {error.strerror}"
        level = Level.WARN if in_use else Level.FAIL
        yield Finding("port", level, f"{listen} {what}", "stop what listens there, or set http.listen")
        return
    yield Finding("port", Level.OK, f"{listen} is free")


def _disk(config: Config) -> Iterator[Finding]:
    store = config.paths.store
    folder = next(parent for parent in store.absolute().parents if os.access(parent, os.F_OK))
    free = shutil.disk_usage(folder).free
    words = f"{free >> 20} MB free for {store}"
    if free < _NO_DISK:
        yield Finding("disk", Level.FAIL, words, "make room, or set store.path to another file system")
    elif not os.access(folder, os.W_OK):
        remedy = "run as the service's user or root, or set store.path"
        yield Finding("disk", Level.WARN, f"{folder} is not writable for this user", remedy)
    else:
        level = Level.WARN if free < _LOW_DISK else Level.OK
        yield Finding("disk", level, words, "" if level is Level.OK else "make room")


def _days_since(day: str) -> float | None:
    try:
        moment = date.fromisoformat(day)
    except ValueError:
        return None
    return (time.time() - datetime(moment.year, moment.month, moment.day, tzinfo=UTC).timestamp()) / 86_400


def secret_files(config: Config) -> Iterator[Path]:
    """The files that hold secrets of the configuration, keys of certificates among them."""
    for secret in dict.fromkeys(_secrets_in(config)):
        if secret.origin.startswith("file:"):
            yield Path(secret.origin.removeprefix("file:"))
    tls = [getattr(each, "tls_key", None) or getattr(each, "tls_cert", None) for each in config.outputs.named]
    yield from (path for path in (*tls, config.http.tls.key) if path is not None)


def _secrets_in(value: object) -> Iterator[Secret]:
    """Every secret of a section, wherever it stands."""
    if isinstance(value, Secret):
        yield value
    elif isinstance(value, Section):
        for part in (*vars(value).values(), *(value.__pydantic_private__ or {}).values()):
            yield from _secrets_in(part)
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _secrets_in(part)
    elif isinstance(value, dict):
        yield from _secrets_in(tuple(value.values()))


def _secrets(config: Config) -> Iterator[Finding]:
    for path in secret_files(config):
        if _is_open_to_all(path):
            yield Finding("secrets", Level.WARN, f"{path} is readable for everyone", f"chmod o-r {path}")


def _is_open_to_all(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o004)
    except OSError:  # not there, or in a folder that we may not enter
        return False


def _canary(config: Config) -> Iterator[Finding]:
    canary = config.canary
    if config.capture.backend == "portable":
        return
    if not canary.enabled:
        yield Finding("canary", Level.WARN, "off: a blind sensor would say nothing", "canary: {enabled: true}")
    elif _is_loopback(canary.interface):
        yield Finding("canary", Level.OK, f"every {canary.every.total_seconds():g} s on {canary.interface}")
    else:
        yield Finding(
            "canary", Level.FAIL, f"{canary.interface} is no loopback interface", "set canary.interface to lo"
        )


def _is_loopback(interface: str) -> bool:
    try:
        return hardware_type(interface) == ARPHRD_LOOPBACK
    except OSError:
        return False


CHECKS: tuple[Check, ...] = (
    _python,
    _gate,
    _rights,
    _user,
    _ring,
    check_filter,
    _interfaces,
    _portable,
    _canary,
    _catalog,
    _databases,
    _clock,
    _port,
    check_web,
    _disk,
    _secrets,
    check_names,
    check_conntrack,
)
