"""One HTTP/3 request over QUIC version 2.

Arguments: host name, certificate, and, if more than a page is to move, path and number of bytes to send.
"""

from __future__ import annotations

import asyncio
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from aioquic.quic.packet import QuicProtocolVersion


class Request(QuicConnectionProtocol):
    """A connection that remembers the status of its one answer."""

    http: H3Connection
    status: asyncio.Future[bytes]
    answer: bytes

    def get(self, host: str, path: str, size: int) -> asyncio.Future[bytes]:
        """Ask for *path* and send *size* bytes; the status comes when the answer is whole."""
        self.http = H3Connection(self._quic)
        self.status = asyncio.get_running_loop().create_future()
        headers = [(b":method", b"POST" if size else b"GET"), (b":scheme", b"https")]
        headers += [(b":authority", host.encode()), (b":path", path.encode())]
        stream = self._quic.get_next_available_stream_id()
        self.http.send_headers(stream, headers, end_stream=not size)
        if size:
            self.http.send_data(stream, bytes(size), end_stream=True)
        self.transmit()
        return self.status

    def quic_event_received(self, event: QuicEvent) -> None:
        """aioquic's call for everything that happens."""
        if not hasattr(self, "http"):
            return
        for message in self.http.handle_event(event):
            if isinstance(message, HeadersReceived):
                self.answer = dict(message.headers)[b":status"]
            if isinstance(message, DataReceived) and message.stream_ended and not self.status.done():
                self.status.set_result(self.answer)


async def _main(host: str, certificate: str, path: str = "/", size: str = "0") -> None:
    version = QuicProtocolVersion.VERSION_2
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, original_version=version, supported_versions=[version])
    configuration.load_verify_locations(certificate)
    async with connect(host, 443, configuration=configuration, create_protocol=Request) as client:
        if not isinstance(client, Request):
            raise TypeError(client)
        print((await asyncio.wait_for(client.get(host, path, int(size)), 60)).decode())


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
