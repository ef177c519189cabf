"""The kernel filters: what may cross from the kernel to Egret. The name chooses, the link type shapes.

``classic`` is the floor: stateless classic BPF. docs/adr/0003-kernel-filter.md says what it passes, what it
must pass or lose for having no memory, and what that costs. In short, of IPv4 and IPv6, with up to two VLAN
tags still in the frame, bare or in PPPoE:

* fragments, all of TCP and UDP: only the first has ports, and a name may be in any;
* TCP: SYN, FIN, RST; port 53; what starts like a TLS handshake, an HTTP request or answer; every segment with
  payload that goes from the higher to the lower port (clients sit on high ports) and is not a super-packet;
* UDP: port 53; QUIC long headers of known versions, and of any in a datagram as long as a client's first must be;
  Google's QUIC of before; DTLS handshakes, in CAPWAP too.

Everything else, downloads above all, never leaves the kernel. ``classic_dns`` also passes what may be DNS on any port,
``everything`` every frame, and ``canary`` what ``classic`` would of the canary's own frames (``probes``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from egret.sources import bpf
from egret.sources.bpf import Assembler, Instruction, Writer

ETHERNET = 1
RAW_IP = 101
DEFAULT = "classic"
ANY_DNS = "classic_dns"
NOTHING = "nothing"
CANARY = "canary"
EVERYTHING = "everything"
YOUNG, YOUNG_DNS = "young", "young_dns"
FLOOR = {YOUNG: DEFAULT, YOUNG_DNS: ANY_DNS}  # filters that remember (``ebpf.young``), and what is used without eBPF
WHOLE = 0x40000  # bytes to keep of a frame that passes: more than a frame can have
_VLAN_TAGS = (0x8100, 0x88A8, 0x9100)
_IPV4, _IPV6, _PPPOE = 0x0800, 0x86DD, 0x8864
_PPP_IPV4, _PPP_IPV6 = 0x0021, 0x0057
_TCP, _UDP = 6, 17
_EXTENSIONS = (0, 43, 60)  # hop-by-hop, routing, destination options: RFC 8200 section 4
_MAX_EXTENSIONS = 4
_FRAGMENT = 44
_DNS = 53
_SYN_FIN_RST = 0x07
HANDSHAKE = 0x1603  # TLS record type 22, version 3.x: RFC 8446 section 5.1
# A client's segment above this is a super-packet in the middle of an upload; a hello in one starts it.
_MAX_CONTINUATION = 4096
HTTP_REQUESTS = (b"GET ", b"POST", b"PUT ", b"HEAD", b"DELE", b"OPTI", b"PATC", b"CONN", b"TRAC", b"PRI ")
HTTP_ANSWER = b"HTTP"
_QUIC_VERSIONS = (1, 0x6B3343CF, 0x709A50C4, 0xFACEFEED, 0xD4000400)  # RFC 9000, RFC 9369, its drafts; vendors' own
# ff0000nn: draft nn; faceb0nn: mvfst; Q0nn and T0nn: Google's; with their masks
_QUIC_FAMILIES = {0xFF000000: 0xFFFFFF00, 0xFACEB000: 0xFFFFFF00, 0x51300000: 0xFFFF0000, 0x54300000: 0xFFFF0000}
_CLIENT_DATAGRAM = 8 + 1200  # RFC 9000 section 14.1, with the header of UDP
_MAX_CID = 20
_CLEAR_FLAGS = 0x09  # version and connection id are there
_GOOGLE = 0x5130  # "Q0"
_CANARY_LINK = 0x02656772  # the first bytes of ``probes.LINK_ADDRESS``
_CAPWAP_DTLS = 0x00000016  # the rest of its preamble, and a handshake record: RFC 5415 section 4.2

PROTOCOL, END, _SOURCE, _DESTINATION, _PAYLOAD_AT = range(
    5
)  # scratch memory; the first two are left by ``ipv4`` and ``ipv6``


def program(name: str, linktype: int) -> tuple[Instruction, ...]:
    """The instructions of filter *name* for frames of *linktype* (ETHERNET or RAW_IP).

    Raises:
        KeyError: no filter has that name.   ValueError: no filter reads that link type.
    """
    return FILTERS[name](linktype)


def everything(_linktype: int) -> tuple[Instruction, ...]:
    """Pass every frame, whole."""
    return (Instruction(bpf.RETURN, 0, 0, WHOLE),)


def nothing(_linktype: int) -> tuple[Instruction, ...]:
    """Drop every frame: what a socket holds until somebody knows what it is for."""
    return (Instruction(bpf.RETURN, 0, 0, 0),)


def classic(linktype: int) -> tuple[Instruction, ...]:
    """The stateless floor."""
    return _filter(linktype, any_dns=False)


def classic_dns(linktype: int) -> tuple[Instruction, ...]:
    """``classic``, and what may be DNS on any port: one question where a message counts its questions."""
    return _filter(linktype, any_dns=True)


def canary(linktype: int) -> tuple[Instruction, ...]:
    """``classic`` behind a test that no frame but the canary's passes: what else is on its interface is not ours."""
    asm = Assembler()
    asm.op(bpf.LOAD_WORD_ABS, 0)
    asm.test(bpf.JUMP_EQUAL, _CANARY_LINK, no="drop")
    return _filter(linktype, any_dns=False, asm=asm)


