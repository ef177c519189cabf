"""Which hits carry a proof: the first of their kind, and again after a while.

A worker knows no incidents. The daemon takes what an incident still has room for, so that more would be sent for
nothing; less often than this, and an incident that opens anew might begin without.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from egret.decode.redact import proof_of, redact_dns
from egret.evidence import Proof, Told
from egret.model import Connection, NamedBy, Observation, Transport
from egret.track.heard import Heard
from egret.worker.pipeline import Hit

AGAIN_NS = 60 * 1_000_000_000
MAX_PROVEN = 4096  # what falls out is proven once more than it must

Recall = Callable[[bytes, bytes], tuple[bytes, Heard] | None]
_Key = tuple[bytes, str, str | None, str | None]


class Prover:
    """Adds proofs to hits.

    Args:
        told: gives the DNS answer that named an address to a client (``Lookups.told``).
    """

    def __init__(self, told: Recall) -> None:
        self._told = told
        self._proven: OrderedDict[_Key, int] = OrderedDict()

    def __call__(self, hit: Hit) -> Hit:
        """The hit, with a proof if one is due and can be had."""
        if not self._is_due(hit):
            return hit
        proof = proof_of(hit.event)
        if proof is not None:
            proof = self._with_answer(hit.event, proof)
        return hit._replace(proof=proof)

    def _is_due(self, hit: Hit) -> bool:
        event = hit.event
        what = f"{event.protocol} {event.kind}" if isinstance(event, Observation) else event.named_by
        key = (event.client.ip, hit.match.signature.id, what, event.name)
        before = self._proven.get(key)
        if before is not None and 0 <= event.time_ns - before < AGAIN_NS:
            return False
        self._proven[key] = event.time_ns
        self._proven.move_to_end(key)
        if len(self._proven) > MAX_PROVEN:
            self._proven.popitem(last=False)
        return True

    def _with_answer(self, event: Observation | Connection, proof: Proof) -> Proof:
        named = isinstance(event, Connection) and event.named_by is NamedBy.ANSWER
        answer = self._told(event.client.ip, event.server.ip) if named else None
        if answer is None:
            return proof
        wire, heard = answer
        told = Told(
            redact_dns(wire),
            heard.time_ns,
            heard.source.ip,
            heard.source.port,
            heard.destination.port,
            heard.transport is Transport.TCP,
        )
        return proof._replace(told=told)
