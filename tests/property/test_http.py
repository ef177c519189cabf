"""HTTP heads: split anywhere, followed by anything, the name is the same; a cut line is never a name."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egret.decode.http import RequestHead, parse_request_head, recognise
from egret.errors import DecodeError
from egret.model import Recognition

hosts = st.from_regex(r"[a-z][a-z0-9-]{0,10}(\.[a-z][a-z0-9-]{0,10}){1,3}", fullmatch=True)
lines = st.lists(st.sampled_from([b"Accept: */*", b"X-Host: no.example", b"Cookie: " + b"c" * 50, b"A:b"]), max_size=4)


@st.composite
def heads(draw: st.DrawFn) -> tuple[bytes, str]:
    host = draw(hosts)
    ending = draw(st.sampled_from([b"\r\n", b"\n"]))
    method, target = draw(
        st.sampled_from([(b"GET", b"/path"), (b"OPTIONS", b"*"), (b"CONNECT", b"%s:443"), (b"POST", b"http://%s/x")])
    )
    field = draw(st.sampled_from([b"Host: ", b"hOST:", b"Host :  "]))
    first = method + b" " + target.replace(b"%s", host.encode()) + b" HTTP/1.1"
    parts = [first, *draw(lines), field + host.encode() + draw(st.sampled_from([b"", b":8080", b" "])), *draw(lines)]
    return ending.join(parts) + ending * 2, host


def read(data: bytes) -> RequestHead | None:
    try:
        return parse_request_head(data)
    except DecodeError:
        return None


@given(heads(), st.binary(max_size=40))
def test_what_follows_a_head_changes_nothing(case: tuple[bytes, str], rest: bytes) -> None:
    data, host = case
    found = parse_request_head(data + rest)
    assert found is not None
    assert (found.name, found.size) == (host, len(data))
    assert recognise(data + rest) is Recognition.YES


@given(heads())
def test_every_cut_is_the_name_or_nothing(case: tuple[bytes, str]) -> None:
    data, host = case
    names = [found.name for size in range(len(data)) if (found := parse_request_head(data[:size]))]
    assert set(names) <= {host}
    finals = []
    for size in range(len(data)):
        try:
            found = parse_request_head(data[:size], final=True)
        except DecodeError:
            continue
        finals.append(found and found.name)
    assert set(finals) <= {host, None}
    assert Recognition.NO not in {recognise(data[:size]) for size in range(len(data))}


@given(heads(), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4))
def test_total_on_damaged_heads(case: tuple[bytes, str], damage: list[tuple[int, int]]) -> None:
    data = bytearray(case[0])
    for where, value in damage:
        data[where % len(data)] = value
    found = read(bytes(data))
    if found is not None and found.name is not None:
        assert found.name.isprintable()


@given(st.binary(max_size=100))
def test_total_on_any_bytes(data: bytes) -> None:
    read(data)
    recognise(data)