def _filter(linktype: int, *, any_dns: bool, asm: Assembler | None = None) -> tuple[Instruction, ...]:
    asm = asm or Assembler()
    _ip(asm, link_header(asm, linktype), any_dns=any_dns)
    asm.label("pass")
    asm.op(bpf.RETURN, WHOLE)
    asm.label("drop")
    asm.op(bpf.RETURN, 0)
    return asm.assemble()


FILTERS: Mapping[str, Callable[[int], tuple[Instruction, ...]]] = {
    DEFAULT: classic,
    ANY_DNS: classic_dns,
    EVERYTHING: everything,
    NOTHING: nothing,
    CANARY: canary,
}


def link_header(asm: Writer, linktype: int) -> list[int]:
    """Find the IP header: go on at ``ipv4 at N`` or ``ipv6 at N``, or to ``drop``.

    Returns:
        The offsets N where the header may be.

    Raises:
        ValueError: no filter reads that link type.
    """
    if linktype == ETHERNET:
        return _ethernet(asm)
    if linktype == RAW_IP:
        return _raw(asm)
    raise ValueError(f"no kernel filter for link type {linktype}")


def _ethernet(asm: Writer) -> list[int]:
    """Zero, one and two tags in the frame, and PPPoE behind them."""
    offsets = (14, 18, 22)
    for at in offsets:
        asm.label(f"ether {at}")
        asm.op(bpf.LOAD_HALF_ABS, at - 2)
        asm.test(bpf.JUMP_EQUAL, _IPV4, yes=f"ipv4 at {at}")
        asm.test(bpf.JUMP_EQUAL, _IPV6, yes=f"ipv6 at {at}")
        asm.test(bpf.JUMP_EQUAL, _PPPOE, yes=f"ppp {at}")
        for tag in _VLAN_TAGS if at != offsets[-1] else ():
            asm.test(bpf.JUMP_EQUAL, tag, yes=f"ether {at + 4}")
        asm.goto("drop")
    for at in offsets:
        asm.label(f"ppp {at}")
        asm.op(bpf.LOAD_HALF_ABS, at + 6)  # RFC 2516 section 4: six bytes, then PPP's protocol number
        asm.test(bpf.JUMP_EQUAL, _PPP_IPV4, yes=f"ipv4 at {at + 8}")
        asm.test(bpf.JUMP_EQUAL, _PPP_IPV6, yes=f"ipv6 at {at + 8}", no="drop")
    return sorted({*offsets, *(at + 8 for at in offsets)})


def _raw(asm: Writer) -> list[int]:
    asm.op(bpf.LOAD_BYTE_ABS, 0)
    asm.op(bpf.AND, 0xF0)
    asm.test(bpf.JUMP_EQUAL, 0x40, yes="ipv4 at 0")
    asm.test(bpf.JUMP_EQUAL, 0x60, yes="ipv6 at 0", no="drop")
    return [0]


def _ip(asm: Writer, offsets: Sequence[int], *, any_dns: bool) -> None:
    """One copy of the code for an IP header at any of *offsets*: everything from here on is loaded relative to X.

    Each version leaves the transport's offset in X, and in memory its protocol and where the packet ends.
    """
    for version in ("ipv4", "ipv6"):
        for at in offsets:
            asm.label(f"{version} at {at}")
            asm.op(bpf.LOAD_X_IMMEDIATE, at)
            asm.goto(version)
    ipv4(asm)
    ipv6(asm)
    asm.label("transport")
    asm.op(bpf.LOAD_MEMORY, PROTOCOL)
    asm.test(bpf.JUMP_EQUAL, _TCP, yes="tcp")
    asm.test(bpf.JUMP_EQUAL, _UDP, yes="udp", no="drop")
    _tcp(asm, any_dns=any_dns)
    udp(asm, any_dns=any_dns)


