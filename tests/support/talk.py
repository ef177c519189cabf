"""What a conversation for tests is: the bytes of both ends, and the names that they say."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Name = tuple[str, str]  # kind: query, answer, cname, tls, quic, http, connect; and the name


class Talk(NamedTuple):
    """One flow: TCP streams of both ends, or UDP datagrams of the client and the server."""

    transport: str
    port: int
    client: tuple[bytes, ...]  # messages in order; with TCP each is one write
    server: tuple[bytes, ...]
    names: frozenset[Name]
    in_turn: bool = False  # datagrams: each answer comes behind its question, and the order matters


Make = Callable[[str], Talk]  # takes a word that is this conversation's own


class Makers(dict[str, Make]):
    """Conversations by label."""

    def add(self, label: str) -> Callable[[Make], Make]:
        """Register the function below."""

        def register(make: Make) -> Make:
            self[label] = make
            return make

        return register


def tcp(port: int, client: list[bytes], names: list[Name], server: list[bytes] | None = None) -> Talk:
    return Talk("tcp", port, tuple(client), tuple(server or ()), frozenset(names))


def udp(port: int, client: list[bytes], names: list[Name], server: list[bytes] | None = None) -> Talk:
    return Talk("udp", port, tuple(client), tuple(server or ()), frozenset(names))
