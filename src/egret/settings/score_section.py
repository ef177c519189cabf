"""Section ``score``: what each reason is worth, and which sums raise a severity."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, tzinfo
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema, model_validator

from egret.judge.points import Points, Step
from egret.model import Category, ServiceClass
from egret.settings.sections import Section
from egret.settings.units import Duration

_SIZE = re.compile(r"(\d{1,6})(kB|MB|GB)")
_SCALE = {"kB": 1_000, "MB": 1_000_000, "GB": 1_000_000_000}
_HOURS = re.compile(r"([01]?\d|2[0-3])-([01]?\d|2[0-3])")
_SECOND_NS = 1_000_000_000


def parse_size(text: str) -> int:
    """Read ``10MB`` (kB, MB, GB; decimal) as bytes.

    Raises:
        ValueError: it is none; says what to write instead.
    """
    found = _SIZE.fullmatch(text)
    if found is None:
        raise ValueError(f"'{text}' is no size; write a number and kB, MB or GB, as in 10MB")
    return int(found[1]) * _SCALE[found[2]]


def _size_text(size: int) -> str:
    return next(f"{size // scale}{unit}" for unit, scale in reversed(_SCALE.items()) if size % scale == 0)


def _size(text: str) -> str:
    parse_size(text)
    return text


def _hours(value: object) -> tuple[int, int]:
    found = _HOURS.fullmatch(str(value).strip())
    if found is None or found[1].zfill(2) == found[2].zfill(2):
        raise ValueError(f"'{value}' are no hours; write the first and the one after the last, as in 7-20")
    return int(found[1]), int(found[2])


def read_zone(name: str) -> tzinfo:
    """The time zone of that name.

    Raises:
        ValueError: this system knows none; says what to write instead.
    """
    if name == "UTC":  # known without the system's database, which a small container has not
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"'{name}' is no time zone that this system knows; write it as Europe/Berlin") from None


def _zone(name: str) -> str:
    read_zone(name)
    return name


Value = Annotated[int, Field(ge=-100, le=100)]
Threshold = Annotated[int, Field(ge=1, le=100)]
Size = Annotated[str, AfterValidator(_size)]
Hours = Annotated[
    tuple[int, int],
    BeforeValidator(lambda value: value if isinstance(value, tuple) else _hours(value)),
    PlainSerializer(lambda value: f"{value[0]}-{value[1]}"),
    WithJsonSchema({"type": "string", "examples": ["7-20", "22-6"]}),
]
Zone = Annotated[str, AfterValidator(_zone), WithJsonSchema({"type": "string", "examples": ["UTC", "Europe/Berlin"]})]
_DEFAULT = Points()


def _points(value: int, description: str) -> Value:
    option: Value = Field(default=value, ge=-100, le=100, description=description)
    return option


_CONVERTED = frozenset({"classes", "categories", "server_groups", "volume", "window", "time_zone"})


class ScoreClasses(Section):
    """Points of the class."""

    ai: Value = _points(_DEFAULT.classes[ServiceClass.AI], "AI services")
    embedded: Value = _points(_DEFAULT.classes[ServiceClass.EMBEDDED], "Products with a PRC AI built in")
    cloud: Value = _points(_DEFAULT.classes[ServiceClass.CLOUD], "PRC cloud platforms at large")
    resolver: Value = _points(_DEFAULT.classes[ServiceClass.RESOLVER], "PRC resolvers over encrypted DNS or HTTPDNS")
    broad: Value = _points(_DEFAULT.classes[ServiceClass.BROAD], "Other services of such companies")


class Score(Section):
    """What each reason of a score is worth, and from which sum on a severity is raised."""

    classes: ScoreClasses = Field(default=ScoreClasses.default(), description="")
    categories: dict[Category, Value] = Field(
        default=dict(_DEFAULT.categories), description="Points of the category; those that are not named have none"
    )
    operator_prc: Value = _points(_DEFAULT.operator_prc, "The operator is under PRC law")
    operator_contested: Value = _points(_DEFAULT.operator_contested, "Whether PRC law reaches it is contested")
    hosting_in_china: Value = _points(
        _DEFAULT.hosting_in_china, "The host name states a region in China, or else the address is there"
    )
    inference_mainland: Value = _points(
        _DEFAULT.inference_mainland, "Elsewhere, but storage or inference is documented to include the Chinese mainland"
    )
    lookup_only: Value = _points(_DEFAULT.lookup_only, "Only a look-up, no connection seen")
    unsure_name: Value = _points(
        _DEFAULT.unsure_name, "The name was inferred behind Encrypted Client Hello, and others fit as well"
    )
    first_in_network: Value = _points(_DEFAULT.first_in_network, "Nobody in this network used the service before")
    first_by_client: Value = _points(_DEFAULT.first_by_client, "Others did, this client did not")
    window: Duration = Field(
        default=timedelta(microseconds=_DEFAULT.window_ns // 1000),
        description="How far back is looked for that; at most what `store.keep` leaves",
    )
    rare: Value = _points(_DEFAULT.rare, "The service is known here and few clients use it")
    rare_clients: int = Field(default=_DEFAULT.rare_clients, ge=0, le=200, description="How many clients are few")
    server_api: Value = _points(_DEFAULT.server_api, "A client that is declared a server calls an API")
    server_groups: tuple[str, ...] = Field(
        default=tuple(sorted(_DEFAULT.server_groups)),
        description="Groups of `clients` whose members count as servers, beside the role `server`",
    )
    volume: dict[Size, Value] = Field(
        default={_size_text(step.from_bytes): step.points for step in _DEFAULT.volume},
        max_length=16,
        description="Points from so much sent on, since detection; the largest size that is reached counts",
    )
    odd_hours: Value = _points(_DEFAULT.odd_hours, "Outside `hours`; 0: the hour of day does not matter")
    hours: Hours = Field(default=_DEFAULT.hours, description="Usual hours: the first, and the one after the last")
    time_zone: Zone = Field(default="UTC", description="Of `hours`")
    raise_to_medium: Threshold | None = Field(
        default=_DEFAULT.raise_to_medium, description="From this score on at least medium; null: never for the score"
    )
    raise_to_high: Threshold | None = Field(default=_DEFAULT.raise_to_high, description="The same for high")
    raise_to_critical: Threshold | None = Field(default=_DEFAULT.raise_to_critical, description="The same for critical")

    @model_validator(mode="after")
    def _thresholds_rise(self) -> Self:
        given = [at for at in (self.raise_to_medium, self.raise_to_high, self.raise_to_critical) if at is not None]
        if given != sorted(given):
            raise ValueError("raise_to_medium, raise_to_high and raise_to_critical must not fall in this order")
        return self

    def points(self) -> Points:
        """What the judge needs of it."""
        steps = sorted(Step(parse_size(size), points) for size, points in self.volume.items())
        plain = type(self).model_fields.keys() - {
            "classes",
            "categories",
            "server_groups",
            "volume",
            "window",
            "time_zone",
        }
        return Points(
            **{name: getattr(self, name) for name in plain},
            classes={each: getattr(self.classes, each.value) for each in ServiceClass},
            categories=self.categories,
            server_groups=frozenset(self.server_groups),
            volume=tuple(steps),
            time_zone=read_zone(self.time_zone),
            window_ns=self.window // timedelta(microseconds=1) * 1000,
        )
