"""A view of a made-up daemon, with hostile text in it, for the tests of the web and for screenshots."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from egret.alerts.model import Action, Alert, Evidence, Incident, Server, alert_id
from egret.alerts.selection import EVERYTHING, Selection
from egret.alerts.sensor import Finding, Problem, Standing
from egret.evidence import About, ChainLink, ScorePart
from egret.judge.approvals import ApprovalState, Ruling, Terms
from egret.model import Category, Hosting, Operator, ServiceClass, Severity, VolumeSource
from egret.store.evidence import Kept
from egret.telemetry import Telemetry
from egret.telemetry.coverage import Interval, Length
from egret.telemetry.table import Outcome
from egret.value import replace
from egret.web.status import (
    DatabaseStatus,
    Delivered,
    DeliveryState,
    Facts,
    IncidentPage,
    IncidentState,
    LinkStatus,
    Readiness,
    SinkStatus,
    Story,
    Told,
)

NOW_NS = 1_790_000_000_000_000_000
MINUTE_NS = 60_000_000_000
HOSTILE = "<script>alert(1)</script>\x1b[31m&\"'.qwen.ai"


CHAIN = (
    ChainLink(about=About.OPERATOR, fact="operator_country", value="contested", source="terms", date="2026-11-22"),
    ChainLink(about=About.OPERATOR, fact="contract_entity", value="Example (Singapore) Pte", source=HOSTILE),
    ChainLink(
        about=About.HOSTING,
        fact="documented_inference",
        value="any node, including the Chinese mainland",
        source="https://www.example.com/help/regions",
        date="2026-11-22",
        note="the vendor's words, not an observation",
    ),
    ChainLink(about=About.HOSTING, fact="address_country", value="SG", source="egret-geo", note="of 203.0.113.9"),
)


def facts() -> Facts:
    return Facts(
        version="0.1.0",
        now_ns=NOW_NS,
        started_ns=NOW_NS - 200 * MINUTE_NS,
        why_here="this host forwards; lan0 and wg0 face the inside",
        inside=("192.0.2.0/24", "2001:db8:1::/48"),
        links=(LinkStatus(interface="lan0", up=True), LinkStatus(interface="wg0", up=False)),
        catalog_version="2026.11.20",
        catalog_signatures=143,
        catalog_last_reviewed="2026-11-18",
        vendors=("Alibaba", "Baidu", "DeepSeek"),
        groups=("front desk",),
        databases=(
            DatabaseStatus(
                name="egret-geo", built_s=NOW_NS / 1e9 - 20 * 86400, attribution="IP data by Example, CC BY 4.0"
            ),
        ),
        sinks=(
            SinkStatus(name="terminal", queue_length=0, last_error=None),
            SinkStatus(name="soc", queue_length=12, last_error=f"HTTP 503 {HOSTILE}"),
        ),
        store_path="/var/lib/egret/incidents.db",
        store_error=None,
        readiness=Readiness(ready=False, reasons=("wg0 is down",)),
        problems=(
            Standing(
                "a-problem",
                Finding(
                    problem=Problem.OUTPUT_FAILING,
                    subject=f"soc {HOSTILE}",
                    severity=Severity.HIGH,
                    text=f"alerts do not reach soc {HOSTILE}",
                    advice="they wait",
                ),
                NOW_NS,
                NOW_NS,
            ),
        ),
    )


def incident(number: int = 1, **changes: object) -> Incident:
    host = "chat.qwen.ai"
    hosting = Hosting(country="SG", asn=45102, as_org="Alibaba (US) Technology", source="egret-geo 2026-11-01")
    made = Incident(
        id=f"incident-{number}",
        client=f"192.0.2.{10 + number}",
        signature="alibaba.qwen-chat",
        vendor="Alibaba",
        service="Qwen Chat",
        category=Category.CHAT,
        service_class=ServiceClass.AI,
        severity=Severity.HIGH,
        score=80,
        evidence=Evidence.CONNECTION,
        operator=Operator(country="CN", contested=False, source="terms of service", date="2026-01-02"),
        hosting=hosting,
        region=None,
        reasons=("operator is under PRC law (terms of service, 2026-01-02)",),
        alternatives=("Claude",),
        references=("https://example.com/",),
        first_ns=NOW_NS - 90 * MINUTE_NS,
        last_ns=NOW_NS - number * MINUTE_NS,
        detections=17 * number,
        lookups=5,
        connections=12,
        protocols={"tls": 12, "dns": 5},
        hosts=(host,),
        servers=(Server(ip="203.0.113.9", port=443, host=host, hosting=hosting),),
        interfaces=("lan0",),
    )
    return replace(made, **changes)


def incidents() -> list[Incident]:
    return [
        incident(
            1,
            client_name="reception-laptop",
            client_groups=("front desk",),
            bytes_out=1_234_567,
            bytes_in=98_765,
            volume_source=VolumeSource.TCP,
            jurisdiction_chain=CHAIN,
            score_parts=(ScorePart("class", 50, "an AI service"), ScorePart("operator", 30, "under PRC law")),
            approval=Ruling(terms=Terms(state=ApprovalState.TOLERATED, owner=f"IT {HOSTILE}", ticket="T-1"), entry=1),
        ),
        incident(
            2,
            severity=Severity.MEDIUM,
            evidence=Evidence.LOOKUP,
            hosts=(HOSTILE, "dashscope-intl.aliyuncs.com"),
            vendor="Alibaba",
            service="Model Studio API",
            operator=Operator(country="SG", contested=True),
            region="SG (ap-southeast-1)",
        ),
        incident(
            3,
            severity=Severity.LOW,
            client="2001:db8:1::17",
            service="Alibaba Cloud",
            service_class=ServiceClass.CLOUD,
            hosting=Hosting(country="CN", in_china=True),
            hosts=tuple(f"bucket{n}.oss-cn-hangzhou.aliyuncs.com" for n in range(8)),
        ),
    ]


def told(incident: Incident) -> list[Told]:
    """Opened and delivered; escalated, and refused by one output."""
    made = []
    for number, action in enumerate((Action.OPENED, Action.ESCALATED), start=1):
        alert = Alert(
            id=alert_id(incident.id, number),
            action=action,
            sequence=number,
            time_ns=incident.first_ns + number * MINUTE_NS,
            severity=incident.severity,
            previous_severity=Severity.LOW if action is Action.ESCALATED else None,
            incident=incident,
        )
        refused = (
            Delivered(DeliveryState.DEAD, f"HTTP 400 {HOSTILE}") if number > 1 else Delivered(DeliveryState.WAITING)
        )
        made.append(Told(alert=alert, deliveries={"terminal": Delivered(DeliveryState.DONE), "soc": refused}))
    return made


def telemetry() -> Telemetry:
    made = Telemetry("0.1.0")
    made.watch(["lan0", "wg0"])
    made.sinks(["terminal", "soc"])
    made.link("lan0", received=1_234_567, dropped=0, up=True)
    made.apply_worker_counts(
        [
            (("connections", "tcp", "hello"), 4210),
            (("connections", "udp", "hello"), 812),
            (("connections", "tcp", "answer"), 90),
            (("connections", "tcp", "nothing"), 133),
            (("nameless", "no_sni"), 100),
            (("nameless", "mid_flow"), 33),
            (("names", "tls", "client_hello"), 4000),
            (("names", "dns", "query"), 20),
        ]
    )
    made.delivery("terminal", Outcome.DELIVERED, 31)
    made.incidents_open({Severity.HIGH: 1, Severity.MEDIUM: 1, Severity.LOW: 1})
    return made


def coverage(length: Length) -> list[Interval]:
    """A day with a night, an hour that was not watched and one with losses; the last row is now."""
    now_s = NOW_NS // 10**9
    start_s = now_s - now_s % length
    rows = []
    for ago in range(20, -1, -1):
        if ago == 7:
            continue
        total = 0 if ago in {11, 12} else 900 - 20 * ago
        counts: dict[str, dict[str, int]] = {"received": {"lan0": 5_000}}
        if total:
            nothing, answered = total // (40 - ago), total // 25
            named_by = {"hello": total - nothing - answered, "answer": answered, "nothing": nothing}
            counts |= {"named_by": named_by, "nameless": {"no_sni": nothing}}
        if ago == 3:
            counts |= {"dropped": {"kernel": 120}, "evictions": {"flows": 4}, "link_down_s": {"wg0": 600}}
        if ago == 2:
            counts |= {"encrypted_dns": {"Cloudflare": 31, HOSTILE: 2}, "prc_resolvers": {"AliDNS": 4}}
            counts |= {"httpdns": {"alibaba": 9}, "ech": {"grease": 50, "real_hidden": 3}}
        if ago == 0:
            counts["link_silent_s"] = {"wg0": 60}
        rows.append(Interval(start_s=start_s - ago * length, seconds=length.value, counts=counts))
    return rows


@dataclass
class View:
    """A ``StatusView``."""

    telemetry: Telemetry = field(default_factory=telemetry)
    now: Facts = field(default_factory=facts)
    listed: Sequence[Incident] = field(default_factory=incidents)
    ledger: Callable[[Length], Sequence[Interval]] = coverage
    kept: dict[str, Kept] = field(default_factory=dict)

    def facts(self) -> Facts:
        return self.now

    async def incidents(
        self, state: IncidentState, selection: Selection = EVERYTHING, *, limit: int, offset: int = 0
    ) -> IncidentPage:
        known = [] if state is IncidentState.CLOSED else self.listed
        chosen = [incident for incident in known if selection.selects(incident)]
        return IncidentPage(incidents=chosen[offset : offset + limit], total=len(chosen))

    async def story(self, incident: str, /) -> Story | None:
        found = next((each for each in self.listed if each.id == incident), None)
        kept = self.evidence(incident)
        return None if found is None else Story(incident=found, told=told(found), record=kept.record if kept else None)

    def evidence(self, incident: str, /) -> Kept | None:
        return self.kept.get(incident)

    def coverage(self, length: Length) -> Sequence[Interval]:
        return self.ledger(length)
