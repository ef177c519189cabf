"""The compiled gate does what the one in Python does, byte for byte, and reads nothing that is not there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench import workloads
from egret.track.late import may_begin
from egret.worker import engine
from egret.worker.datagrams import bitmap
from egret.worker.gate import AWAITED
from scripts.build_native import SANITIZED, STRICT, build
from tests.support.beginnings import beginnings
from tests.support.native import compiled as _gate
from tests.support.sluices import CLOCKS, Watch, bulk, runs


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 1 << 32))
def test_it_takes_the_same_frames_and_asks_the_same(seed: int) -> None:
    assert runs(_gate, seed) == runs(None, seed)


@pytest.mark.parametrize("last", [3, 4, 5])
def test_the_same_beginnings_are_awaited(last: int) -> None:
    watch = Watch(_gate)
    quiet = bulk(last, b"\0")
    assert watch.sluice.skip(quiet, 0, len(quiet), 0, 0)
    awaited = AWAITED[{4: 0, 3: 1, 5: 2}[last]]
    for payload in beginnings():
        data = bulk(last, payload)
        begins = payload[0] in awaited and may_begin(payload, 0, len(payload))
        assert watch.sluice.skip(data, 0, len(data), 0, 0) == (not begins or 7 % 3 == 0), payload


def test_times_that_were_never_meant_are_python_s() -> None:
    for compiled in (None, _gate):
        sluice = Watch(compiled).sluice
        for clock in ((1, 1, 1, 1 << 62, None), (1, 1, 1, -5, None)):
            block = b"\0\0\0\6\0\0\0\x20" + bytes(20) + b"\0\0\0\x20"
            assert sluice.pcapng(block, 0, ">", [clock]) == (0, 0)
            assert sluice.last_ns == 0
    with pytest.raises(OverflowError):
        Watch(_gate).sluice.skip(b"", 0, 0, 1 << 70, 0)


@pytest.mark.parametrize("arguments", [(b"", 0, "<", 16), (1, 0, "<", 16, 1), (b"", "", "<", 16, 1), ()])
def test_what_is_no_window_is_refused(arguments: tuple[object, ...]) -> None:
    sluice = Watch(_gate).sluice
    with pytest.raises((TypeError, ValueError)):
        sluice.pcap(*arguments)  # type: ignore[arg-type]
    assert sluice.pcap(bytes(100), -5, "<", 16, 1) == (-5, 0)
    assert sluice.pcap(bytes(100), 500, "<", -16, 1) == (500, 0)
    assert sluice.pcapng(bytes(100), 500, "<", CLOCKS) == (500, 0)
    assert sluice.ring(bytearray(100), 500, 1, 5000, "lan0") == (500, 0)


LETTERS = b"aZ09-_" * 3 + b".\x00 @[`{/:\x80\xff"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.integers(1, 64).flatmap(lambda n: st.lists(st.sampled_from(LETTERS), min_size=n, max_size=n)), max_size=6
    ),
    st.binary(min_size=4, max_size=6),
)
def test_it_asks_about_the_same_names(labels: list[list[int]], behind: bytes) -> None:
    name = b"".join(bytes([len(label), *label]) for label in labels)
    question = b"\0\7\1\0\0\1\0\0\0\0\0\0" + name + b"\0" + behind
    frame = workloads.udp_datagram(0xC0000201, 0xC6336435, 40_000, 53, question)
    one, other = Watch(_gate), Watch(None)
    assert [each.sluice.skip(frame, 0, len(frame), 5, 5) for each in (one, one)] == [
        each.sluice.skip(frame, 0, len(frame), 5, 5) for each in (other, other)
    ]
    assert one.names == other.names


def test_what_python_raises_comes_through() -> None:
    def fails(*_: object) -> Any:
        raise LookupError

    sluice = Watch(_gate).sluice
    watch = Watch(None)
    broken = _gate.Sluice(
        apart=bitmap(()),
        local=bitmap(()),
        versions=bitmap(()),
        expected=bitmap(()),
        types=bitmap(()),
        protocols=bitmap(()),
        pairs=None,
        begins=fails,
        flagged=fails,
        wanted=fails,
        waiting=_gate.Waiting(1),
        copies=_gate.Copies(1, 1, bytes(16)),
        segment=fails,
        tick=watch._tick,
        watched=fails,
        measured=fails,
        measure=fails,
        weigh=fails,
        secret=bytes(16),
    )
    frame = bulk(4)
    assert sluice.skip(frame, 0, len(frame), 5, 5)
    with pytest.raises(LookupError):
        broken.skip(frame, 0, len(frame), 5, 5)


def test_it_can_be_left_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(engine.SWITCH, raising=False)
    assert engine.is_compiled()
    monkeypatch.setenv(engine.SWITCH, "1")
    assert not engine.is_compiled()
    assert engine.SWITCH in engine.described()


def test_it_compiles_without_a_warning(tmp_path: Path) -> None:
    assert build(folder=tmp_path, extra=STRICT).parent == tmp_path


WATCHED = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("egret.worker._gate", sys.argv[1])
compiled = importlib.util.module_from_spec(spec)
spec.loader.exec_module(compiled)
sys.modules[spec.name] = compiled
from egret.worker import engine
from tests.support.dns_jumbles import check as check_dns
from tests.support.http_jumbles import check as check_http
from tests.support.jumbles import check
from tests.support.quic_jumbles import check as check_quic
from tests.support.sluices import runs
from tests.support.trains import check as check_trains
assert engine.compiled is compiled
for seed in range(int(sys.argv[2]), int(sys.argv[3])):
    assert runs(compiled, seed) == runs(None, seed), seed
    check(compiled, seed)
    check_quic(compiled, seed)
    check_http(compiled, seed)
    check_dns(seed)
    if seed % 4 == 0:
        check_trains(seed, 1_000)
"""


def test_it_reads_nothing_that_is_not_there(tmp_path: Path, repository: Path) -> None:
    built = build(folder=tmp_path, extra=SANITIZED)
    library = subprocess.run(["cc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, str(built), "0", os.environ.get("EGRET_FUZZ_BLOCKS", "60")],
        env={
            **os.environ,
            "LD_PRELOAD": library.strip(),
            "ASAN_OPTIONS": "detect_leaks=0,verify_asan_link_order=0",
            "PYTHONMALLOC": "malloc",  # so that each object has its own bounds
            "PYTHONPATH": f"{repository / 'src'}:{repository}",
        },
        cwd=repository,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
