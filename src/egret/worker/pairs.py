"""Who keeps the pairs of QUIC clients and servers: a compiled table where there is one, which takes what they say."""

from __future__ import annotations

from egret.track.observer import Observer
from egret.track.pairs import NAME, restored
from egret.worker import engine
from egret.worker.greetings import Greetings


def pair_up(observer: Observer, greetings: Greetings) -> None:
    """Have an observer keep its pairs in the fastest table there is.

    Args:
        observer: that has none yet.
        greetings: counts hellos of which nothing need be told.
    """
    if not engine.is_compiled() or not engine.compiled.opens_quic():
        return
    pairs = engine.compiled.Pairs(
        name=NAME,
        limit=observer.quic.limits.quic_flows,
        most=observer.quic.limits.quic_bytes,
        evictions=observer.counted.evictions,
        restored=restored,
        told=greetings.take_quic_host,
        hosts=greetings.hosts,
        clients=greetings.clients,
        servers=greetings.servers,
        watched=greetings.watched,
    )
    observer.quic.pairs = pairs
    greetings.quic_elsewhere = pairs.take_counts
