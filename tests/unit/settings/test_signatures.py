from __future__ import annotations

from pathlib import Path

import pytest

from egret.catalog.match import Catalog
from egret.errors import ConfigErrors
from egret.model import Category, HostKind, Operator, Scope, ServiceClass
from egret.settings import signatures
from egret.settings.catalogue import load_catalog
from egret.settings.signatures import load_located
from tests.support.catalog import VENDOR, write

BODY = """\
  - id: example.chat
    service: Chat
    category: chat
    class: ai
    hosts:
      - suffix: [x.example, y.example]
        source: seen
      - exact: "api.{far}.x.example"
    examples: [x.example]
"""
REGIONS = "regions:\n  far: {us-1: US, sg-1: SG}\n"


@pytest.fixture(scope="module")
def bundled() -> Catalog:
    return load_catalog()


def errors(*directories: Path) -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load_catalog(list(directories))
    return [line.rpartition("/")[2] for line in str(caught.value).splitlines()]


def test_a_signature_is_read_whole(tmp_path: Path) -> None:
    write(tmp_path, BODY, head=REGIONS + VENDOR)
    (signature,) = load_catalog([tmp_path]).signatures
    assert signature.operator == Operator(country="CN", contested=False, source="a register", date="2026-11-01")
    assert [(h.kind, h.pattern, h.region, h.source) for h in signature.hosts] == [
        (HostKind.SUFFIX, "x.example", None, "seen"),
        (HostKind.SUFFIX, "y.example", None, "seen"),
        (HostKind.EXACT, "api.us-1.x.example", "US (us-1)", ""),
        (HostKind.EXACT, "api.sg-1.x.example", "SG (sg-1)", ""),
    ]
    assert (signature.category, signature.service_class) == (Category.CHAT, ServiceClass.AI)
    assert [reason.text for reason in signature.reasons] == ["a claim"]
    assert (signature.references, signature.last_reviewed) == (("a list",), "2026-11-01")


def test_places_are_those_of_the_text(tmp_path: Path) -> None:
    write(tmp_path, BODY, head=VENDOR)
    with pytest.raises(ConfigErrors, match=r"example\.yaml:15:16: unknown region group 'far'"):
        load_located([tmp_path])
    write(tmp_path, BODY, head=REGIONS + VENDOR)
    (located,) = load_located([tmp_path])
    assert [(place.line, place.column) for place in located.hosts] == [(15, 18), (15, 29), (17, 16), (17, 16)]
    assert [(place.line, place.column) for place in located.examples] == [(18, 16)]


def test_a_signature_overrides_single_fields_of_its_vendor(tmp_path: Path) -> None:
    own = "    operator: {contested: true, entity: Abroad Ltd}\n    alternatives: [A]\n    reasons: []\n"
    write(tmp_path, BODY + own, head=REGIONS + VENDOR)
    (signature,) = load_catalog([tmp_path]).signatures
    assert (signature.operator.country, signature.operator.contested) == ("CN", True)
    assert signature.operator.entity == "Abroad Ltd"
    assert (signature.alternatives, signature.reasons) == (("A",), ())


def test_shared_reasons_and_alternatives(tmp_path: Path) -> None:
    (tmp_path / "_shared.yaml").write_text("""\
reasons:
  law: {text: the law, source: gazette, date: 2017-06-28}
  far: {text: far away, source: gazette, date: 2017-06-28, counter: or not}
  terms: {text: the terms, source: the vendor, date: 2017-06-28}
default_reasons: {ai: [law], ai-contested: [far]}
category_reasons: {chat: [terms]}
alternatives: {chat: [B, C]}
""")
    head = REGIONS + VENDOR.replace("reasons:\n  - {text: a claim, source: somebody, date: 2026-11-01}\n", "")
    more = "    more_reasons: [far]\n"
    other = BODY.replace("example.chat", "example.two").replace("x.example", "z.example").replace("y.", "w.")
    write(tmp_path, BODY + more + other + "    operator: {contested: true}\n", head=head)
    one, two = load_catalog([tmp_path]).signatures
    assert [reason.text for reason in one.reasons] == ["far away", "the law", "the terms"]
    assert [reason.text for reason in two.reasons] == ["far away", "the terms"]
    assert one.alternatives == ("B", "C")


def test_every_error_of_every_file_is_said(tmp_path: Path) -> None:
    write(tmp_path, BODY.replace("x.example, y", "X.example, y"), head=REGIONS + VENDOR)
    write(tmp_path, BODY.replace("service:", "sevice:"), "b.yaml", REGIONS + VENDOR)
    write(tmp_path, BODY.replace(".chat", ".c") + "    reasons: [lwa]\n", "c.yaml", REGIONS + VENDOR)
    (tmp_path / "_shared.yaml").write_text(
        "reasons: {law: {text: t, source: s, date: 2017-06-28}}\ndefault_reasons: {ai: [lawx]}\n"
        "category_reasons: {chat: [lawy]}\n"
    )
    assert errors(tmp_path) == [
        "_shared.yaml:2:24: unknown reason 'lawx' (did you mean 'law'?)",
        "_shared.yaml:3:27: unknown reason 'lawy' (did you mean 'law'?)",
        "b.yaml:10:5: missing option 'service' (add 'service: ...')",
        "b.yaml:11:5: unknown option 'sevice' (did you mean 'service'?)",
        "c.yaml:19:15: unknown reason 'lwa' (did you mean 'law'?)",
        "example.yaml:15:18: bad host 'X.example' (write 'x.example': lower case, no blanks, no final dot)",
    ]


