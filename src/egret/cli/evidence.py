"""``egret evidence``: the messages that proved incidents; shown, handed out, proven again."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from egret.cli.evidence_check import Report, verify
from egret.cli.output import FAILED, USAGE, complain
from egret.cli.who import who
from egret.daemon.describer import folder
from egret.daemon.setup import load_knowledge
from egret.errors import StoreError
from egret.names import printable
from egret.settings.config import Config, load_config
from egret.settings.ed25519 import public_key
from egret.settings.places import default_config_file
from egret.store.access import EVERYONE, AccessLog, Purpose
from egret.store.evidence import EvidenceFolder, Kept
from egret.store.incidents import IncidentStore
from egret.store.seal import Seal

app = typer.Typer(help="The messages that proved incidents, blanked and expiring.", no_args_is_help=True)

ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="configuration to read")]
FolderOption = Annotated[
    Path | None, typer.Option("--folder", help="where the evidence is (default: the sensor's own folder)")
]
JsonOption = Annotated[bool, typer.Option("--json", help="for programs")]
IncidentArgument = Annotated[str, typer.Argument(metavar="INCIDENT", help="id of an incident, as alerts have it")]


@app.command("list")
def list_(config: ConfigOption = None, *, folder: FolderOption = None, as_json: JsonOption = False) -> None:
    """List the incidents that there is evidence of, the newest first.

    Example: egret evidence list
    """
    settings = load_config(config or default_config_file())
    place = _place(settings, folder)
    _note(settings, EVERYONE)
    for incident in place.incidents():
        kept = place.read(incident)
        if kept is not None:
            sys.stdout.write((json.dumps(_row(kept.record)) if as_json else _line(kept.record)) + "\n")


@app.command("show")
def show(
    incident: IncidentArgument, config: ConfigOption = None, *, folder: FolderOption = None, as_json: JsonOption = False
) -> None:
    """Show what the evidence of an incident says: each message, and what of it was left out.

    Example: egret evidence show 5b0e5c1e-7c1b-5d5e-9f7a-1f6c5a3d2b10
    """
    settings = load_config(config or default_config_file())
    kept = _kept(_place(settings, folder), incident)
    _note(settings, str(kept.record.get("client")))
    if as_json:
        sys.stdout.write(json.dumps(kept.record, indent=1) + "\n")
        return
    sys.stdout.write(_line(kept.record) + "\n")
    for name in ("severity", "sensor", "egret_version", "catalog_version", "databases", "expires"):
        value = kept.record.get(name)
        sys.stdout.write(f"  {name.replace('_', ' ')}: {printable(_text(value))}\n")
    for shown in kept.record["observations"]:
        numbers = ", ".join(str(number) for number in shown["packets"]) or "none"
        sys.stdout.write(printable(f"  {shown['time']}  {shown['proves']} (packets: {numbers})") + "\n")
        sys.stdout.writelines(printable(f"    {note}") + "\n" for note in shown["notes"])


@app.command("export")
def export(
    incident: IncidentArgument,
    into: Annotated[Path, typer.Argument(metavar="FOLDER", help="where to put the capture and its record")],
    config: ConfigOption = None,
    *,
    folder: FolderOption = None,
) -> None:
    """Copy the capture and the record of an incident, to hand them on. Nothing that is there is overwritten.

    Example: egret evidence export 5b0e5c1e-7c1b-5d5e-9f7a-1f6c5a3d2b10 .
    """
    settings = load_config(config or default_config_file())
    kept = _kept(_place(settings, folder), incident)
    _note(settings, str(kept.record.get("client")))
    record = json.dumps(kept.record, indent=1).encode() + b"\n"
    for path, data in ((into / f"{incident}.pcapng", kept.capture), (into / f"{incident}.json", record)):
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
                file.write(data)
        except OSError as error:
            complain(f"{path}: {error.strerror or error}")
            raise typer.Exit(FAILED) from error
        sys.stdout.write(f"{path}\n")


@app.command("verify")
def verify_(
    incidents: Annotated[
        list[str] | None, typer.Argument(metavar="[INCIDENT]...", help="ids of incidents (default: all)")
    ] = None,
    config: ConfigOption = None,
    *,
    folder: FolderOption = None,
    key: Annotated[
        str | None, typer.Option("--key", help="public key of the sensor, as in evidence.pub (default: this sensor's)")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Prove evidence again, without a network: seals, hashes, and the packets, read by this pipeline and catalogue.

    With another --folder than the sensor's own, a seal by any key will do unless --key names one. Exits 1 if a record
    was changed after it was sealed, if a hash differs, if packets no longer name the service, or if nothing proves an
    incident.

    Example: egret evidence verify
    """
    settings = load_config(config or default_config_file())
    place, knowledge = _place(settings, folder), load_knowledge(settings)
    wanted = incidents or place.incidents()
    known = _key(settings, key, own=folder is None)
    reports = [verify(_kept(place, incident), knowledge, known) for incident in wanted]
    for report in reports:
        sys.stdout.write(json.dumps(_report(report)) + "\n" if as_json else _text_of(report))
    if not as_json:
        sys.stdout.write(f"{sum(report.holds for report in reports)} of {len(reports)} incidents proven\n")
    if not all(report.holds for report in reports):
        raise typer.Exit(FAILED)


