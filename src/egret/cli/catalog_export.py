"""``egret catalog export``: the catalogue for other programs."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import typer

from egret.catalog.export.formats import FORMATS, Format
from egret.catalog.export.selection import DEFAULT_CLASSES, StateOf, Wanted, select
from egret.catalog.match import Catalog
from egret.cli.catalog_folders import folders
from egret.cli.output import complain
from egret.errors import ConfigError
from egret.judge.approvals import Approvals, ApprovalState, Subject
from egret.judge.verdict import severity_of_class
from egret.model import ServiceClass, Severity, Signature
from egret.settings.catalogue import load_catalog
from egret.settings.config import load_config
from egret.settings.places import default_config_file
from egret.settings.suggest import suggest

SHOWN = 5  # of what a format cannot say; the file's head has all


def export(
    directories: Annotated[
        list[Path] | None, typer.Argument(metavar="[DIR]...", help="folders of signatures (default: the bundled ones)")
    ] = None,
    *,
    file_format: Annotated[Format, typer.Option("--format", help="for which program")],
    classes: Annotated[
        list[ServiceClass] | None, typer.Option("--class", help="this class; may be repeated (default: ai, embedded)")
    ] = None,
    vendors: Annotated[list[str] | None, typer.Option("--vendor", help="only this vendor; may be repeated")] = None,
    min_severity: Annotated[
        Severity, typer.Option("--min-severity", help="only hosts that alert at this severity or more")
    ] = Severity.INFO,
    approval: Annotated[
        list[ApprovalState] | None,
        typer.Option("--approval", help="only what the configuration decided so for everybody; may be repeated"),
    ] = None,
    config_file: Annotated[
        Path | None,
        typer.Option("--config", "-c", help="what this configuration recognises, updates and overlays included"),
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", help="write to this file, whole or not at all")] = None,
) -> None:
    """Write the catalogue for a resolver, a firewall, a sensor or a platform. Equal catalogues make equal files.

    What the format cannot say is named on standard error, and in the file where it has comments.

    Example: egret catalog export --format rpz --output egret.rpz
    """
    catalog = _catalog(directories, config_file)
    wanted = Wanted(
        classes=frozenset(classes or DEFAULT_CLASSES),
        vendors=known_vendors(vendors or (), {signature.vendor for signature in catalog.signatures}),
        min_severity=min_severity,
        states=frozenset(state.value for state in approval or ()),
    )
    selection = select(catalog, wanted, severity_of_class, _decided(config_file) if approval else _undecided)
    made = FORMATS[file_format](selection)
    if output is None:
        sys.stdout.write(made.text)
    else:
        replace(output, made.text)
    for line in made.left_out[:SHOWN]:
        complain(f"{file_format} cannot say: {line}")
    if len(made.left_out) > SHOWN:
        complain(f"{file_format} cannot say: {len(made.left_out) - SHOWN} more")
    counted = f"{len(selection.targets)} host patterns of {len(selection.signatures)} services"
    complain(f"catalogue {catalog.version}: {counted}")


def _undecided(_: Signature) -> str:
    return ApprovalState.UNREVIEWED.value


def _decided(config_file: Path | None) -> StateOf:
    """What holds now, for everybody: a file for a resolver cannot tell clients apart."""
    entries = load_config(config_file or default_config_file()).approvals.as_approvals()
    some = sum(bool(entry.clients or entry.groups) for entry in entries)
    if some:
        complain(f"{some} decisions are for some clients only; this file cannot tell them apart and passes them over")
    approvals, now_ns = Approvals(entries), time.time_ns()
    return lambda signature: approvals.decide(Subject.of(signature), now_ns).state.value


def _catalog(directories: list[Path] | None, config_file: Path | None) -> Catalog:
    if config_file is None:
        return load_catalog(folders(directories))
    if directories:
        raise ConfigError("both folders and a configuration", None, "name the folders in the configuration")
    config = load_config(config_file)
    return load_catalog(config.signature_folders, config.catalog.disabled)


def known_vendors(given: Collection[str], known: Collection[str]) -> frozenset[str]:
    """The vendors that are meant, as the catalogue spells them.

    Raises:
        ConfigError: one that it does not know.
    """
    by_lower = {name.lower(): name for name in known}
    for name in given:
        if name.lower() not in by_lower:
            raise ConfigError(f"unknown vendor '{name}'", None, suggest(name, known) or "see: egret catalog list")
    return frozenset(by_lower[name.lower()] for name in given)


def replace(path: Path, text: str) -> None:
    """Write *text* beside *path* and move it there: a program that reads it never sees half of it."""
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", None, "name a file in a folder that you may write to") from error
