"""``egret catalog update``: a newer catalogue, signed by somebody who is trusted."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from egret.catalog.diff import changes
from egret.errors import ConfigError, UpdateError
from egret.settings import bundles, installed
from egret.settings.bundled import signatures_dir
from egret.settings.catalogue import load_catalog
from egret.settings.config import Config, load_config
from egret.settings.places import default_config_file
from egret.sinks.download import download


def update(
    source: Annotated[
        str | None, typer.Argument(metavar="[FILE|URL]", help="bundle; its signature is beside it, as .sig")
    ] = None,
    *,
    config_file: Annotated[Path | None, typer.Option("--config", "-c", help="configuration file")] = None,
    rollback: Annotated[bool, typer.Option("--rollback", help="use the catalogue before this one again")] = False,
) -> None:
    """Replace the bundled catalogue by a signed, newer one, after it was proved whole; the one before is kept.

    Without a source, catalog.update.url is fetched. Only the keys in catalog.update.public_keys are trusted.
    A running Egret uses it within seconds. The exit code is 1 if it was refused; then nothing was changed.

    Example: egret catalog update catalogue.json
    """
    config = load_config(config_file or default_config_file())
    folder = config.paths.catalogue
    if rollback:
        report("rolled back", bundles.rollback(folder))
        return
    data, signature = fetch(source, config)
    today = bundles.day_of(time.time())
    bundle = bundles.open_bundle(data, signature, config.catalog.update.public_keys, today)
    before = load_catalog([installed.current(folder) or signatures_dir()])
    target = bundles.install(bundle, folder, today)
    found = changes(before, load_catalog([target]))
    report(f"installed version {bundle.version}, {len(found)} signatures differ", target)


def report(what: str, folder: Path | None) -> None:
    """Say what happened and what comes next."""
    typer.echo(f"{what}: {load_catalog([folder or signatures_dir()]).version} ({folder or 'the one of this Egret'})")
    typer.echo("a running Egret uses it within seconds", err=True)


def fetch(source: str | None, config: Config) -> tuple[bytes, str]:
    """A bundle and its signature.

    Raises:
        UpdateError: not there, or too large.   ConfigError: nobody said where.
    """
    url = config.catalog.update.url
    place = source or (url and url.reveal())
    if not place:
        raise ConfigError("no source", None, "name a file or an https:// address, or set catalog.update.url")
    if "://" in place:
        data, signature = download(place, bundles.MAX_BYTES), download(beside(place), bundles.MAX_SIGNATURE)
    else:
        data = _read(Path(place), bundles.MAX_BYTES)
        signature = _read(Path(f"{place}.sig"), bundles.MAX_SIGNATURE)
    return data, signature.decode("ascii", "replace")


def beside(url: str) -> str:
    """The address of the signature: ``.sig`` behind the path, before a query."""
    path, mark, query = url.partition("?")
    return f"{path}.sig{mark}{query}"


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(max_bytes + 1)
    except OSError as error:
        raise UpdateError(f"{path}: {error.strerror}") from error
    if len(data) > max_bytes:
        raise UpdateError(f"{path}: more than {max_bytes} bytes")
    return data
