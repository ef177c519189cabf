from __future__ import annotations

import pytest

from egret.alerts.selection import EVERYTHING, Selection, searched
from egret.alerts.veil import Veil
from egret.model import ServiceClass, Severity
from egret.settings.pseudonyms import SivPseudonyms
from tests.support.webview import incident

ONE = incident(
    client_name="Reception-Laptop", client_groups=("front desk",), client_addresses=("192.0.2.11", "2001:db8::11")
)


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        (EVERYTHING, True),
        (Selection(severity=Severity.HIGH), True),
        (Selection(severity=Severity.LOW), True),
        (Selection(severity=Severity.CRITICAL), False),
        (Selection(service_class=ServiceClass.AI), True),
        (Selection(service_class=ServiceClass.CLOUD), False),
        (Selection(vendor="Alibaba"), True),
        (Selection(vendor="Baidu"), False),
        (Selection(group="front desk"), True),
        (Selection(group="front"), False),
        (Selection(client="2001:db8::11"), True),
        (Selection(client="192.0.2.1"), False),
        (Selection(words=("reception", "QWEN", "203.0.113.9")), True),
        (Selection(words=("reception", "baidu")), False),
        (Selection(severity=Severity.HIGH, vendor="Baidu"), False),
    ],
)
def test_all_that_is_asked_for_must_hold(selection: Selection, chosen: bool) -> None:
    assert selection.selects(ONE) is chosen


def test_an_address_is_asked_for_by_its_pseudonym_where_there_are_some() -> None:
    veil = Veil(SivPseudonyms("k" * 32))
    hidden = veil.hide(ONE)
    assert Selection(client="192.0.2.11").veiled(veil).selects(hidden)
    assert not Selection(client="192.0.2.11").selects(hidden)
    assert Selection(client="192.0.2.11").veiled(Veil()) == Selection(client="192.0.2.11")
    assert EVERYTHING.veiled(veil) == EVERYTHING


def test_what_is_searched_is_what_the_page_shows_of_it() -> None:
    assert {"incident-1", "Reception-Laptop", "chat.qwen.ai", "alibaba.qwen-chat"} <= set(searched(ONE).split("\n"))
