"""One HTTP/3 request over QUIC version 2. Arguments: host name, certificate."""

from __future__ import annotations

import asyncio
import sys

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import QuicEvent
from aioquic.quic.packet import QuicProtocolVersion


class Request(QuicConnectionProtocol):
    """A connection that remembers the status of its one answer."""

    http: H3Connection
    status: asyncio.Future[bytes]

    def get(self, host: str) -> asyncio.Future[bytes]:
        """Ask for ``/``; the status comes later."""
        self.http = H3Connection(self._quic)
        self.status = asyncio.get_running_loop().create_future()
        headers = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", host.encode()), (b":path", b"/")]
        self.http.send_headers(self._quic.get_next_available_stream_id(), headers, end_stream=True)
        self.transmit()
        return self.status

    def quic_event_received(self, event: QuicEvent) -> None:
        """aioquic's call for everything that happens."""
        if not hasattr(self, "http"):
            return
        for message in self.http.handle_event(event):
            if isinstance(message, HeadersReceived) and not self.status.done():
                self.status.set_result(dict(message.headers)[b":status"])


async def _main(host: str, certificate: str) -> None:
    version = QuicProtocolVersion.VERSION_2
    configuration = QuicConfiguration(alpn_protocols=H3_ALPN, original_version=version, supported_versions=[version])
    configuration.load_verify_locations(certificate)
    async with connect(host, 443, configuration=configuration, create_protocol=Request) as client:
        if not isinstance(client, Request):
            raise TypeError(client)
        print((await asyncio.wait_for(client.get(host), 5)).decode())


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1], sys.argv[2]))
