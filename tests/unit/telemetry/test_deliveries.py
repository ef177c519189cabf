from __future__ import annotations

import logging

import pytest

from egret.telemetry import Telemetry
from egret.telemetry.table import CircuitState, Outcome


@pytest.fixture
def telemetry() -> Telemetry:
    made = Telemetry("test")
    made.sinks(["soc"])
    return made


def test_every_outcome_of_an_output_exists_at_zero(telemetry: Telemetry) -> None:
    text = telemetry.exposition().decode()
    for outcome in Outcome:
        assert f'egret_deliveries_total{{outcome="{outcome}",sink="soc"}} 0.0' in text
    telemetry.offered("soc", 2)
    telemetry.delivery("soc", Outcome.DELIVERED)
    telemetry.queue_length("soc", 1)
    assert telemetry.value("egret_deliveries_offered_total", "soc") == 2
    assert telemetry.value("egret_delivery_queue_length", "soc") == 1


def test_a_circuit_is_in_one_state_and_a_change_is_logged(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def now() -> list[str]:
        return [state for state in CircuitState if telemetry.value("egret_delivery_circuit", "soc", state)]

    assert now() == ["closed"]
    for state in ("open", "open", "half_open"):
        telemetry.circuit("soc", state)
        assert now() == [state]
    telemetry.sinks(["soc"])  # a reload
    assert now() == ["half_open"]
    assert caplog.text.count("delivery_circuit") == 2


def test_dead_letters_and_what_the_history_lacks_are_numbers(
    telemetry: Telemetry, caplog: pytest.LogCaptureFixture
) -> None:
    telemetry.dead_letters("soc", 4)
    telemetry.dead_dropped("soc", 2)
    telemetry.dead_dropped("gone", 7)
    for total in (0, 3, 3, 5):
        telemetry.unrecorded(total)
    assert telemetry.value("egret_dead_letters", "soc") == 4
    assert telemetry.total("egret_dead_letters_dropped_total") == 2
    assert telemetry.value("egret_alerts_unrecorded_total") == 5
    assert "dead_letters_dropped" in caplog.text
