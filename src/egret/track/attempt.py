"""One connection attempt of a QUIC client, and what is known between a client and a server: kept by ``track.quic``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from egret.decode import gquic
from egret.decode.quic import Frames, LongHeader, open_initial, parse_frames, peek_initial
from egret.decode.quic_keys import VERSION_1, initial_keys
from egret.decode.tls import MAX_HELLO, parse_client_hello
from egret.errors import DecodeError, Reason
from egret.evidence import Raw
from egret.model import Protocol, Transport
from egret.track.assembly import Assembly
from egret.track.direction import endpoints_of
from egret.track.naming import Ends, Said, said_by_chlo, said_by_hello

if TYPE_CHECKING:
    from egret.decode.quic_ciphers import InitialKeys

MAX_ATTEMPTS = 4  # of one address pair at a time: a Retry, a new version, a port used again
MAX_FAILED = 8  # connection ids of one pair that no keys opened
UNVERIFIED = {"unverified": True}

_EMPTY = Assembly(0)
_NO_FRAMES = Frames((), False, None)
_NO_IDS: tuple[bytes, ...] = ()  # tuples, as they hold one or none: a set for each would be half of all that is kept


class Attempt:
    """One connection attempt of a client."""

    __slots__ = ("_keys", "assembly", "chlo", "dcid", "done", "has_token", "unverified", "version")

    def __init__(self, dcid: bytes, version: int, has_token: bool, keys: InitialKeys | None) -> None:
        self.dcid = dcid
        self.version = version
        self.has_token = has_token
        self.chlo = keys is None or version == gquic.Q050  # its hello is Google's, not TLS
        self.done = False  # its hello was said; nothing more is opened
        self.unverified = False  # something was read without proof
        self.assembly = _EMPTY
        self._keys = keys

    @classmethod
    def resumed(cls, dcid: bytes, has_token: bool, runs: Iterable[tuple[int, bytes]], *, done: bool) -> Attempt:
        """The attempt of version 1 of whose hello these *runs* are here, or which is *done*."""
        attempt = cls(dcid, VERSION_1, has_token, None if done else initial_keys(dcid, VERSION_1))
        attempt.chlo = False
        attempt.put(Frames(tuple(runs), False, None))
        if done:
            attempt.finish()
        return attempt

    def open(self, datagram: bytes, header: LongHeader) -> Frames | None:
        """The frames of one packet; none once the attempt is done; None: sealed with other keys."""
        if self._keys is None:
            return _NO_FRAMES
        if header.cut:
            return self._peek(datagram, header, self._keys)
        payload = open_initial(datagram, header, self._keys)
        return None if payload is None else self._frames(payload, cut=False)

    def _peek(self, datagram: bytes, header: LongHeader, keys: InitialKeys) -> Frames | None:
        """Other keys would make noise of it: believed only if it reads as frames of a hello."""
        payload = peek_initial(datagram, header, keys)
        frames = None if payload is None else self._frames(payload, cut=True)
        if frames is None or frames.anomaly is not None or not frames.crypto:
            return None
        if any(offset > MAX_HELLO for offset, _ in frames.crypto):
            return None
        self.unverified = True
        return frames

    def _frames(self, payload: bytes, *, cut: bool) -> Frames:
        if self.version in gquic.SEALED:
            return gquic.parse_frames(payload, self.version, cut=cut)
        return parse_frames(payload, cut=cut)

    def rest(self) -> None:
        """Its next packet may be long in coming, or never come."""
        if self._keys is not None:
            self._keys.rest()

    def put(self, frames: Frames) -> None:
        """Put what the frames of one packet hold of the hello where it belongs."""
        for offset, data in frames.crypto:
            if offset <= MAX_HELLO:
                if self.assembly is _EMPTY:  # many a hello comes whole, and needs none
                    self.assembly = Assembly(MAX_HELLO)
                self.assembly.add(offset, data)

    @property
    def whole(self) -> bytes:
        """The hello, and perhaps more, where it is here to its end; nothing before."""
        return self._if_whole(self.assembly.run(0))

    def at_once(self, frames: Frames) -> bytes:
        """The same where one frame holds it, and nothing came before: so it need not be put anywhere."""
        if len(frames.crypto) != 1 or self.assembly.size or frames.crypto[0][0]:
            return b""
        return self._if_whole(frames.crypto[0][1])

    def _if_whole(self, data: bytes) -> bytes:
        here = len(data) >= 4 and len(data) >= (gquic.chlo_length(data) if self.chlo else _wanted(data))
        return data if here else b""

    def record(self, whole: bytes) -> bytes:
        """The *whole* hello in one record, as TCP has it; nothing where it is not proven, or no TLS."""
        if self.chlo or self.unverified:
            return b""
        size = _wanted(whole)
        return b"\x16\x03\x01" + size.to_bytes(2, "big") + whole[:size]

    def parts(self) -> list[bytes]:
        """The hello as far as it is here, its beginning first and then what lies behind holes."""
        assembly = self.assembly
        return [assembly.run(0), *(assembly.run(start) for start in assembly.starts() if start)]

    def finish(self) -> None:
        """Forget the hello and keep the id."""
        self.assembly = _EMPTY
        self._keys = None
        self.done = True


class Pair:
    """What is known between one client and one server."""

    __slots__ = ("_interface", "attempts", "cost", "failed", "key", "last_ns", "raw_ends", "retried", "server_ids")

    def __init__(self, key: int, ends: bytes, interface: str | None) -> None:
        self.key = key
        self.raw_ends = ends  # from client to server, as they lie in a frame
        self._interface = interface
        self.attempts: list[Attempt] = []
        self.failed = _NO_IDS  # versions and ids whose own keys did not open what bore them
        self.server_ids = _NO_IDS  # ids the server chose: no attempt begins with them
        self.retried = _NO_IDS  # ids of Retry packets: the same connection goes on
        self.last_ns = 0
        self.cost = 0

    @property
    def ends(self) -> Ends:
        """The same for what is told."""
        return Ends(Transport.UDP, *endpoints_of(self.raw_ends), self._interface)

    def now(self) -> int:
        """Bytes of memory that its attempts take."""
        cost = 0
        for attempt in self.attempts:
            cost += attempt.assembly.cost
        return cost

    def begun(self, header: LongHeader) -> Attempt | None:
        """The attempt that began with the id of a client's Initial."""
        for attempt in self.attempts:
            if attempt.dcid == header.dcid and attempt.version == header.version:
                return attempt
        return None

    def has_done(self, header: LongHeader) -> bool:
        """Whether a client's Initial is of an attempt that is done, so that it is not opened."""
        attempt = self.begun(header)
        if attempt is not None:
            return attempt.done
        known = header.dcid in self.server_ids or header.version.to_bytes(4, "big") + header.dcid in self.failed
        return known and bool(self.attempts) and self.attempts[-1].done


def _wanted(data: bytes) -> int:
    """How long the handshake message is; never more than we keep."""
    return min(4 + (data[1] << 16 | data[2] << 8 | data[3]), MAX_HELLO)


def parse(data: bytes, attempt: Attempt) -> tuple[Said | None, Reason | None]:
    """What an attempt's hello says, as far as it is here, or why it cannot be read."""
    if not data:
        return None, None
    try:
        if attempt.chlo:
            return said_by_chlo(gquic.parse_chlo(data), attempt.version), None
        said = said_by_hello(parse_client_hello(data[: _wanted(data)] if len(data) >= 4 else data), Protocol.QUIC)
    except DecodeError as error:
        return None, error.reason
    said = said._replace(raw=Raw(said.raw.data if said.raw else b"", attempt.dcid, attempt.version))
    if attempt.unverified:
        said = said._replace(attributes={**said.attributes, **UNVERIFIED}, anomaly=None)
    return said, None
