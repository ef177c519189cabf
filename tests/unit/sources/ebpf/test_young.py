"""What can be said of the program without a kernel; what it passes is in tests/integration/test_young_streams.py."""

from __future__ import annotations

import pytest

from egret.sources import kernel_filter
from egret.sources.ebpf import young

_EXIT, _WIDE, _CALL, _JUMP = 0x95, 0x18, 0x85, 0x05
LINKS = (kernel_filter.ETHERNET, kernel_filter.RAW_IP)


@pytest.mark.parametrize("linktype", LINKS)
@pytest.mark.parametrize("any_dns", [False, True])
def test_it_ends_always_and_calls_what_it_may(linktype: int, any_dns: bool) -> None:
    program = young.program(linktype, 3, any_dns=any_dns)
    assert len(program) < 600
    assert program[-1].code == _EXIT
    assert {each.immediate for each in program if each.code == _CALL} == {1, 2, 26}
    assert {each.immediate for each in program if each.code == _WIDE} == {3}
    jumps = [(place, each) for place, each in enumerate(program) if each.code & 7 in {5, 6} and each.code != _CALL]
    assert all(each.offset >= 0 and place + each.offset < len(program) for place, each in jumps)


def test_dns_on_any_port_is_two_tests_more() -> None:
    plain, wide = (len(young.program(kernel_filter.ETHERNET, 3, any_dns=each)) for each in (False, True))
    assert 0 < wide - plain < 10


def test_no_filter_for_other_links() -> None:
    with pytest.raises(ValueError, match="link type 105"):
        young.program(105, 3)