def _key(settings: Config, given: str | None, *, own: bool) -> str | None:
    if given is None:
        return Seal(settings.paths.state).known() if own else None
    try:
        return public_key(given)
    except ValueError as error:
        complain(f"--key: {error}")
        raise typer.Exit(USAGE) from None


def _place(settings: Config, path: Path | None) -> EvidenceFolder:
    place = folder(settings)
    return place if path is None else EvidenceFolder(path, place.bounds, "")


def _kept(place: EvidenceFolder, incident: str) -> Kept:
    kept = place.read(incident)
    if kept is None:
        complain(
            f"{place.path}: no evidence of incident {incident} that can be read; `egret evidence list` has the ids"
        )
        raise typer.Exit(USAGE)
    return kept


def _note(settings: Config, client: str) -> None:
    """Write down who looked, where there is a store to do so."""
    path = settings.paths.store
    if not path.exists():
        return
    store = IncidentStore(path)
    try:
        AccessLog(store.database).note(time.time_ns(), who(), Purpose.EVIDENCE, client)
    except StoreError as error:
        complain(f"{error}; nothing is shown where the look cannot be written down")
        raise typer.Exit(FAILED) from error
    finally:
        store.close()


def _row(record: dict[str, Any]) -> dict[str, Any]:
    names = ("incident", "last", "severity", "client", "service", "vendor", "signature", "catalog_version", "expires")
    return {name: record.get(name) for name in names} | {"observations": len(record.get("observations", ()))}


def _line(record: dict[str, Any]) -> str:
    last, who_, service = (str(record.get(name)) for name in ("last", "client", "service"))
    return printable(f"{record.get('incident')}  {last[:19]}Z  {record.get('severity')}  {who_}  {service}")


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _report(report: Report) -> dict[str, Any]:
    found = [finding._asdict() for finding in report.findings]
    return report._asdict() | {"holds": report.holds, "findings": found, "faults": list(report.faults)}


def _text_of(report: Report) -> str:
    catalog = "the same catalogue" if report.same_catalog else f"recorded with catalogue {report.catalog}, not this one"
    verdict = "proven" if report.holds else "NOT proven"
    hashes = "hashes agree" if report.intact else "NOT as recorded"
    lines = [f"{report.incident}  {verdict}; {hashes}; {report.seal}; {catalog}"]
    lines += [f"  {fault}" for fault in report.faults]
    marks = {True: "proven", False: "NOT proven", None: "not shown"}
    lines += [f"  {marks[each.proven]}: {each.name or 'no name'}: {each.why}" for each in report.findings]
    return "".join(printable(line) + "\n" for line in lines)