def test_a_later_directory_replaces_and_adds(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    first.mkdir()
    second.mkdir()
    write(first, BODY, head=REGIONS + VENDOR)
    write(second, BODY.replace("x.example", "new.example"), head=REGIONS + VENDOR)
    catalog = load_catalog([first, second])
    assert len(catalog.signatures) == 1
    assert catalog.match_name("new.example")
    assert catalog.match_name("x.example") is None


def test_the_same_signature_twice_in_a_directory_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, BODY, head=REGIONS + VENDOR)
    write(tmp_path, BODY, "second.yaml", REGIONS + VENDOR)
    with pytest.raises(
        ConfigErrors, match=r"second\.yaml:10:5: duplicate signature 'example\.chat' \(first at .*example"
    ):
        load_catalog([tmp_path])


def test_disabled_signatures_are_left_out(tmp_path: Path) -> None:
    write(tmp_path, BODY, head=REGIONS + VENDOR)
    write(tmp_path, BODY.replace("example.chat", "example.other"), "second.yaml", REGIONS + VENDOR)
    (left,) = load_catalog([tmp_path], disabled=["example.chat"]).signatures
    assert left.id == "example.other"


def test_the_version_follows_the_files(tmp_path: Path) -> None:
    write(tmp_path, BODY, head=REGIONS + VENDOR)
    before = load_catalog([tmp_path]).version
    assert before.startswith("2026.11.01+")
    assert load_catalog([tmp_path]).version == before
    write(tmp_path, BODY + "# reviewed\n", head=REGIONS + VENDOR)
    assert load_catalog([tmp_path]).version != before


def test_a_missing_folder_and_broken_shared_file_are_said(tmp_path: Path) -> None:
    assert errors(tmp_path / "nothing")[0].startswith("nothing: no such folder")
    (tmp_path / "_shared.yaml").write_text("reason: {}\n")
    assert errors(tmp_path) == ["_shared.yaml:1:1: unknown option 'reason' (did you mean 'reasons'?)"]


def test_a_folder_that_may_not_be_looked_into_is_not_taken_for_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied", str(path))

    write(tmp_path, BODY, head=REGIONS + VENDOR)
    monkeypatch.setattr(signatures, "entries", refused)
    with pytest.raises(ConfigErrors, match=f"{tmp_path}: cannot be read: Permission denied .* may not read it"):
        load_catalog([tmp_path])


def test_a_catalogue_of_nothing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="nothing would be recognised"):
        load_catalog([tmp_path])
    (tmp_path / "mine.yml").write_text("vendor: Example\n")
    with pytest.raises(ConfigErrors, match=r"mine\.yml: is not read \(signature files end in \.yaml: rename it\)"):
        load_catalog([tmp_path])


def test_a_file_in_a_folder_below_is_not_read_in_silence(tmp_path: Path) -> None:
    for folder in ("mine", "..data"):  # the second as a Kubernetes volume has it
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "example.yaml").write_text("vendor: Example\n")
    with pytest.raises(ConfigErrors, match=r"mine/example\.yaml: is not read") as caught:
        load_catalog([tmp_path])
    assert [str(error).split(":")[0] for error in caught.value.errors] == [str(tmp_path / "mine/example.yaml")]


def test_the_bundled_catalogue_is_as_large_as_promised(bundled: Catalog) -> None:
    assert len({signature.vendor for signature in bundled.signatures}) >= 60
    assert sum(len(signature.hosts) for signature in bundled.signatures) >= 350


@pytest.mark.parametrize(
    ("name", "signature_id", "service_class"),
    [
        ("chat.qwen.ai", "alibaba.qwen-chat", "ai"),
        ("tongyi.aliyun.com", "alibaba.qianwen", "ai"),
        ("dashscope.aliyuncs.com", "alibaba.dashscope", "ai"),
        ("dashscope-intl.aliyuncs.com", "alibaba.dashscope-international", "ai"),
        ("ws.us-east-1.maas.aliyuncs.com", "alibaba.model-studio-international", "ai"),
        ("svc.1.cn-shanghai.pai-eas.aliyuncs.com", "alibaba.pai-eas", "ai"),
        ("lingma-api.tongyi.aliyun.com", "alibaba.lingma", "ai"),
        ("oapi.dingtalk.com", "alibaba.dingtalk", "embedded"),
        ("pan.quark.cn", "alibaba.quark", "embedded"),
        ("ai.quark.cn", "alibaba.quark-ai", "ai"),
        ("mirrors.aliyun.com", "alibaba.cloud", "cloud"),
        ("bucket.oss-cn-hangzhou.aliyuncs.com", "alibaba.cloud", "cloud"),
        ("www.alibabacloud.com", "alibaba.cloud-international", "cloud"),
        ("www.taobao.com", "alibaba.shopping", "broad"),
        ("g.alicdn.com", "alibaba.cdn", "broad"),
        ("registry.npmmirror.com", "alibaba.npm-mirror", "broad"),
        ("api.deepseek.com", "deepseek.api", "ai"),
        ("aip.baidubce.com", "baidu.qianfan", "ai"),
        ("bos.bj.bcebos.com", "baidu.cloud", "cloud"),
        ("www.baidu.com", "baidu.web", "broad"),
        ("dns.alidns.com", "alibaba.dns", "resolver"),
    ],
)
def test_the_class_is_judged_row_by_row(bundled: Catalog, name: str, signature_id: str, service_class: str) -> None:
    match = bundled.match_name(name)
    assert match is not None
    assert (match.signature.id, match.signature.service_class) == (signature_id, service_class)


