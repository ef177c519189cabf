"""``egret geoip update``: newer databases, proved before they replace anything."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from egret.errors import ConfigError, UpdateError
from egret.geo.update import (
    MAX_DOWNLOAD,
    Candidate,
    compare,
    install,
    must_match,
    prove,
    unpack,
)
from egret.geo.update import rollback as go_back
from egret.settings.config import Config, load_config
from egret.settings.geoip_update_section import GeoIPUpdate
from egret.settings.places import default_config_file
from egret.sinks.download import Credentials, download

MAXMIND = "https://download.maxmind.com/geoip/databases/{edition}/download?suffix=tar.gz"
MAXMIND_EDITIONS = ("GeoLite2-Country", "GeoLite2-ASN")
DBIP = "https://download.db-ip.com/free/dbip-{edition}-lite-{month}.mmdb.gz"
DBIP_EDITIONS = ("country", "asn")
_MAX_CHECKSUM = 1024
_TIMEOUT_S = 600.0


class Download(NamedTuple):
    """One database as it came, and what its type has to say."""

    data: bytes
    expected: str | None


def update(
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|URL]", help="mmdb, gzipped or in a tar; else geoip.update.source")
    ] = None,
    *,
    config_file: Annotated[Path | None, typer.Option("--config", "-c", help="configuration file")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="fetch and prove, change nothing")] = False,
    force: Annotated[bool, typer.Option("--force", help="take an older or much smaller one too")] = False,
    rollback: Annotated[bool, typer.Option("--rollback", help="use the databases before these again")] = False,
) -> None:
    """Fetch newer databases, prove them, and put them in place in one step; the ones before are kept.

    From MaxMind (with an account), DB-IP Lite, a file or an https:// address. They are used instead of the bundled one
    unless geoip.databases names others; a running Egret takes them within seconds. The exit code is 1 if one was
    refused; then nothing was changed.

    Example: egret geoip update GeoLite2-Country.tar.gz
    """
    config = load_config(config_file or default_config_file())
    folder = config.paths.geoip
    if rollback:
        for path in go_back(folder):
            typer.echo(f"rolled back: {path}" if path.exists() else f"removed: {path}; there was none before")
        return
    candidates = [prove(unpack(each.data), time.time(), each.expected) for each in fetch(source, config)]
    for candidate in candidates:
        _check(candidate, folder, force=force)
    for candidate in candidates:
        said = f"{candidate.info.source}, {candidate.info.size / 1e6:.1f} MB"
        typer.echo(f"would install {said}" if dry_run else f"installed {said}: {install(candidate, folder)}")
    if config.geoip.databases and not dry_run:
        typer.echo("geoip.databases names other files; leave it out to use these", err=True)


def _check(candidate: Candidate, folder: Path, *, force: bool) -> None:
    if not force:
        compare(candidate, folder)


def fetch(source: str | None, config: Config) -> Iterator[Download]:
    """The databases, one after the other.

    Raises:
        UpdateError: not there, or too large.   ConfigError: nobody said where.
    """
    settings = config.geoip.update
    if source is not None:
        yield Download(_get(source), None)
    elif settings.source == "maxmind":
        yield from _maxmind(settings)
    elif settings.source == "dbip":
        yield from _dbip(settings, datetime.fromtimestamp(time.time(), UTC))
    else:
        raise ConfigError("no source", None, "name a file or an https:// address, or set geoip.update.source")


def _get(place: str) -> bytes:
    if "://" in place:
        return download(place, MAX_DOWNLOAD, _TIMEOUT_S)
    try:
        with Path(place).open("rb") as file:
            data = file.read(MAX_DOWNLOAD + 1)
    except OSError as error:
        raise UpdateError(f"{place}: {error.strerror}") from error
    if len(data) > MAX_DOWNLOAD:
        raise UpdateError(f"{place}: more than {MAX_DOWNLOAD} bytes")
    return data


def _maxmind(settings: GeoIPUpdate) -> Iterator[Download]:
    if settings.license_key is None:
        return  # the settings do not allow it
    credentials = Credentials(str(settings.account_id), settings.license_key.reveal())
    for edition in settings.editions or MAXMIND_EDITIONS:
        url = MAXMIND.format(edition=edition)
        data = download(url, MAX_DOWNLOAD, _TIMEOUT_S, credentials=credentials)
        checksum = download(f"{url}.sha256", _MAX_CHECKSUM, credentials=credentials)
        must_match(data, checksum.decode("ascii", "replace"))
        yield Download(data, edition)


def _dbip(settings: GeoIPUpdate, now: datetime) -> Iterator[Download]:
    """This month's; in its first days perhaps the one before is the newest."""
    before = now.replace(day=1) - timedelta(days=1)
    for edition in settings.editions or DBIP_EDITIONS:
        try:
            data = download(DBIP.format(edition=edition, month=f"{now:%Y-%m}"), MAX_DOWNLOAD, _TIMEOUT_S)
        except UpdateError:
            data = download(DBIP.format(edition=edition, month=f"{before:%Y-%m}"), MAX_DOWNLOAD, _TIMEOUT_S)
        yield Download(data, edition)
