"""The whole configuration: read once, checked whole, frozen.

``load_config(None)`` is the default configuration; every option has a default that works on a gateway.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr, ValidationError

from egret.errors import ConfigError, ConfigErrors, UpdateError
from egret.settings import installed
from egret.settings.approvals_section import ApprovalSettings
from egret.settings.bundled import BUNDLED_DATABASE, geo_dir, signatures_dir
from egret.settings.canary_section import CanarySettings
from egret.settings.clients_section import Clients
from egret.settings.evidence_section import EvidenceSettings
from egret.settings.geoip_update_section import GeoIPSettings
from egret.settings.http_section import Http
from egret.settings.outputs_section import Outputs
from egret.settings.privacy_section import Privacy
from egret.settings.score_section import Score
from egret.settings.sections import (
    Alerts,
    Capture,
    CatalogSettings,
    Log,
    Networks,
    Section,
    Severities,
    Store,
)
from egret.settings.volume_section import VolumeSettings
from egret.settings.watch_section import WatchSettings

if TYPE_CHECKING:
    from egret.settings import positions

CONFIG_NAME = "egret.yaml"
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


class Config(Section):
    """Every setting of Egret."""

    networks: Networks = Field(default=Networks.default(), description="")
    clients: Clients = Field(default=Clients.default(), description="")
    capture: Capture = Field(default=Capture.default(), description="")
    catalog: CatalogSettings = Field(default=CatalogSettings.default(), description="")
    geoip: GeoIPSettings = Field(default=GeoIPSettings.default(), description="")
    severities: Severities = Field(default=Severities.default(), description="")
    score: Score = Field(default=Score.default(), description="")
    volume: VolumeSettings = Field(default=VolumeSettings.default(), description="")
    canary: CanarySettings = Field(default=CanarySettings.default(), description="")
    watch: WatchSettings = Field(default=WatchSettings.default(), description="")
    alerts: Alerts = Field(default=Alerts.default(), description="")
    approvals: ApprovalSettings = Field(default=ApprovalSettings.default(), description="")
    evidence: EvidenceSettings = Field(default=EvidenceSettings.default(), description="")
    outputs: Outputs = Field(default=Outputs.default(), description="")
    privacy: Privacy = Field(default=Privacy.default(), description="")
    store: Store = Field(default=Store.default(), description="")
    http: Http = Field(default=Http.default(), description="")
    log: Log = Field(default=Log.default(), description="")

    # decided by who reads the configuration: the daemon is somebody else once it gave up its rights
    _state: Path = PrivateAttr(default_factory=state_directory)
    _folder: Path = PrivateAttr(default_factory=lambda: default_config_place().parent)
    _overlay: Path | None = PrivateAttr(default_factory=lambda: overlay_folder(default_config_place().parent))

    def placed_as(self, other: Config) -> Config:
        """These settings with the places of *other*, which was read while there were other rights."""
        return other.model_copy(update=dict(self))  # private attributes are those of *other*

    @property
    def paths(self) -> Paths:
        """Where this configuration's files are on this machine."""
        state = self._state
        return Paths(
            state=state,
            store=self.store.path or state / "incidents.db",
            catalogue=state / "catalogue",
            geoip=state / "geoip",
            evidence=state / "evidence",
        )

    @property
    def databases(self) -> list[Path]:
        """The GeoIP files that are named; else those of `egret geoip update`, the bundled one behind them."""
        if self.geoip.databases:
            return list(self.geoip.databases)
        try:
            installed = sorted(self.paths.geoip.glob("*.mmdb"))
        except OSError:
            installed = []
        return [*installed, geo_dir() / BUNDLED_DATABASE] if installed and self.geoip.bundled else installed

    @property
    def signature_folders(self) -> list[Path]:
        """Every folder of signatures, in order; a later one's replace those of the same id.

        The bundled ones or the update in their place, then the local ones.

        Raises:
            ConfigErrors: an installed update cannot be used.
        """
        if not self.catalog.bundled:
            return self.local_folders
        try:
            updated = installed.current(self.paths.catalogue)
        except UpdateError as error:
            raise ConfigErrors([ConfigError(str(error))]) from error
        return [updated or signatures_dir(), *self.local_folders]

    @property
    def local_folders(self) -> list[Path]:
        """The operator's own folders: the overlay, if it is there, and those that the configuration names."""
        local = overlay_folder(self._folder, self._overlay)
        return list(dict.fromkeys([*([local] if local else []), *self.catalog.directories]))


@dataclass(frozen=True, slots=True)
class Paths:
    """Files and folders that the daemon writes."""

    state: Path
    store: Path
    catalogue: Path  # updates of the catalogue
    geoip: Path  # databases of `egret geoip update`
    evidence: Path


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


def load_config(path: Path | None) -> Config:
    """Read and check one configuration file; None is the defaults.

    Raises:
        ConfigErrors: everything that is wrong with it, each with file:line:column and what to do.
    """
    if path is None:
        return Config.default()
    if _is_folder(path):
        problem = ConfigError(f"{path}: is a directory", None, f"name the file in it, as in {path / 'egret.yaml'}")
        raise ConfigErrors([problem])
    from egret.settings import positions  # noqa: PLC0415 (PyYAML: only where there is YAML to read)

    return read_config(positions.load(path))


def prepare() -> None:
    """Have everything there that reading a configuration and signatures anew needs: later there may be fewer rights."""
    for name in ("resolvers", "signatures"):
        import_module(f"egret.settings.{name}")
    Config.model_rebuild()


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # reading it says why
        return False


def read_config(document: positions.Document) -> Config:
    """Check a parsed file; an empty one is the defaults.

    Raises:
        ConfigErrors: everything that is wrong with it.
    """
    if not isinstance(document.value, dict):
        problem = ConfigError("a list or a single value", document.position(()), "write sections: 'capture:' and so on")
        raise ConfigErrors([*document.errors, problem])
    from egret.settings import schema  # noqa: PLC0415 (as above)

    return schema.validate(Config, document)


def override(config: Config, changes: Mapping[str, Mapping[str, Any]]) -> Config:
    """The configuration with command-line flags on top: ``{"capture": {"interfaces": ["eth0"]}}``.

    Raises:
        ConfigErrors: each flag's value that its section does not take.
    """
    errors: list[ConfigError] = []
    sections: dict[str, Section] = {}
    for name, values in changes.items():
        section: Section = getattr(config, name)
        try:
            # the fields as they are, and not a dump: a dump hides secrets
            sections[name] = type(section).model_validate({**dict(section), **values})
        except ValidationError as error:
            errors += [ConfigError(f"{_dotted(name, item)}: {item['msg']}") for item in error.errors()]
    if errors:
        raise ConfigErrors(errors)
    return config.model_copy(update=sections)


def _dotted(section: str, item: Mapping[str, Any]) -> str:
    return ".".join([section, *(str(part) for part in item["loc"])])


def json_schema() -> dict[str, Any]:
    """The JSON Schema of the configuration, for editors."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **Config.model_json_schema()}
