from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from egret.errors import SinkRejected, SinkTemporary
from egret.sinks import syslog_wire
from egret.sinks.syslog_wire import LocalWire, StreamWire, UdpWire, Wire
from egret.sinks.tls import TlsOptions
from tests.support.certificates import Authority
from tests.support.patience import PATIENCE_S, until


class Receiver:
    """A TCP server on 127.0.0.1 that reads octet-counted frames."""

    def __init__(self, tls: ssl.SSLContext | None = None, *, hang_up_after: int | None = None) -> None:
        self._tls, self._hang_up_after = tls, hang_up_after
        self.got: list[bytes] = []
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while self._hang_up_after is None or len(self.got) < self._hang_up_after:
                length = int((await reader.readuntil(b" ")).strip())
                self.got.append(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, OSError):
            pass
        self._hang_up_after = None
        writer.close()

    def hang_up(self) -> None:
        for writer in self._writers:
            writer.close()

    def run(self, work: Callable[[int], Awaitable[None]], frames: int) -> None:
        """Receive while *work* goes on, and until there are so many *frames*; a moment for any too many."""

        async def main() -> None:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
            async with server:
                await work(server.sockets[0].getsockname()[1])
                await until(lambda: len(self.got) >= frames, "frames")
                await asyncio.sleep(0.05)
            self.hang_up()

        asyncio.run(asyncio.wait_for(main(), 2 * PATIENCE_S))


async def sent(wire: Wire, *batches: Sequence[bytes]) -> None:
    try:
        for batch in batches:
            await wire.send(batch)
    finally:
        await wire.close()


def test_octets_are_counted_and_the_connection_stays() -> None:
    receiver = Receiver()
    receiver.run(lambda port: sent(StreamWire("127.0.0.1", port), [b"one", b"two\nlines"], ["ä".encode()]), 3)
    assert receiver.got == [b"one", b"two\nlines", "ä".encode()]
    assert receiver.connections == 1


def test_a_receiver_that_hung_up_is_called_again() -> None:
    receiver = Receiver(hang_up_after=1)

    async def work(port: int) -> None:
        wire = StreamWire("127.0.0.1", port)
        await wire.send([b"one"])
        assert wire._ends is not None
        assert await wire._ends[0].read() == b""  # its hanging up has come
        await sent(wire, [b"two"])

    receiver.run(work, 2)
    assert receiver.got == [b"one", b"two"]
    assert receiver.connections == 2


def test_a_closed_port_is_temporary() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(SinkTemporary, match=f"127.0.0.1:{port}"):
        asyncio.run(sent(StreamWire("127.0.0.1", port), [b"x"]))


def test_a_receiver_that_never_reads_holds_nobody_up_and_no_half_frame_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            wire = StreamWire("127.0.0.1", server.getsockname()[1])
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await wire.send([b"x" * 20_000_000])
            assert wire._ends is None

    asyncio.run(work())


def test_a_connect_that_takes_too_long_is_temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*args: object, **options: object) -> None:
        await asyncio.sleep(60)

    monkeypatch.setattr(syslog_wire, "CONNECT_S", 0.05)
    monkeypatch.setattr(asyncio, "open_connection", never)
    with pytest.raises(SinkTemporary, match="no connection in"):
        asyncio.run(sent(StreamWire("192.0.2.1", 514), [b"x"]))


def test_a_reset_before_everything_was_taken_is_a_failure() -> None:
    async def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as server:
            wire = StreamWire("127.0.0.1", server.getsockname()[1])
            sending = asyncio.get_running_loop().create_task(wire.send([b"x" * 20_000_000]))
            accepted, _ = await asyncio.to_thread(server.accept)
            assert await asyncio.to_thread(accepted.recv, 1)
            accepted.close()  # unread data: a reset
            with pytest.raises(SinkTemporary):
                await sending

    asyncio.run(work())


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def server_context(authority: Authority, *, ask: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=authority.ca if ask else None)
    context.load_cert_chain(*authority.issue("siem.example"))
    context.verify_mode = ssl.CERT_REQUIRED if ask else ssl.CERT_NONE
    return context


def test_tls_carries_the_same_frames(authority: Authority) -> None:
    receiver = Receiver(server_context(authority))
    tls = TlsOptions(ca=authority.ca, server_name="siem.example")
    receiver.run(lambda port: sent(StreamWire("127.0.0.1", port, tls), [b"one"], [b"two" * 20_000]), 2)
    assert receiver.got == [b"one", b"two" * 20_000]
    assert StreamWire("127.0.0.1", 1, tls).health() is None


