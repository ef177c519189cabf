"""Where things are on this machine: the configuration file, the state, the local signatures, updates.

Apart from the sections, so that who goes by the defaults needs none of them, nor what validates them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from egret.errors import ConfigError, ConfigErrors, UpdateError
from egret.settings.bundled import BUNDLED_DATABASE, geo_dir, signatures_dir
from egret.value import Struct

CONFIG_NAME = "egret.yaml"
INDEX = "installed.json"  # of the updates of the catalogue
SYSTEM_CONFIG = Path("/etc/egret") / CONFIG_NAME
SYSTEM_STATE = Path("/var/lib/egret")


def state_directory() -> Path:
    """Systemd's StateDirectory if it made one, /var/lib/egret as root, else the user's XDG state folder."""
    given = os.environ.get("STATE_DIRECTORY")
    if given:
        return Path(given.split(":", maxsplit=1)[0])
    own = _xdg("XDG_STATE_HOME", ".local/state")
    return SYSTEM_STATE if own is None else own / "egret"


def _xdg(variable: str, fallback: str) -> Path | None:
    """A base folder of the user; None for root and for users without a home. A relative value must be ignored."""
    if os.geteuid() == 0:
        return None
    given = Path(os.environ.get(variable, ""))
    try:
        return given if given.is_absolute() else Path.home() / fallback
    except RuntimeError:
        return None


def overlay_folder(folder: Path, before: Path | None = None) -> Path | None:
    """The local signatures in *folder*, that of the default configuration file, if they are there.

    Who may not look takes what was there *before*: signatures that are out of reach must not go in silence.
    """
    candidate = folder / "signatures.d"
    try:
        return candidate if stat.S_ISDIR(candidate.stat().st_mode) else None
    except PermissionError:  # as below
        return before
    except OSError:
        return None


def default_config_place() -> Path:
    """Where a default configuration file would be: systemd's ConfigurationDirectory, /etc/egret, or the user's own."""
    given = os.environ.get("CONFIGURATION_DIRECTORY")
    if given:
        return Path(given.split(":", maxsplit=1)[0]) / CONFIG_NAME
    own = _xdg("XDG_CONFIG_HOME", ".config")
    return SYSTEM_CONFIG if own is None else own / "egret" / CONFIG_NAME


def default_config_file() -> Path | None:
    """The file read when no ``-c`` is given, or None if there is none: then the defaults hold."""
    candidate = default_config_place()
    try:
        return candidate if candidate.exists() else None
    except OSError:  # behind a folder that we may not enter (sudo -u keeps HOME): not ours
        return None


class Paths(Struct, frozen=True):
    """Files and folders that the daemon writes."""

    state: Path
    store: Path
    catalogue: Path  # updates of the catalogue
    geoip: Path  # databases of `egret geoip update`
    evidence: Path


class Places(Struct, frozen=True):
    """Where this machine keeps things; decided once, by who reads the configuration: later it may have fewer rights."""

    state: Path
    folder: Path  # of the default configuration file
    overlay: Path | None

    @classmethod
    def here(cls) -> Self:
        """The places of whoever asks."""
        folder = default_config_place().parent
        return cls(state_directory(), folder, overlay_folder(folder))

    def paths(self, store: Path | None = None) -> Paths:
        """Where files are; *store*: as configured."""
        state = self.state
        return Paths(
            state=state,
            store=store or state / "incidents.db",
            catalogue=state / "catalogue",
            geoip=state / "geoip",
            evidence=state / "evidence",
        )

    def databases(self, named: Iterable[Path] = (), *, bundled: bool = True) -> list[Path]:
        """The GeoIP files that are *named*; else those of `egret geoip update`, the *bundled* one behind them."""
        if given := list(named):
            return given
        try:
            installed = sorted(self.paths().geoip.glob("*.mmdb"))
        except OSError:
            installed = []
        return [*installed, geo_dir() / BUNDLED_DATABASE] if installed and bundled else installed

    def signature_folders(self, directories: Iterable[Path] = (), *, bundled: bool = True) -> list[Path]:
        """Every folder of signatures, in order; a later one's replace those of the same id.

        The *bundled* ones or the update in their place, then the local ones.

        Raises:
            ConfigErrors: an installed update cannot be used.
        """
        local = self.local_folders(directories)
        if not bundled:
            return local
        try:
            return [_updated(self.paths().catalogue) or signatures_dir(), *local]
        except UpdateError as error:
            raise ConfigErrors([ConfigError(str(error))]) from error

    def local_folders(self, directories: Iterable[Path] = ()) -> list[Path]:
        """The operator's own folders: the overlay, if it is there, and the *directories* of the configuration."""
        local = overlay_folder(self.folder, self.overlay)
        return list(dict.fromkeys([*([local] if local else []), *directories]))


def _updated(catalogue: Path) -> Path | None:
    """The update in use; what reads about it is imported where there was one."""
    try:
        (catalogue / INDEX).stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # reading it says why
        pass
    from egret.settings import installed  # noqa: PLC0415 (pydantic)

    return installed.current(catalogue)
