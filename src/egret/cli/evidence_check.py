"""Whether evidence still proves what it says: read again by the pipeline that read it first."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any, NamedTuple

from egret.catalog.match import Catalog
from egret.daemon.grounds import Grounds
from egret.errors import SourceError
from egret.model import Connection, Frame, NamedBy, Observation
from egret.sources.bytestream import ByteStream
from egret.sources.pcapng import read_pcapng
from egret.store.evidence import Kept
from egret.store.seal import Sealed, check
from egret.worker.pipeline import Hit, Pipeline

_BY_ADDRESS = "its client's own look-up told the name"  # the inner name of an Encrypted Client Hello


class Finding(NamedTuple):
    """One observation: *proven* is None where there are no packets to prove it by."""

    name: str | None
    signature: str
    proven: bool | None
    why: str


class Report(NamedTuple):
    """What came of one incident's evidence."""

    incident: str
    intact: bool  # every hash agrees, and no seal is broken
    catalog: str  # what it was recorded with
    same_catalog: bool
    findings: tuple[Finding, ...]
    faults: tuple[str, ...]
    seal: str = Sealed.NOT.value

    @property
    def holds(self) -> bool:
        """Nothing contradicts the record, and something proves it."""
        proven = [finding.proven for finding in self.findings]
        return self.intact and True in proven and False not in proven


def verify(kept: Kept, knowledge: Grounds, key: str | None = None) -> Report:
    """Check the seal and the hashes, and read each observation's packets again. Total.

    Args:
        kept: the capture and its record.
        knowledge: to read them with.
        key: the sensor's public key; with it, another seal or none is a fault.
    """
    record, catalog = kept.record, knowledge.catalog
    incident, recorded = str(record.get("incident")), str(record.get("catalog_version"))
    seal = check(record, key)
    faults, findings, frames = _seal_faults(record, seal, key), [], list[Frame]()
    try:
        frames = list(read_pcapng(ByteStream(BytesIO(kept.capture).read)))
        if hashlib.sha256(kept.capture).hexdigest() != record["capture"]["sha256"]:
            faults.append("the capture's hash is not the recorded one")
        for shown in record["observations"]:
            own = [frames[number - 1] for number in shown["packets"] if number > 0]
            if [hashlib.sha256(frame.data).hexdigest() for frame in own] != shown["packets_sha256"]:
                faults.append(f"the packets of {shown['name']} have other hashes than recorded")
            findings.append(_finding(shown, own, knowledge))
    except SourceError as error:
        faults.append(f"the capture cannot be read: {error}")
    except (LookupError, TypeError, ValueError, AttributeError) as error:
        faults.append(f"the record contradicts itself: {type(error).__name__}")
    same = recorded == catalog.version
    return Report(incident, not faults, recorded, same, tuple(findings), tuple(faults), seal.value)


def _seal_faults(record: Mapping[str, Any], seal: Sealed, key: str | None) -> list[str]:
    faults = []
    if seal is Sealed.BROKEN:
        faults.append("the record was changed after it was sealed")
    elif key is not None and seal is not Sealed.BY_US:
        why = "written before Egret sealed evidence, or the seal was taken away" if seal is Sealed.NOT else "whose?"
        faults.append(f"the record is {seal.value}: {why}")
    if "unsealed_until" in record:
        faults.append(f"until {record['unsealed_until']} the record had no seal that held")
    return faults


def _finding(shown: Mapping[str, Any], frames: list[Frame], knowledge: Grounds) -> Finding:
    name, signature = shown["name"], str(shown["signature"])
    if not frames:
        return Finding(name, signature, None, "no packets were kept")
    hits = _read(frames, knowledge)
    if any(_is_it(hit, shown) for hit in hits):
        return Finding(name, signature, True, f"the packets name {signature}")
    if shown.get("attributes", {}).get("via") == "ech-lookup":
        return Finding(name, signature, None, _BY_ADDRESS)
    if shown["kind"] == "flow" and shown["named_by"] == "answer" and not _has_answer(hits):
        return Finding(name, signature, None, "the look-up that named the address was not kept")
    return Finding(name, signature, False, _otherwise(hits, name, knowledge.catalog))


def _read(frames: Iterable[Frame], knowledge: Grounds) -> list[Hit]:
    pipeline = Pipeline(knowledge.catalog, knowledge.judge, resolvers=knowledge.resolvers)
    hits = [hit for frame in frames for hit in pipeline.feed(frame)]
    return hits + pipeline.flush()


def _is_it(hit: Hit, shown: Mapping[str, Any]) -> bool:
    event = hit.event
    kind = event.kind.value if isinstance(event, Observation) else "flow"
    found = (hit.match.signature.id, event.name, kind)
    return found == (shown["signature"], shown["name"], shown["kind"])


def _has_answer(hits: list[Hit]) -> bool:
    """Whether the packets begin with the answer that gave the address its name."""
    return any(isinstance(hit.event, Connection) and hit.event.named_by is NamedBy.ANSWER for hit in hits)


def _otherwise(hits: list[Hit], name: str | None, catalog: Catalog) -> str:
    named = sorted({hit.match.signature.id for hit in hits})
    if named:
        return f"the packets name {', '.join(named)} by catalogue {catalog.version}"
    return f"the packets name nothing of catalogue {catalog.version}; recorded was {name or 'an address'}"