@pytest.mark.parametrize("wrong", ["name", "authority"])
def test_a_certificate_that_is_not_the_receivers_gets_nothing(authority: Authority, tmp_path: Path, wrong: str) -> None:
    receiver = Receiver(server_context(authority))
    ca = Authority(tmp_path, "Other CA").ca if wrong == "authority" else authority.ca
    tls = TlsOptions(ca=ca, server_name="other.example" if wrong == "name" else "siem.example")

    async def work(port: int) -> None:
        with pytest.raises(SinkTemporary, match=r"(?i)certificate"):
            await sent(StreamWire("127.0.0.1", port, tls), [b"secret"])

    receiver.run(work, 0)
    assert receiver.got == []


def test_the_receiver_may_ask_who_we_are(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = Receiver(server_context(authority, ask=True))
    certificate, key = authority.issue("sensor.example")
    stranger, strange_key = Authority(tmp_path, "Other CA").issue("stranger.example")
    known = TlsOptions(ca=authority.ca, certificate=certificate, key=key)
    unknown = TlsOptions(ca=authority.ca, certificate=stranger, key=strange_key)

    async def work(port: int) -> None:
        await sent(StreamWire("127.0.0.1", port, known), [b"one"])
        with pytest.raises(SinkTemporary):
            await sent(StreamWire("127.0.0.1", port, unknown), [b"lost?"])

    monkeypatch.setattr(syslog_wire, "_REFUSAL_S", PATIENCE_S)
    receiver.run(work, 1)
    assert receiver.got == [b"one"]


def test_a_file_that_is_no_certificate_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    wire = StreamWire("127.0.0.1", 1, TlsOptions(ca=tmp_path / "none.pem"))
    assert "No such file" in (wire.health() or "")
    with pytest.raises(SinkTemporary, match="No such file"):
        asyncio.run(sent(wire, [b"x"]))
    assert StreamWire("127.0.0.1", 1).health() is None


def test_udp_is_a_datagram_a_message() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(PATIENCE_S)
        wire = UdpWire("127.0.0.1", receiver.getsockname()[1])
        assert wire.health() is None
        asyncio.run(sent(wire, [b"one", b"two"]))
        assert [receiver.recv(100), receiver.recv(100)] == [b"one", b"two"]


def test_udp_that_nobody_listens_to_is_temporary_and_too_large_is_final(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        port = receiver.getsockname()[1]
        with pytest.raises(SinkRejected, match="lower max_bytes"):
            asyncio.run(sent(UdpWire("127.0.0.1", port), [b"x" * 66_000]))
    with pytest.raises(SinkTemporary, match="refused"):
        asyncio.run(sent(UdpWire("127.0.0.1", port), [b"x"]))


def test_udp_asks_again_where_its_host_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syslog_wire, "_RESOLVE_AGAIN_S", -1.0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        asyncio.run(sent(UdpWire("127.0.0.1", receiver.getsockname()[1]), [b"one"], [b"two"]))
        assert [receiver.recv(100), receiver.recv(100)] == [b"one", b"two"]


def test_a_local_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egret.sinks.local_socket.FULL_S", 0.2)
    path = tmp_path / "log"
    wire = LocalWire(path)
    assert "no socket is there" in (wire.health() or "")
    with pytest.raises(SinkTemporary, match="No such file"):
        asyncio.run(sent(wire, [b"x"]))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(path))
        assert wire.health() is None
        asyncio.run(sent(wire, [b"one", b"two"], [b"three"]))
        assert [receiver.recv(100) for _ in range(3)] == [b"one", b"two", b"three"]
        with pytest.raises(SinkTemporary, match="queue is full"):
            asyncio.run(sent(LocalWire(path), [b"x"] * 10_000))
        with pytest.raises(SinkRejected, match="too large"):
            asyncio.run(sent(LocalWire(path), [b"x" * 10_000_000]))


def test_a_stream_socket_is_another_kind(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as receiver:
        receiver.bind(str(tmp_path / "log"))
        receiver.listen()
        with pytest.raises(SinkTemporary, match="is a stream socket"):
            asyncio.run(sent(LocalWire(tmp_path / "log"), [b"x"]))


def test_a_slow_reader_is_waited_for_and_two_lanes_do_not_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("egret.sinks.local_socket.FULL_S", PATIENCE_S)
    path = tmp_path / "log"
    got: list[bytes] = []

    async def run(receiver: socket.socket) -> None:
        wire = LocalWire(path)
        lanes = [asyncio.ensure_future(wire.send([b"%d-%d" % (lane, n) for n in range(600)])) for lane in range(2)]
        while not all(lane.done() for lane in lanes) or len(got) < 1200:
            got.append(await asyncio.get_running_loop().sock_recv(receiver, 100))
        await asyncio.gather(*lanes)
        await wire.close()

    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as receiver:
        receiver.bind(str(path))
        asyncio.run(asyncio.wait_for(run(receiver), 2 * PATIENCE_S))
    assert got == [b"%d-%d" % (lane, n) for lane in range(2) for n in range(600)]
