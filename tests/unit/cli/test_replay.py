from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from egret.cli.main import invoke
from egret.model import Frame
from tests.support.dialogues import connect, dns_answer, dns_query
from tests.support.hello import Tcp, openssl_hello, records, udp
from tests.support.net import pcap_bytes, write


@pytest.fixture
def capture(tmp_path: Path) -> str:
    frames = []
    for port, name in ((1111, "chat.qwen.ai"), (2222, "www.aliyun.com"), (3333, "notqwen.ai"), (4444, "chat.qwen.ai")):
        flow = Tcp(sport=port)
        frames += [*flow.handshake(), *flow.stream(records(openssl_hello(name)))]
    return write(tmp_path / "in.pcap", pcap_bytes([bytes(frame.data) for frame in frames], linktype=101))


def test_a_table_for_people(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["replay", capture]) == 0
    text = capsys.readouterr().out
    assert " 2 " in text  # connections
    assert "Alibaba Cloud" in text
    assert "notqwen" not in text
    assert "2 incidents; 4 names seen, 4 of 4 connections named." in text


@pytest.mark.parametrize(
    ("form", "key"), [("jsonl", "schema"), ("ecs", "@timestamp"), ("ocsf", "class_uid"), ("eve", "event_type")]
)
def test_lines_for_programs(form: str, key: str, capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["replay", "--format", form, capture]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(found) == 2
    assert all(key in line for line in found)


def test_detections_one_line_each(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["replay", "--detections", capture]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["signature"] for line in found] == ["alibaba.qwen-chat", "alibaba.cloud", "alibaba.qwen-chat"]


@pytest.mark.parametrize(("severity", "code"), [("critical", 0), ("high", 3), ("low", 3)])
def test_fails_on_what_was_found(severity: str, code: int, capture: str) -> None:
    assert invoke(["replay", "--fail-on", severity, capture]) == code


@pytest.mark.parametrize(
    ("decided", "code"),
    [
        ("approvals: {entries: [{vendor: Alibaba, state: approved, owner: IT}]}", 0),
        ("approvals: {entries: [{service: alibaba.qwen-chat, state: approved, owner: IT}]}", 3),  # the cloud is left
        ("approvals: {entries: [{vendor: Alibaba, state: tolerated, owner: IT}]}", 0),
        ("approvals: {entries: [{vendor: Alibaba, state: in_review, owner: IT}]}", 3),
        ("alerts: {suppress: [{client: 0.0.0.0/0, reason: known}]}", 0),
    ],
)
@pytest.mark.parametrize("more", [[], ["--detections"]])
def test_what_the_operator_allows_fails_no_run(
    decided: str, code: int, more: list[str], capture: str, tmp_path: Path
) -> None:
    (tmp_path / "e.yaml").write_text(decided + "\n")
    assert invoke(["replay", *more, "-c", str(tmp_path / "e.yaml"), "--fail-on", "low", capture]) == code


def test_what_the_operator_forbids_is_more_severe(capture: str, tmp_path: Path) -> None:
    (tmp_path / "e.yaml").write_text("approvals: {entries: [{class: ai, state: unapproved, owner: IT}]}\n")
    assert invoke(["replay", "-c", str(tmp_path / "e.yaml"), "--fail-on", "critical", capture]) == 3


def test_an_incident_over_two_files_is_one(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["replay", "--format", "jsonl", capture, capture]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_configured_inside_leaves_others_out(
    capture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "egret.yaml"
    config.write_text('networks:\n  inside: ["10.0.0.0/8"]\n')
    assert invoke(["replay", "-c", str(config), capture]) == 0
    assert "0 incidents" in capsys.readouterr().out


@pytest.mark.parametrize(("form", "start"), [("cef", "CEF:0|Egret|"), ("leef", "LEEF:2.0|Egret|")])
def test_a_line_for_other_readers(form: str, start: str, capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["replay", "--format", form, capture]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines
    assert all(line.startswith(start) for line in lines)


def test_detections_in_ecs_and_not_in_ocsf(capture: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert invoke(["replay", "--detections", "--format", "ecs", capture]) == 0
    assert all("@timestamp" in json.loads(line) for line in capsys.readouterr().out.splitlines())
    for form in ("ocsf", "eve", "cef", "leef"):
        assert invoke(["replay", "--detections", "--format", form, capture]) == 2
    assert "OCSF has no form for single detections" in capsys.readouterr().err


def test_clients_are_called_what_the_configuration_and_its_files_say(
    capture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "leases").write_text("0 02:00:5e:10:00:01 192.0.2.10 laptop *\n")
    config = tmp_path / "egret.yaml"
    config.write_text("clients:\n  leases: [{path: leases}]\n  groups: {lab: [192.0.2.0/24]}\n")
    assert invoke(["replay", "-c", str(config), "--format", "jsonl", capture]) == 0
    incidents = [json.loads(line)["incident"] for line in capsys.readouterr().out.splitlines()]
    assert {incident["client"] for incident in incidents} == {"192.0.2.10"}
    assert {incident["client_name"] for incident in incidents} == {"laptop"}
    assert all(incident["client_groups"] == ["lab"] for incident in incidents)
    assert invoke(["replay", "-c", str(config), "--detections", capture]) == 0
    assert '"client_name": "laptop"' in capsys.readouterr().out.replace('":"', '": "')


def test_names_that_cannot_be_read_are_said_and_cost_nothing_else(
    capture: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "egret.yaml"
    config.write_text("clients: {leases: [{path: gone}]}\n")
    assert invoke(["replay", "-c", str(config), capture]) == 0
    said = capsys.readouterr()
    assert "gone: cannot be read: No such file" in said.err
    assert "2 incidents" in said.out


def moved(tmp_path: Path, *, reply: int = 5_000_000) -> str:
    """One connection of a hello, an upload of 400 bytes and a download, of which only the end was captured."""
    flow = Tcp(sport=1111)
    hello = records(openssl_hello("chat.qwen.ai"))
    first = [*flow.handshake(), *flow.stream(hello, [100]), flow.send(len(hello), bytes(400))]
    frames = [bytes(frame.data) for frame in first]
    last = bytearray(flow.send(len(hello) + 400, flags=0x11).data)
    last[28:32] = (1 + reply).to_bytes(4, "big")
    return write(tmp_path / "moved.pcap", pcap_bytes([*frames, bytes(last)], linktype=101))


def test_bytes_are_in_the_table_and_in_every_format(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capture = moved(tmp_path)
    sent = len(records(openssl_hello("chat.qwen.ai"))) + 400
    assert invoke(["replay", capture]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"1 {sent} B 5.0 MB Sent and received: bytes since detection; of TCP by" in text
    assert invoke(["replay", "--format", "ecs", capture]) == 0
    line = json.loads(capsys.readouterr().out)
    assert (line["source"]["bytes"], line["destination"]["bytes"]) == (sent, 5_000_000)
    assert line["egret"]["incident"]["volume_source"] == "tcp_sequence"


def test_bytes_are_not_counted_where_that_is_off(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "egret.yaml"
    config.write_text("volume: {enabled: false}\n")
    assert invoke(["replay", "-c", str(config), "--format", "jsonl", moved(tmp_path)]) == 0
    assert json.loads(capsys.readouterr().out)["incident"]["bytes_out"] is None


def written(path: Path, frames: list[Frame]) -> str:
    return write(path, pcap_bytes([bytes(frame.data) for frame in frames], linktype=101))


def replayed(capture: str, capsys: pytest.CaptureFixture[str], *options: str) -> list[dict[str, Any]]:
    assert invoke(["replay", "--format", "jsonl", *options, capture]) == 0
    return [json.loads(line)["incident"] for line in capsys.readouterr().out.splitlines()]


def test_a_resolver_among_the_clients_is_marked_and_what_it_passes_on_is_its_clients(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client, relay, upstream = "192.0.2.10", "192.0.2.53", "198.51.100.53"

    def asks(name: str, *, inside: bool = True) -> list[Frame]:
        query, answer = dns_query(name), dns_answer(name, "203.0.113.9")
        own = [udp(query, 4000, 53, source=relay, destination=upstream)]
        own += [udp(answer, 53, 4000, source=upstream, destination=relay)]
        before = [udp(query, 5000, 53, source=client, destination=relay)] if inside else []
        after = [udp(answer, 53, 5000, source=relay, destination=client)] if inside else []
        return before + own + after

    frames = asks("chat.qwen.ai") + asks("www.example.com") + asks("api.deepseek.com", inside=False)
    found = {incident["client"]: incident for incident in replayed(written(tmp_path / "r.pcap", frames), capsys)}
    assert {incident["signature"] for incident in found.values()} == {"alibaba.qwen-chat", "deepseek.api"}
    assert (found[client]["signature"], found[client]["client_role"]) == ("alibaba.qwen-chat", None)
    assert (found[relay]["signature"], found[relay]["client_role"]) == ("deepseek.api", "resolver")
    assert "answers the DNS questions of other clients" in found[relay]["client_role_reason"]


def test_a_proxy_among_the_clients_passes_on_what_was_asked_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client, relay = "192.0.2.10", "192.0.2.80"
    asked = Tcp(client=client, server=relay, dport=3128)
    out = Tcp(client=relay, server="203.0.113.9", sport=41000)
    frames = [*asked.handshake(), *asked.stream(connect("chat.qwen.ai"))]
    frames += [*out.handshake(), *out.stream(records(openssl_hello("chat.qwen.ai")))]
    own = Tcp(client=relay, server="203.0.113.10", sport=42000)
    frames += [*own.handshake(), *own.stream(records(openssl_hello("api.deepseek.com")))]
    found = {incident["client"]: incident for incident in replayed(written(tmp_path / "p.pcap", frames), capsys)}
    assert found[client]["signature"] == "alibaba.qwen-chat"
    assert (found[relay]["signature"], found[relay]["client_role"]) == ("deepseek.api", "proxy")


def test_one_device_by_both_families_is_one_incident(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "leases").write_text(
        "0 02:00:5e:10:00:01 192.0.2.10 laptop *\n0 1 2001:db8::10 * 00:03:00:01:02:00:5e:10:00:01\n"
    )
    config = tmp_path / "egret.yaml"
    config.write_text("clients: {leases: [{path: leases}]}\n")
    four = Tcp(client="192.0.2.10", server="203.0.113.9")
    six = Tcp(client="2001:db8::10", server="2001:db8:2::9", sport=41000)
    frames = [frame for flow in (four, six) for frame in flow.handshake()]
    frames += [frame for flow in (four, six) for frame in flow.stream(records(openssl_hello("chat.qwen.ai")))]
    (incident,) = replayed(written(tmp_path / "d.pcap", frames), capsys, "-c", str(config))
    assert incident["client_addresses"] == ["192.0.2.10", "2001:db8::10"]
    assert (incident["client_name"], incident["connections"]) == ("laptop", 2)
