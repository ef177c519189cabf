from __future__ import annotations

from egret.evidence import Form, Raw
from egret.model import Endpoint, Match, NamedBy, Transport
from egret.track.heard import Heard
from egret.value import replace
from egret.worker import proving
from egret.worker.pipeline import Hit
from egret.worker.proving import AGAIN_NS, Prover
from tests.support.alerts import CLIENT, RESOLVER, SERVER
from tests.support.dialogues import dns_answer
from tests.support.hello import client_hello
from tests.support.pipeline import CATALOG, flow, seen

MATCH = CATALOG.match_name("www.chat.example")
assert MATCH is not None
FOUND: Match = MATCH


def nothing_told(_client: bytes, _address: bytes) -> None:
    return None


def hit(at_s: float = 0.0, name: str = "www.chat.example") -> Hit:
    return Hit(replace(seen(name, at_s=at_s), raw=Raw(client_hello(name.encode()))), FOUND)


def test_the_first_of_its_kind_is_proven_and_again_after_a_while() -> None:
    prover = Prover(nothing_told)
    given = [prover(hit(at_s)).proof for at_s in (0, 1, AGAIN_NS / 1e9 - 1, AGAIN_NS / 1e9)]
    assert [proof is not None for proof in given] == [True, False, False, True]
    assert prover(hit(2, "other.chat.example")).proof is not None


def test_what_is_remembered_is_bounded() -> None:
    prover = Prover(nothing_told)
    for number in range(proving.MAX_PROVEN + 1):
        prover(hit(0, f"n{number}.chat.example"))
    assert prover(hit(1, "n0.chat.example")).proof is not None
    assert prover(hit(1, f"n{proving.MAX_PROVEN}.chat.example")).proof is None


def test_a_connection_that_an_answer_named_brings_the_answer() -> None:
    wire = dns_answer("www.chat.example", "198.51.100.10")
    heard = Heard(5, Transport.UDP, Endpoint(RESOLVER, 53), Endpoint(CLIENT, 5353), None)
    asked = []

    def told(client: bytes, address: bytes) -> tuple[bytes, Heard]:
        asked.append((client, address))
        return wire, heard

    proof = Prover(told)(Hit(flow("www.chat.example", NamedBy.ANSWER), FOUND)).proof
    assert asked == [(CLIENT, SERVER)]
    assert proof is not None
    assert proof.told is not None
    assert (proof.form, proof.told.data, proof.told.client_port, proof.told.tcp) == (Form.BLANK, wire, 5353, False)
    by_address = Prover(told)(Hit(flow(), FOUND)).proof
    assert by_address is not None
    assert by_address.told is None
