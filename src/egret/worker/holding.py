"""What holds young connections back from an observer: compiled, or in Python."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from egret.track.conversations import NAME
from egret.track.dns_table import NAME as DNS_NAME
from egret.track.observer import Observer
from egret.worker import engine, quick
from egret.worker.greetings import Greetings
from egret.worker.proxied import Proxied
from egret.worker.replayed import packets
from egret.worker.surroundings import Surroundings
from egret.worker.talks import Talks

if TYPE_CHECKING:
    from egret.worker import _gate


def hold_young(observer: Observer, greetings: Greetings, limit: int | None = None) -> quick.Quick | _gate.Quick:
    """Have young connections held back from an observer.

    Args:
        observer: whose.
        greetings: counts hellos of which nothing need be told.
        limit: of connections; what comes beyond is the observer's at once.
    """
    limit = limit or quick.MAX_HELD
    if engine.is_compiled() and isinstance(observer.streams.decided, engine.compiled.Remembered):
        keeper = observer.held.keeper = _compiled(observer, greetings, limit)
        return keeper
    talks = Talks(observer, greetings.requested)
    pure = observer.held.keeper = quick.Quick(_around(observer, greetings), talks, greetings.hosts, limit)
    return pure


def _around(observer: Observer, greetings: Greetings) -> Surroundings:
    proxied = Proxied(greetings, observer.streams.young.pass_over)
    return Surroundings(observer, greetings.take, greetings.take_nameless, proxied)


def _compiled(observer: Observer, greetings: Greetings, limit: int) -> _gate.Quick:
    around, young = _around(observer, greetings), observer.streams.young
    requested = greetings.requested
    talks = engine.compiled.Talks(
        name=NAME,
        limit=observer.streams.limits.http_flows,
        evictions=observer.counted.evictions,
        restored=observer.streams.requests.restored,
        dropped=observer.streams.requests.dropped,
        passes=requested.passes,
        hosts=requested.hosts,
        clients=requested.clients,
        servers=requested.servers,
        watched=requested.watched,
    )
    observer.streams.follow_in(talks)
    dns = engine.compiled.DnsTable(
        name=DNS_NAME,
        limit=observer.streams.limits.dns_streams,
        most_held=observer.streams.limits.dns_bytes,
        evictions=observer.counted.evictions,
        restored=observer.dns.restored,
    )
    observer.dns.follow_in(dns, dns.rest)
    keeper = engine.compiled.Quick(
        volumes=observer.volumes,
        decided=young.decided,
        late=young.late.table,
        flows=young.followed,
        talks=talks,
        replies=observer.streams.replied,
        hosts=greetings.hosts,
        clients=greetings.clients,
        servers=greetings.servers,
        watched=greetings.watched,
        armed=observer.volumes.armed,
        told=around.is_told,
        nameless=around.is_nameless,
        unread=around.is_unread,
        waits=around.proxied.waits,
        tunnelled=around.proxied.is_told,
        packets=packets,
        limit=limit,
        secret=os.urandom(16),
        dns=dns,
        repeats=observer.streams.repeats,
    )
    greetings.elsewhere, requested.elsewhere = keeper.take_counts, talks.take_counts
    return keeper
