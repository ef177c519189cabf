"""Make key pairs, bundles and signatures for `egret catalog update`.

    python -m scripts.sign_catalog keys catalogue.key             # private key to the file, public key printed
    python -m scripts.sign_catalog bundle signatures 2026112201 --days 90 catalogue.json
    python -m scripts.sign_catalog sign catalogue.key catalogue.json      # writes catalogue.json.sig

Keep the private key off the machine that serves the bundles. The version may only rise: date and number do.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import date, timedelta
from pathlib import Path

from egret.settings.bundles import day_of
from egret.settings.ed25519 import new_pair, sign


def make_bundle(folder: Path, version: int, created: date, days: int) -> bytes:
    """The bundle of all YAML files of *folder*: equal files, version and dates make equal bytes."""
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yaml"))}
    whole = {
        "format": "egret-catalogue-1",
        "version": version,
        "created": created.isoformat(),
        "expires": (created + timedelta(days=days)).isoformat(),
        "files": files,
    }
    return (json.dumps(whole, indent=1, sort_keys=True) + "\n").encode("ascii")


def main() -> None:
    """Run one of the three commands."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    keys = commands.add_parser("keys")
    keys.add_argument("private", type=Path)
    bundle = commands.add_parser("bundle")
    bundle.add_argument("folder", type=Path)
    bundle.add_argument("version", type=int)
    bundle.add_argument("output", type=Path)
    bundle.add_argument("--days", type=int, default=90, help="until it expires")
    bundle.add_argument("--created", type=date.fromisoformat, default=day_of(time.time()))
    signing = commands.add_parser("sign")
    signing.add_argument("private", type=Path)
    signing.add_argument("file", type=Path)
    run(parser.parse_args())


def run(wanted: argparse.Namespace) -> None:
    """Do what is *wanted*."""
    if wanted.command == "keys":
        private, public = new_pair()
        with os.fdopen(os.open(wanted.private, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(private + "\n")
        print(public)
    elif wanted.command == "bundle":
        wanted.output.write_bytes(make_bundle(wanted.folder, wanted.version, wanted.created, wanted.days))
    else:
        signature = sign(wanted.file.read_bytes(), wanted.private.read_text(encoding="ascii"))
        Path(f"{wanted.file}.sig").write_text(signature + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
