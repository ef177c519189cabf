"""What an incident's facts are called on the pages. Everything here is HTML, of text made safe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from egret.alerts.formats.client import role_text
from egret.alerts.model import Evidence, Incident
from egret.alerts.rulings import ruling_text, state_text
from egret.alerts.volume import bytes_text
from egret.evidence import About, ChainLink
from egret.model import Hosting, Operator, ServiceClass, Severity
from egret.web.html import text

CLASSES: Mapping[ServiceClass, str] = MappingProxyType(
    {
        ServiceClass.AI: "AI service",
        ServiceClass.EMBEDDED: "AI built in",
        ServiceClass.CLOUD: "cloud platform",
        ServiceClass.BROAD: "other service",
        ServiceClass.RESOLVER: "encrypted resolver",
    }
)
QUESTIONS: Mapping[About, str] = MappingProxyType(
    {About.OPERATOR: "Whose law reaches the operator", About.HOSTING: "Where the bytes land"}
)
# a shape of its own beside the colour and the word
_MARKS = {
    Severity.CRITICAL: "\u25b2\u25b2",
    Severity.HIGH: "\u25b2",
    Severity.MEDIUM: "\u25c6",
    Severity.LOW: "\u25cf",
    Severity.INFO: "\u25cb",
}


def severity_badge(severity: Severity) -> str:
    """How grave: a word, a shape and a colour."""
    mark = f'<span aria-hidden="true">{_MARKS[severity]}</span>'
    return f'<span class="severity {severity.value}">{mark} {severity.value}</span>'


def client_cell(incident: Incident) -> str:
    """The name, the address, and whether it speaks for others."""
    name = f"<b>{text(incident.client_name)}</b><br>" if incident.client_name else ""
    role = role_text(incident)
    notes = [", ".join(incident.client_groups), role]
    note = "".join(f'<br><span class="note">{text(said)}</span>' for said in notes if said)
    return f'{name}<code class="address">{text(incident.client)}</code>{note}'


def decision(incident: Incident) -> str:
    """What the operator of this network decided about it."""
    return text(ruling_text(incident.approval) or state_text(incident.approval.state))


def operator_cell(operator: Operator) -> str:
    """Whose law reaches the operator: never a plain yes or no where it is contested."""
    country = text(operator.country or "unknown")
    return f"contested ({country})" if operator.contested else country


def hosting_cell(hosting: Hosting, region: str | None) -> str:
    """Where the bytes land, and who says so."""
    lines = [text(hosting.country or "unknown")]
    if hosting.asn is not None:
        lines.append(f'<span class="note">AS{hosting.asn} {text(hosting.as_org or "")}</span>')
    if region:
        lines.append(f'<span class="note">host name says {text(region)}</span>')
    return "<br>".join(lines)


def seen_words(incident: Incident) -> str:
    """The strongest thing seen."""
    return "look-up only, no connection seen" if incident.evidence is Evidence.LOOKUP else "connection"


def volume_words(incident: Incident) -> tuple[str, str] | None:
    """What was sent and received; None where nothing was measured."""
    if incident.volume_source is None:
        return None
    return bytes_text(incident.bytes_out or 0), bytes_text(incident.bytes_in or 0)


def chain(links: Sequence[ChainLink], about: About) -> str:
    """The facts that speak to one of the two questions, each by itself."""
    rows = "".join(f"<li>{_fact(link)}</li>" for link in links if link.about is about)
    return f'<ul class="facts">{rows}</ul>' if rows else ""


def _fact(link: ChainLink) -> str:
    fact = link.fact.replace("_", " ")
    said = ", ".join(text(word) for word in (link.source, link.date) if word)
    notes = "".join(f'<br><span class="note">{note}</span>' for note in (text(link.note), said) if note)
    return f"{text(fact)}: <b>{text(link.value)}</b>{notes}"
