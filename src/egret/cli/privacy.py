"""``egret privacy``: undo a pseudonym, forget a client, see who looked."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from egret.alerts.timestamps import rfc3339
from egret.alerts.veil import Veil
from egret.alerts.whose import Whose
from egret.cli.kept import must_exist
from egret.cli.output import FAILED, USAGE, complain
from egret.cli.who import who
from egret.daemon.clients import declared
from egret.daemon.control import SOCKET, ask
from egret.daemon.describer import folder as evidence_folder
from egret.errors import ConfigError, StoreError
from egret.judge.directory import ClientDirectory
from egret.names import printable
from egret.settings.config import Config, load_config
from egret.settings.places import default_config_file
from egret.settings.pseudonyms import SivPseudonyms
from egret.settings.values import parse_secret
from egret.store.access import PURGED, AccessLog, Look, Purpose
from egret.store.incidents import IncidentStore
from egret.store.purge import purge as purge_store

app = typer.Typer(help="Pseudonyms, forgetting a client, and who looked at whose history.", no_args_is_help=True)

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="configuration to read")]


@app.command("reveal")
def reveal(
    pseudonyms: Annotated[list[str], typer.Argument(metavar="PSEUDONYM...", help="as in address~5k3e...")],
    config: ConfigOption = None,
    *,
    key: Annotated[str | None, typer.Option("--key", help="file:PATH or env:NAME (default: privacy.key)")] = None,
) -> None:
    """Say what pseudonyms stand for. It is written down who asked; where that cannot be done, nothing is said.

    Exits 2 if one was not made with this key.

    Example: egret privacy reveal address~snlbkhnb57nxeszr
    """
    settings = load_config(config or default_config_file())
    veil = _veil(settings, key)
    found = {text: veil.word(text) or veil.shown_key(text) for text in pseudonyms}
    store = _store(settings)
    try:
        for text, word in found.items():
            if word is not None:
                AccessLog(store.database).note(time.time_ns(), who(), Purpose.REVEAL, text)
    except StoreError as error:
        complain(f"{error}; nothing is revealed where it cannot be written down")
        raise typer.Exit(FAILED) from error
    finally:
        store.close()
    for text, word in found.items():
        if word is None:
            complain(f"'{text}' is no pseudonym that this key made")
        else:
            sys.stdout.write(f"{printable(word)}\n")
    if None in found.values():
        raise typer.Exit(USAGE)


@app.command("purge")
def purge(
    client: Annotated[str, typer.Argument(help="address, network, name, hardware address or pseudonym")],
    config: ConfigOption = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Forget a client: its incidents, alerts, waiting deliveries and learnt names, stored and in the running daemon.

    A device is forgotten with all its addresses. Receivers of alerts, and packet captures, have copies of their own.

    Example: egret privacy purge 192.0.2.17
    """
    settings = load_config(config or default_config_file())
    if not client.strip():
        raise ConfigError("no client was named", None, "write an address, a network or a name")
    removed = _purge_running(settings, client) or _purge_stored(settings, client)
    if as_json:
        sys.stdout.write(json.dumps(removed) + "\n")
        return
    for what, number in removed.items():
        sys.stdout.write(f"{number:8d}  {what.replace('_', ' ')}\n")
    for path in sorted(settings.paths.store.parent.glob(f"{settings.paths.store.name}.*.corrupt*")):
        complain(f"{path}: a broken file that was kept aside and may name the client; delete it when you can")


def _purge_running(settings: Config, client: str) -> Mapping[str, Any] | None:
    """What the daemon removed; None where none runs."""
    path = settings.paths.state / SOCKET
    try:
        answer = ask(path, "purge", client)
    except (OSError, ValueError) as error:
        complain(f"{path}: the daemon cannot be asked ({error}); run this as root or as its user")
        raise typer.Exit(FAILED) from error
    if answer is not None and "error" in answer:
        complain(str(answer["error"]))
        raise typer.Exit(FAILED)
    return answer


def _purge_stored(settings: Config, client: str) -> Mapping[str, Any]:
    """Without a daemon there is only the store."""
    store = _store(settings)
    veil, now_ns = settings.privacy.revealing(), time.time_ns()
    whose = Whose(client, veil)
    whose.addresses |= ClientDirectory(declared(settings.clients)).addresses_of(veil.word(client) or client, now_ns)
    try:
        removed = purge_store(store, whose)
        evidence = evidence_folder(settings).remove(removed.ids)
        AccessLog(store.database).note(now_ns, who(), Purpose.PURGE, PURGED)
    finally:
        store.close()
    return removed.counts() | {"evidence": evidence}


@app.command("log")
def log(
    config: ConfigOption = None,
    *,
    client: Annotated[
        str | None, typer.Option("--client", help="only looks at this client, and at lists of everybody")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=50_000, help="the newest so many")] = 100,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON line each")] = False,
) -> None:
    """Show who looked at whose history, the newest first. `*` is a list of everybody.

    Example: egret privacy log --client 192.0.2.17
    """
    settings = load_config(config or default_config_file())
    store = _store(settings)
    try:
        looks = AccessLog(store.database).looks(limit, settings.privacy.veil().address(client) if client else None)
    finally:
        store.close()
    for look in looks:
        sys.stdout.write((json.dumps(_row(look)) if as_json else _line(look)) + "\n")


def _row(look: Look) -> dict[str, Any]:
    return {
        "first": rfc3339(look.first_ns),
        "last": rfc3339(look.last_ns),
        "times": look.times,
        "who": look.who,
        "what": look.what,
        "client": look.client,
    }


def _line(look: Look) -> str:
    times = f" ({look.times} times)" if look.times > 1 else ""
    return printable(f"{rfc3339(look.last_ns)[:19]}Z  {look.what:<8} {look.client:<16} {look.who}{times}")


def _veil(settings: Config, key: str | None) -> Veil:
    try:
        if key is not None:
            return Veil(SivPseudonyms(parse_secret(key).reveal()))
    except ValueError as error:
        raise ConfigError(f"--key: {error}") from None
    if settings.privacy.key is None:
        raise ConfigError("there is no key", None, "set privacy.key, or give --key file:PATH")
    return settings.privacy.revealing()


def _store(settings: Config) -> IncidentStore:
    """The store, which must be there: opening would make one."""
    must_exist(settings.paths.store)
    return IncidentStore(settings.paths.store, settings.privacy.revealing())