def ipv4(asm: Writer) -> None:
    """From the header that X points to: X becomes the transport's offset; fragments go to ``pass``."""
    asm.label("ipv4")
    asm.op(bpf.LOAD_BYTE_X, 9)
    asm.op(bpf.STORE, PROTOCOL)
    asm.test(bpf.JUMP_EQUAL, _TCP, yes="ipv4 wanted")
    asm.test(bpf.JUMP_EQUAL, _UDP, no="drop")
    asm.label("ipv4 wanted")
    asm.op(bpf.LOAD_HALF_X, 6)
    asm.test(bpf.JUMP_SET, 0x3FFF, yes="pass")  # more fragments, or not the first: RFC 791 section 3.1
    asm.op(bpf.LOAD_HALF_X, 2)
    asm.op(bpf.ADD_X)
    asm.op(bpf.STORE, END)
    asm.op(bpf.LOAD_BYTE_X, 0)
    asm.op(bpf.AND, 0x0F)
    asm.op(bpf.SHIFT_LEFT, 2)
    _advance(asm)
    asm.goto("transport")


def ipv6(asm: Writer) -> None:
    """As ``ipv4``, over extension headers."""
    asm.label("ipv6")
    asm.op(bpf.LOAD_HALF_X, 4)
    asm.op(bpf.ADD, 40)
    asm.op(bpf.ADD_X)
    asm.op(bpf.STORE, END)
    asm.op(bpf.LOAD_BYTE_X, 6)
    asm.op(bpf.STORE, PROTOCOL)
    asm.op(bpf.LOAD_IMMEDIATE, 40)
    _advance(asm)
    asm.op(bpf.LOAD_MEMORY, PROTOCOL)
    for step in range(_MAX_EXTENSIONS):
        _ipv6_extension(asm, step)
    for extension in _EXTENSIONS:
        asm.test(bpf.JUMP_EQUAL, extension, yes="pass")  # a longer chain than anybody sends: let the decoder see it
    asm.test(bpf.JUMP_EQUAL, _FRAGMENT, yes="pass")
    asm.label("ipv6 done")
    asm.op(bpf.STORE, PROTOCOL)


def _ipv6_extension(asm: Writer, step: int) -> None:
    """Step over one extension header; A is its type before, and the next one's after."""
    asm.test(bpf.JUMP_EQUAL, _TCP, yes="ipv6 done")
    asm.test(bpf.JUMP_EQUAL, _UDP, yes="ipv6 done")
    asm.test(bpf.JUMP_EQUAL, _FRAGMENT, yes="pass")
    for extension in _EXTENSIONS:
        asm.test(bpf.JUMP_EQUAL, extension, yes=f"ipv6 step {step}")
    asm.goto("drop")
    asm.label(f"ipv6 step {step}")
    asm.op(bpf.LOAD_BYTE_X, 0)
    asm.op(bpf.STORE, PROTOCOL)
    asm.op(bpf.LOAD_BYTE_X, 1)
    asm.op(bpf.ADD, 1)
    asm.op(bpf.SHIFT_LEFT, 3)
    _advance(asm)
    asm.op(bpf.LOAD_MEMORY, PROTOCOL)


def _advance(asm: Writer) -> None:
    """X += A."""
    asm.op(bpf.ADD_X)
    asm.op(bpf.A_TO_X)


def ports(asm: Writer) -> None:
    """Pass what has port 53 on either side; both ports go to the memory."""
    asm.op(bpf.LOAD_HALF_X, 0)
    asm.op(bpf.STORE, _SOURCE)
    asm.test(bpf.JUMP_EQUAL, _DNS, yes="pass")
    asm.op(bpf.LOAD_HALF_X, 2)
    asm.op(bpf.STORE, _DESTINATION)
    asm.test(bpf.JUMP_EQUAL, _DNS, yes="pass")


def _tcp(asm: Writer, *, any_dns: bool) -> None:
    asm.label("tcp")
    asm.op(bpf.LOAD_BYTE_X, 13)
    asm.test(bpf.JUMP_SET, _SYN_FIN_RST, yes="pass")
    ports(asm)
    to_payload(asm)
    asm.op(bpf.STORE_X, _PAYLOAD_AT)
    _tcp_upload(asm)
    asm.label("tcp start")
    asm.op(bpf.LOAD_X_MEMORY, _PAYLOAD_AT)
    asm.op(bpf.LOAD_HALF_X, 0)
    asm.test(bpf.JUMP_EQUAL, HANDSHAKE, yes="pass")
    asm.op(bpf.LOAD_WORD_X, 0)
    for start in (*HTTP_REQUESTS, HTTP_ANSWER):
        asm.test(bpf.JUMP_EQUAL, int.from_bytes(start), yes="pass")
    if any_dns:
        any_dns_over_tcp(asm)
    asm.goto("drop")