@pytest.mark.parametrize(
    "name",
    [
        *("notqwen.ai", "qwen-ai.chat", "deepseek.chat", "deepseeks.com", "quiz.ai", "xn.cn", "qwenlm.github.io"),
        *("api.together.xyz", "api.groq.com", "huggingface.co", "openrouter.ai", "localhost", "wanxiangauto.com"),
        *("bedrock-runtime.us-east-1.amazonaws.com", "api.fireworks.ai", "registry.ollama.ai", "qwen.ai.example.com"),
        *("dns.google", "cloudflare-dns.com", "dns.quad9.net", "dns.nextdns.io", "mask.icloud.com"),
    ],
)
def test_look_alikes_western_hosts_and_other_resolvers_are_not_in_it(bundled: Catalog, name: str) -> None:
    assert bundled.match_name(name) is None


def test_resolvers_are_matched_by_address_and_port(bundled: Catalog) -> None:
    found = bundled.match_address(bytes([223, 5, 5, 5]), 443)
    assert found is not None
    assert found.signature.id == "alibaba.dns"
    assert bundled.match_address(bytes([223, 5, 5, 5]), 53) is None
    assert bundled.match_address(bytes([8, 8, 8, 8]), 443) is None


def test_no_line_about_a_place_contradicts_the_verdict(bundled: Catalog) -> None:
    for signature in bundled.signatures:
        claims_mainland = any("route to PRC infrastructure" in reason.text for reason in signature.reasons)
        assert not (claims_mainland and signature.operator.contested), signature.id
        abroad = [h.region for h in signature.hosts if h.region and h.region[:2] not in ("CN", "HK", "MO")]
        assert not (claims_mainland and abroad), signature.id


def test_a_folder_silences_what_is_before_it(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, name in ((first, "example.chat"), (second, "example.more")):
        folder.mkdir()
        body = f"  - {{id: {name}, service: x, category: chat, class: ai, hosts: [{{exact: a.example}}]}}\n"
        write(folder, body)
    (second / "_silence.yaml").write_text("silence: [example.chat]")
    assert [each.id for each in load_catalog([first, second]).signatures] == ["example.more"]
    (second / "_silence.yaml").write_text("silence:\n  - example.chat\n  - example.moor\n")
    with pytest.raises(ConfigErrors, match=r"_silence\.yaml:3:5: unknown signature 'example\.moor'.*'example\.more'"):
        load_catalog([first, second])
    (second / "_silence.yaml").write_text("silenced: []")
    with pytest.raises(ConfigErrors, match="unknown option 'silenced'"):
        load_catalog([first, second])


SCOPED = """\
  - id: example.chat
    service: Chat
    category: chat
    class: ai
    scope: stays
    hosts:
      - suffix: x.example
      - exact: api.x.example
        scope: {inference: any node, includes_mainland: true, source: a page, date: 2026-11-01}
    networks: [192.0.2.1]
    examples: [x.example]
"""
SCOPES = "scopes:\n  stays: {storage: the region, source: a page, date: 2026-11-01}\n"


def test_a_documented_scope_is_the_host_s_own_or_its_signature_s(tmp_path: Path) -> None:
    write(tmp_path, SCOPED, head=SCOPES + VENDOR)
    catalog = load_catalog([tmp_path])
    stays = Scope(storage="the region", inference=None, includes_mainland=None, source="a page", date="2026-11-01")
    anywhere = Scope(storage=None, inference="any node", includes_mainland=True, source="a page", date="2026-11-01")
    matches = catalog.match_name("www.x.example"), catalog.match_name("api.x.example")
    assert [match.scope for match in matches if match] == [stays, anywhere]
    at = catalog.match_address(bytes((192, 0, 2, 1)), None)
    assert at is not None
    assert at.scope == stays


def test_a_scope_that_is_not_defined_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, SCOPED.replace("scope: stays", "scope: stay"), head=SCOPES + VENDOR)
    (line,) = errors(tmp_path)
    assert "unknown scope 'stay' (did you mean 'stays'?)" in line
    write(tmp_path, SCOPED, head="scopes:\n  stays: {source: a page, date: 2026-11-01}\n" + VENDOR)
    (line,) = errors(tmp_path)
    assert "a scope has 'storage'" in line
