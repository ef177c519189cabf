"""Which catalogue is in use: the one that came with Egret, or an update that ``bundles`` proved and put there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from egret.errors import UpdateError
from egret.settings.places import INDEX

Version = Annotated[int, Field(ge=1, lt=2**53)]


class Installed(BaseModel):
    """Which catalogue is in use; None: the one that came with Egret."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)  # most have no such file

    current: Version | None = None
    previous: Version | None = None
    highest: int = 0  # ever installed: a rollback does not open the door to old bundles


def current(folder: Path) -> Path | None:
    """The folder of the installed catalogue; None: the one that came with Egret.

    Raises:
        UpdateError: the index cannot be read or names files that are gone.
    """
    version = read_index(folder).current
    if version is None:
        return None
    target = place(folder, version)
    if not target.is_dir():
        raise UpdateError(f"{target}: the installed catalogue is gone; run `egret catalog update --rollback`")
    return target


def read_index(folder: Path) -> Installed:
    """What is installed; nothing where there is no index.

    Raises:
        UpdateError: the index cannot be read.
    """
    path = folder / INDEX
    try:
        return Installed.model_validate_json(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Installed.model_construct()
    except (OSError, ValidationError) as error:
        why = error.strerror if isinstance(error, OSError) else "broken"
        raise UpdateError(f"{path}: {why}; remove it to use the catalogue that came with Egret") from None


def place(folder: Path, version: int) -> Path:
    """Where the files of a version are."""
    return folder / f"v{version}"
