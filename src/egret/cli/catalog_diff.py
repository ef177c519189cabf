"""``egret catalog diff``: what a new catalogue would change."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from egret.catalog.diff import Change, NameChange, What, Word, changes, known_names, name_changes
from egret.catalog.match import Catalog
from egret.cli.catalog_folders import folders
from egret.cli.inputs import lines
from egret.cli.json_line import dump
from egret.cli.matching import host_name
from egret.cli.output import FAILED
from egret.judge.verdict import severity_of_class
from egret.names import printable
from egret.settings.catalogue import load_catalog

_SIGNS = {What.ADDED: "+", What.REMOVED: "-", What.CHANGED: "~"}


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="folder of signatures")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="folder of signatures")],
    *,
    names: Annotated[
        str | None, typer.Option("--names", metavar="-|NAME", help="host names to compare as well; - reads them")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object, for programs")] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="exit with 1 if there is a difference")] = False,
) -> None:
    """Show what would change from OLD to NEW: signatures, hosts, and the verdict on host names.

    Names are the examples and hosts of both, and those of --names. A folder without _shared.yaml counts on top of the
    bundled catalogue. The exit code is 0 with or without a difference, unless --exit-code is given.

    Example: egret catalog diff signatures/ /var/lib/egret/signatures
    """
    before, after = load_catalog(folders([old])), load_catalog(folders([new]))
    found = changes(before, after)
    more = {name for line in lines([names] if names else []) if (name := host_name(line))}
    renamed = name_changes(before, after, known_names(before, after) | more, severity_of_class)
    if as_json:
        sys.stdout.write(dump(document(before, after, found, renamed)) + "\n")
    else:
        sys.stdout.writelines(f"{printable(line)}\n" for line in text(found, renamed))
        count = f"{len(found)} signatures and {len(renamed)} names differ"
        typer.echo(f"{before.version} -> {after.version}: {count}", err=True)
    raise typer.Exit(FAILED if exit_code and (found or renamed) else 0)


def text(found: list[Change], renamed: list[NameChange]) -> Iterator[str]:
    """Lines for people."""
    for change in found:
        kind = ", ".join(
            fact.new or fact.old for fact in change.facts if fact.name in {"class", "category", "operator"}
        )
        yield f"{_SIGNS[change.what]} {change.signature}" + (f" ({kind})" if change.what is not What.CHANGED else "")
        if change.what is What.CHANGED:
            yield from (f"    {fact.name}: {fact.old or 'none'} -> {fact.new or 'none'}" for fact in change.facts)
        yield from (f"    - {host}" for host in change.removed)
        yield from (f"    + {host}" for host in change.added)
    if renamed:
        yield "names:"
    yield from (f"    {each.name}: {_said(each.old)} -> {_said(each.new)}" for each in renamed)


def _said(word: Word | None) -> str:
    if word is None:
        return "nothing"
    contested = ", contested" if word.contested else ""
    region = f", {word.region}" if word.region else ""
    return f"{word.signature} ({word.service_class}, {word.severity}, {word.country or 'unknown'}{contested}{region})"


def document(before: Catalog, after: Catalog, found: list[Change], renamed: list[NameChange]) -> dict[str, object]:
    """The object for programs."""
    return {
        "old": before.version,
        "new": after.version,
        "signatures": [
            {
                "signature": change.signature,
                "what": change.what,
                "facts": {fact.name: {"old": fact.old, "new": fact.new} for fact in change.facts},
                "added": list(change.added),
                "removed": list(change.removed),
            }
            for change in found
        ],
        "names": [{"name": each.name, "old": _fields(each.old), "new": _fields(each.new)} for each in renamed],
    }


def _fields(word: Word | None) -> dict[str, object] | None:
    if word is None:
        return None
    return {
        "signature": word.signature,
        "class": word.service_class,
        "severity": word.severity,
        "jurisdiction": {"country": word.country, "contested": word.contested},
        "region": word.region,
    }