def to_payload(asm: Writer) -> None:
    """From the TCP header that X points to: X becomes its payload's offset."""
    asm.op(bpf.LOAD_BYTE_X, 12)
    asm.op(bpf.AND, 0xF0)
    asm.op(bpf.SHIFT_RIGHT, 2)
    _advance(asm)


def any_dns_over_tcp(asm: Writer) -> None:
    """Pass the payload at X if it may be a message of one question, behind its length: RFC 1035 section 4.2.2."""
    asm.op(bpf.LOAD_HALF_X, 2 + 4)
    asm.test(bpf.JUMP_EQUAL, 1, yes="pass")


def _tcp_upload(asm: Writer) -> None:
    """Pass a client's payload: without memory nobody can tell a hello's second segment from an upload.

    Before any look at the payload: a load behind the last byte drops the frame, and a payload may be one byte.
    A length of zero in the IP header (BIG TCP) wraps round and counts as a super-packet.
    """
    asm.op(bpf.LOAD_MEMORY, END)
    asm.op(bpf.SUBTRACT_X)
    asm.test(bpf.JUMP_EQUAL, 0, yes="drop")
    asm.test(bpf.JUMP_GREATER, _MAX_CONTINUATION, yes="tcp start")
    if_upload(asm, yes="pass")


def if_upload(asm: Writer, yes: str | None = None, no: str | None = None) -> None:
    """Whether the segment goes to the lower of the two ports, which ``ports`` left in memory."""
    asm.op(bpf.LOAD_X_MEMORY, _DESTINATION)
    asm.op(bpf.LOAD_MEMORY, _SOURCE)
    asm.test(bpf.JUMP_GREATER_X, 0, yes=yes, no=no)


def udp(asm: Writer, *, any_dns: bool) -> None:
    """From the header that X points to, to ``pass`` or ``drop``."""
    asm.label("udp")
    ports(asm)
    if any_dns:
        asm.op(bpf.LOAD_HALF_X, 8 + 4)
        asm.test(bpf.JUMP_EQUAL, 1, yes="pass")
    asm.op(bpf.LOAD_BYTE_X, 8)
    asm.test(bpf.JUMP_SET, 0x80, yes="long header")
    asm.test(bpf.JUMP_EQUAL, 0x16, yes="dtls")
    asm.test(bpf.JUMP_EQUAL, 0x01, yes="capwap")
    asm.op(bpf.AND, _CLEAR_FLAGS)  # Google's QUIC before the long headers: a connection id, then a version
    asm.test(bpf.JUMP_EQUAL, _CLEAR_FLAGS, no="drop")
    asm.op(bpf.LOAD_HALF_X, 8 + 9)
    asm.test(bpf.JUMP_EQUAL, _GOOGLE, yes="pass", no="drop")
    _quic(asm)
    asm.label("dtls")
    asm.op(bpf.LOAD_HALF_X, 9)
    asm.test(bpf.JUMP_EQUAL, 0x0100, yes="pass")  # what old OpenSSL and Cisco's clients call DTLS 1.0
    asm.op(bpf.LOAD_BYTE_X, 9)
    asm.test(bpf.JUMP_EQUAL, 0xFE, yes="pass", no="drop")  # DTLS versions are fe ff and fe fd: RFC 9147 section 4
    asm.label("capwap")
    asm.op(bpf.LOAD_WORD_X, 9)
    asm.test(bpf.JUMP_EQUAL, _CAPWAP_DTLS, yes="pass", no="drop")


def _quic(asm: Writer) -> None:
    """Long headers (RFC 9000 section 17.2): known versions, and what can be a client's first datagram of any other."""
    asm.label("long header")
    asm.op(bpf.LOAD_WORD_X, 9)
    for version in _QUIC_VERSIONS:
        asm.test(bpf.JUMP_EQUAL, version, yes="pass")
    asm.op(bpf.STORE, PROTOCOL)
    for family, mask in _QUIC_FAMILIES.items():
        asm.op(bpf.LOAD_MEMORY, PROTOCOL)
        asm.op(bpf.AND, mask)
        asm.test(bpf.JUMP_EQUAL, family, yes="pass")
    asm.op(bpf.LOAD_BYTE_X, 8)
    asm.test(bpf.JUMP_SET, 0x40, no="drop")  # the fixed bit
    asm.op(bpf.LOAD_HALF_X, 4)
    asm.test(bpf.JUMP_GREATER, _CLIENT_DATAGRAM - 1, no="drop")
    asm.op(bpf.LOAD_BYTE_X, 13)
    asm.test(bpf.JUMP_GREATER, _MAX_CID, yes="drop", no="pass")
