"""``egret web``: what a login on the status page takes."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer

from egret.cli.output import USAGE, complain
from egret.settings.http_section import Access, HttpToken, HttpUser
from egret.settings.passwords import MAX_PASSWORD, MIN_PASSWORD, hash_password, hash_token, new_token

app = typer.Typer(help="Who may see the status page: hashes of passwords and tokens.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="letters, digits, and . _ @ -")]
AccessOption = Annotated[Access, typer.Option("--access", help="everything, or the metrics alone")]


@app.command("password")
def password(name: NameArgument, *, access: AccessOption = Access.ALL) -> None:
    """Ask for a password, or read it from standard input, and print the entry of `http.users` that has its hash.

    Example: egret web password alice
    """
    said = _ask() if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
    if not MIN_PASSWORD <= len(said) <= MAX_PASSWORD:
        complain(f"a password here has {MIN_PASSWORD} to {MAX_PASSWORD} characters; four words will do")
        raise typer.Exit(USAGE)
    hashed = hash_password(said)
    _checked(HttpUser, name=name, password=hashed, access=access)
    sys.stderr.write("egret: add this to http.users, and reload\n")
    sys.stdout.write(f'- {{name: "{name}", password: "{hashed}", access: {access}}}\n')


@app.command("token")
def token(name: NameArgument, *, access: AccessOption = Access.METRICS) -> None:
    """Make a token for a program and print it, once, with the entry of `http.tokens` that has its hash.

    The program sends it as `Authorization: Bearer TOKEN`.

    Example: egret web token prometheus
    """
    made = new_token()
    hashed = hash_token(made)
    _checked(HttpToken, name=name, token=hashed, access=access)
    sys.stderr.write(
        "egret: give the first line to the program, which is not kept here; add the second to http.tokens\n"
    )
    sys.stdout.write(f'{made}\n- {{name: "{name}", token: "{hashed}", access: {access}}}\n')


def _ask() -> str:
    """From the terminal, twice, unseen."""
    first = getpass.getpass("password: ")
    if first != getpass.getpass("again: "):
        complain("these are two passwords")
        raise typer.Exit(USAGE)
    return first


def _checked(model: type[HttpUser | HttpToken], **values: object) -> None:
    """The settings would take it."""
    try:
        model.model_validate(values)
    except ValueError as error:
        complain("a name has up to 64 letters, digits, and . _ @ -, and begins with a letter or digit")
        raise typer.Exit(USAGE) from error
