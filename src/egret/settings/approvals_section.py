"""Section ``approvals``: what was decided about a service, for whom, by whose word, and until when."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema, field_validator, model_validator

from egret.errors import ConfigError
from egret.judge.approvals import Approval, ApprovalState, Terms
from egret.model import ServiceClass, Signature
from egret.settings.sections import Section
from egret.settings.suggest import suggest
from egret.settings.units import Duration
from egret.settings.values import Moment, Network, Slug, parse_moment

if TYPE_CHECKING:  # as in ``schema``
    from egret.settings.positions import Document

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _state(value: object) -> object:
    """People write "in review"."""
    return value.strip().replace(" ", "_").replace("-", "_") if isinstance(value, str) else value


def _begin(value: object) -> object:
    """A date begins at its begin, where an ``until`` ends at its end."""
    moment = parse_moment(value)
    is_date = isinstance(value, str) and len(value.strip()) == len("2026-01-31")
    return moment - timedelta(days=1) if is_date else moment


def _moment_text(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


State = Annotated[ApprovalState, BeforeValidator(_state)]
Begin = Annotated[
    datetime,
    BeforeValidator(_begin),
    PlainSerializer(_moment_text),
    WithJsonSchema({"type": "string", "examples": ["2026-01-31", "2026-01-31T08:00:00Z"]}),
]
Line = Annotated[str, Field(max_length=200)]


class ApprovalEntry(Section):
    """One decision. It needs a state and exactly one of service, vendor and class."""

    state: State = Field(
        description="`approved`: counted, no incident; `tolerated`: kept as info unless critical; `in_review`: alerts "
        "and says so; `unapproved`: one step more severe; `unreviewed`: as if nobody had decided"
    )
    service: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Signature id (`egret catalog list` shows them)"
    )
    vendor: Annotated[str, Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="All services of a vendor"
    )
    class_: ServiceClass | None = Field(default=None, alias="class", description="All services of a class")
    clients: tuple[Network, ...] = Field(
        default=(), max_length=1_000, description="Addresses and networks; with no clients and no groups: everybody"
    )
    groups: tuple[Slug, ...] = Field(
        default=(), max_length=100, description="Groups of clients (`clients.groups`, `clients.static`)"
    )
    owner: Line = Field(default="", description="Who answers for it: a role or a department")
    ticket: Line = Field(default="", description="Where it was decided")
    reason: Line = Field(default="", description="Why, for whoever reads this later")
    from_: Begin | None = Field(
        default=None, alias="from", description="Date (from its begin, UTC) or time with its zone; null: always"
    )
    until: Moment | None = Field(
        default=None, description="Date (to its end, UTC) or time with its zone; null: for good"
    )

    @field_validator("owner", "ticket", "reason")
    @classmethod
    def _one_line(cls, value: str) -> str:
        if not value.isprintable():
            raise ValueError("one line of printable text, please")
        return value

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if sum(each is not None for each in (self.service, self.vendor, self.class_)) != 1:
            raise ValueError("a decision needs exactly one of service, vendor and class")
        if self.from_ is not None and self.until is not None and self.from_ >= self.until:
            raise ValueError("'until' comes before 'from': this would never hold")
        return self


class ApprovalSettings(Section):
    """What was decided about services; what nobody decided is unreviewed."""

    expires_soon: Duration = Field(
        default=timedelta(days=14), description="How long before its end a decision is said to end soon"
    )
    entries: tuple[ApprovalEntry, ...] = Field(
        default=(),
        max_length=5_000,
        description="Decisions; the narrowest holds, and where two cross the stricter (docs/approvals.md)",
    )

    def as_approvals(self) -> tuple[Approval, ...]:
        """The entries as the judge wants them, numbered from 1."""
        return tuple(_approval(number, entry) for number, entry in enumerate(self.entries, start=1))


def _approval(number: int, entry: ApprovalEntry) -> Approval:
    terms = Terms(
        state=entry.state,
        owner=entry.owner,
        ticket=entry.ticket,
        reason=entry.reason,
        from_ns=None if entry.from_ is None else _ns(entry.from_),
        until_ns=None if entry.until is None else _ns(entry.until),
    )
    return Approval(
        terms=terms,
        number=number,
        service=entry.service,
        vendor=entry.vendor,
        service_class=entry.class_,
        clients=tuple(map(str, entry.clients)),
        groups=entry.groups,
    )


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def unmatched(
    settings: ApprovalSettings,
    signatures: Collection[Signature],
    groups: Collection[str],
    document: Document | None = None,
) -> list[ConfigError]:
    """Entries that can match nothing: likely typing errors, silently without effect.

    Args:
        settings: the section.
        signatures: of the catalogue in use.
        groups: every group that a client can be in.
        document: the file that the section was read from, for the places.
    """
    return list(_unmatched(settings, signatures, groups, document))


def _unmatched(
    settings: ApprovalSettings, signatures: Collection[Signature], groups: Collection[str], document: Document | None
) -> Iterator[ConfigError]:
    ids = {signature.id for signature in signatures}
    vendors = {signature.vendor.casefold(): signature.vendor for signature in signatures}
    for index, entry in enumerate(settings.entries):
        place = ("approvals", "entries", index)
        if entry.service is not None and entry.service not in ids:
            hint = suggest(entry.service, ids) or "see `egret catalog list`"
            yield _problem(f"the catalogue has no service '{entry.service}'", hint, document, (*place, "service"))
        if entry.vendor is not None and entry.vendor.casefold() not in vendors:
            hint = suggest(entry.vendor, vendors.values()) or "see `egret catalog list`"
            yield _problem(f"the catalogue has no vendor '{entry.vendor}'", hint, document, (*place, "vendor"))
        for number, name in enumerate(entry.groups):
            if name not in groups:
                hint = suggest(name, groups) or "name it under clients.groups"
                yield _problem(f"no client is in a group '{name}'", hint, document, (*place, "groups", number))


def _problem(message: str, hint: str, document: Document | None, path: tuple[str | int, ...]) -> ConfigError:
    if document is None:
        entry = int(path[2]) + 1
        return ConfigError(f"approvals, entry {entry}: {message}", None, hint)
    return ConfigError(message, document.position(path), hint)
