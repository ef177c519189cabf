"""An HTTPS server that takes what is sent to it. Arguments: certificate, key, address, port."""

from __future__ import annotations

import ssl
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Taker(BaseHTTPRequestHandler):
    """Reads a body to its end and says so."""

    def do_PUT(self) -> None:
        """One upload."""
        if self.headers.get("Expect"):
            self.send_response_only(100)
            self.end_headers()
        left = int(self.headers["Content-Length"])
        while left:
            left -= len(self.rfile.read(min(left, 1 << 16)))
        self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    server = HTTPServer((sys.argv[3], int(sys.argv[4])), Taker)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(sys.argv[1], sys.argv[2])
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()
