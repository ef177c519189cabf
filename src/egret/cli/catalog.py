"""``egret catalog``: list, lint and test the signatures; the other sub-commands have files of their own."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from time import time
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from egret.catalog.lint import STALE_AFTER_DAYS, lint, prove
from egret.catalog.located import Located
from egret.cli.catalog_diff import diff
from egret.cli.catalog_export import export, known_vendors
from egret.cli.catalog_folders import folders
from egret.cli.catalog_update import update
from egret.cli.json_line import dump
from egret.cli.output import FAILED, USAGE
from egret.model import ServiceClass, Signature
from egret.names import printable
from egret.settings.bundled import signatures_dir
from egret.settings.catalogue import load_catalog
from egret.settings.resolvers import ResolversFile
from egret.settings.signature_file import SharedFile, SilenceFile, VendorFile
from egret.settings.signatures import SHARED, load_located
from egret.value import asdict

app = typer.Typer(name="catalog", help="The signatures: list, prove, compare, export, update.", no_args_is_help=True)
app.command("export")(export)
app.command("diff")(diff)
app.command("update")(update)

Directories = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[DIR]...",
        help=f"folders of signatures; one without {SHARED} is checked on top of the bundled catalogue (default: that)",
    ),
]


@app.command("list")
def list_signatures(
    directories: Directories = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="one JSON line for each signature, with all its facts")
    ] = False,
    service_class: Annotated[ServiceClass | None, typer.Option("--class", help="only this class")] = None,
    vendor: Annotated[str | None, typer.Option("--vendor", help="only this vendor")] = None,
) -> None:
    """List the signatures.

    Example: egret catalog list --class embedded
    """
    catalog = load_catalog(folders(directories))
    chosen = [signature for signature in catalog.signatures if service_class in (None, signature.service_class)]
    if vendor is not None:
        names = known_vendors([vendor], {signature.vendor for signature in catalog.signatures})
        chosen = [signature for signature in chosen if signature.vendor in names]
    if as_json:
        for signature in chosen:
            sys.stdout.write(dump(signature_line(signature)) + "\n")
        return
    width = None if sys.stdout.isatty() else 180  # a pipe has no width: fold nothing
    Console(width=width).print(_table(chosen))
    hosts = sum(len(signature.hosts) for signature in chosen)
    vendors = len({signature.vendor for signature in chosen})
    typer.echo(
        f"catalogue {catalog.version}: {len(chosen)} signatures of {vendors} vendors, {hosts} host patterns", err=True
    )


def _table(signatures: Sequence[Signature]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("signature", "vendor", "service", "class", "category", "operator"):
        table.add_column(title, overflow="fold")
    table.add_column("hosts", justify="right")
    for signature in signatures:
        operator = f"{signature.operator.country or '?'}{', contested' if signature.operator.contested else ''}"
        named = (signature.id, signature.vendor, signature.service)
        kind = (signature.service_class.value, signature.category.value, operator)
        table.add_row(*map(printable, named + kind), str(len(signature.hosts) + len(signature.networks)))
    return table


def signature_line(signature: Signature) -> dict[str, object]:
    """A signature with all its facts, as ``catalog list --json`` prints it."""
    operator = signature.operator
    return {
        "signature": signature.id,
        "vendor": signature.vendor,
        "service": signature.service,
        "category": signature.category,
        "class": signature.service_class,
        "jurisdiction": {"country": operator.country, "contested": operator.contested},
        "operator": {"entity": operator.entity, "source": operator.source, "date": operator.date},
        "hosts": [
            {
                "kind": host.kind,
                "pattern": host.pattern,
                "region": host.region,
                "scope": host.scope and asdict(host.scope),
                "source": host.source,
            }
            for host in signature.hosts
        ],
        "networks": list(signature.networks),
        "ports": list(signature.ports),
        "scope": signature.scope and asdict(signature.scope),
        "reasons": [
            {"text": reason.text, "source": reason.source, "date": reason.date, "counter": reason.counter}
            for reason in signature.reasons
        ],
        "alternatives": list(signature.alternatives),
        "references": list(signature.references),
        "last_reviewed": signature.last_reviewed,
        "note": signature.note,
    }


@app.command("lint")
def lint_signatures(
    directories: Directories = None,
    *,
    stale_after: Annotated[
        int, typer.Option("--stale-after", metavar="DAYS", min=1, help="how old a review may be")
    ] = STALE_AFTER_DAYS,
    today: Annotated[
        datetime | None, typer.Option("--today", formats=["%Y-%m-%d"], help="judge ages as on this day")
    ] = None,
) -> None:
    """Find what is wrong with signatures: examples, overlaps, typing errors, missing sources, stale reviews.

    Prints file:line:column, what is wrong and what to do; the exit code is 2 if there is anything.

    Example: egret catalog lint signatures/
    """
    located = load_located(folders(directories))
    day = today.date() if today else _today()
    wanted = set(directories or [signatures_dir()])
    found = [finding for finding in lint(located, day, stale_after) if Path(finding.place.file).parent in wanted]
    for finding in found:
        sys.stdout.write(printable(str(finding)) + "\n")
    count = sum(Path(item.place.file).parent in wanted for item in located)
    typer.echo(f"{count} signatures checked: {len(found) or 'no'} finding{'' if len(found) == 1 else 's'}", err=True)
    raise typer.Exit(USAGE if found else 0)


def _today() -> date:
    return datetime.fromtimestamp(time(), UTC).date()


@app.command("test")
def run_examples(directories: Directories = None) -> None:
    """Run every example and counter-example of the signatures; the exit code is 1 if one fails."""
    located = load_located(folders(directories))
    failures = list(prove(located))
    for failure in failures:
        sys.stdout.write(printable(str(failure)) + "\n")
    sys.stdout.write(_summary(located, len(failures)) + "\n")
    raise typer.Exit(FAILED if failures else 0)


def _summary(located: Sequence[Located], failed: int) -> str:
    examples = sum(len(item.signature.examples) for item in located)
    counter = sum(len(item.signature.counter_examples) for item in located)
    verdict = f"{failed} failed" if failed else "all as they should be"
    return f"{len(located)} signatures, {examples} examples, {counter} counter-examples: {verdict}"


class FileKind(StrEnum):
    """The kinds of file in a folder of signatures."""

    SIGNATURE = "signature"
    SHARED = "_shared"
    RESOLVERS = "_resolvers"
    SILENCE = "_silence"


SCHEMAS: dict[FileKind, type[BaseModel]] = {
    FileKind.SIGNATURE: VendorFile,
    FileKind.SHARED: SharedFile,
    FileKind.RESOLVERS: ResolversFile,
    FileKind.SILENCE: SilenceFile,
}


@app.command("schema")
def print_schema(kind: Annotated[FileKind, typer.Argument(help="which file")] = FileKind.SIGNATURE) -> None:
    """Print the JSON Schema of a signature file, for editors.

    Example: egret catalog schema > signature.schema.json
    """
    sys.stdout.write(schema_text(kind))


def schema_text(kind: FileKind) -> str:
    """The JSON Schema that stands beside the signatures as ``<kind>.schema.json``."""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **SCHEMAS[kind].model_json_schema()}
    return json.dumps(schema, indent=2) + "\n"
