"""The whole configuration: read once, checked whole, frozen.

``load_config(None)`` is the default configuration; every option has a default that works on a gateway.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, PrivateAttr, ValidationError

from egret.errors import ConfigError, ConfigErrors
from egret.settings.approvals_section import ApprovalSettings
from egret.settings.canary_section import CanarySettings
from egret.settings.clients_section import Clients
from egret.settings.evidence_section import EvidenceSettings
from egret.settings.geoip_update_section import GeoIPSettings
from egret.settings.http_section import Http
from egret.settings.outputs_section import Outputs
from egret.settings.places import Paths, Places
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
    _places: Places = PrivateAttr(default_factory=Places.here)

    def placed_as(self, other: Config) -> Config:
        """These settings with the places of *other*, which was read while there were other rights."""
        return other.model_copy(update=dict(self))  # private attributes are those of *other*

    @property
    def paths(self) -> Paths:
        """Where this configuration's files are on this machine."""
        return self._places.paths(self.store.path)

    @property
    def databases(self) -> list[Path]:
        """The GeoIP files, as ``Places.databases``."""
        return self._places.databases(self.geoip.databases, bundled=self.geoip.bundled)

    @property
    def signature_folders(self) -> list[Path]:
        """Every folder of signatures, in order, as ``Places.signature_folders``.

        Raises:
            ConfigErrors: an installed update cannot be used.
        """
        return self._places.signature_folders(self.catalog.directories, bundled=self.catalog.bundled)

    @property
    def local_folders(self) -> list[Path]:
        """The operator's own folders, as ``Places.local_folders``."""
        return self._places.local_folders(self.catalog.directories)


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
    for name in ("installed", "resolvers", "signatures"):
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
