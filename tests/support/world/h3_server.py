"""A small HTTP/3 server: 200 to every request, and as many bytes as its path says, else a few.

Arguments: certificate, key, addresses.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.asyncio.server import serve
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import ProtocolNegotiated, QuicEvent
from aioquic.quic.packet import QuicProtocolVersion

PAGE = b"<!doctype html><title>quic</title>\n"


class Answer(QuicConnectionProtocol):
    """One connection."""

    _http: H3Connection | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._wanted: dict[int, bytes] = {}  # paths of requests that are not whole

    def quic_event_received(self, event: QuicEvent) -> None:
        """aioquic's call for everything that happens."""
        if isinstance(event, ProtocolNegotiated):
            self._http = H3Connection(self._quic)
        if self._http is None:
            return
        for message in self._http.handle_event(event):
            if isinstance(message, HeadersReceived):
                self._wanted[message.stream_id] = dict(message.headers)[b":path"][1:]
            if isinstance(message, HeadersReceived | DataReceived) and message.stream_ended:
                self._answer(self._http, message.stream_id)

    def _answer(self, http: H3Connection, stream: int) -> None:
        """A request is whole."""
        wanted = self._wanted.pop(stream, b"")
        http.send_headers(stream, [(b":status", b"200"), (b"content-type", b"text/html")])
        http.send_data(stream, bytes(int(wanted)) if wanted.isdigit() else PAGE, end_stream=True)
        self.transmit()


async def _main(certificate: str, key: str, addresses: list[str]) -> None:
    configuration = QuicConfiguration(
        is_client=False,
        alpn_protocols=H3_ALPN,
        supported_versions=[QuicProtocolVersion.VERSION_1, QuicProtocolVersion.VERSION_2],
    )
    configuration.load_cert_chain(certificate, key)
    for address in addresses:  # one socket an address: a wildcard socket would answer from another one
        await serve(address, 443, configuration=configuration, create_protocol=Answer)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3:]))
