"""What the clients of the test world do, and what an observer must see of it.

The expectations are written from what each client was told to do, never from Egret's output.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tests.support.world import plan
from tests.support.world.certificates import Identity
from tests.support.world.plan import BROWSER, BUILDER, BY_NAME, DESKTOP, LAPTOP, Host

HERE = Path(__file__).parent


class Seen(NamedTuple):
    """One name that an observer at the gateway's inside must have seen; addresses as text."""

    client: str
    name: str
    protocol: str
    kind: str
    server: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Visit:
    """One command of one client."""

    host: Host
    tool: str
    arguments: tuple[str, ...]  # {ca}, {spki} and {folder} are filled in when it runs
    seen: tuple[Seen, ...]
    exit_codes: tuple[int, ...] = (0,)
    nameless: tuple[str, ...] = ()  # servers reached by a hello that carries no name


def _asked(host: Host, name: str) -> Seen:
    return Seen(host.v4, name, "dns", "query", plan.RESOLVER, 53)


def _hello(host: Host, name: str, port: int = 443, *, protocol: str = "tls", v6: bool = False) -> Seen:
    site = BY_NAME[name]
    if v6:
        return Seen(host.v6, name, protocol, "client_hello", str(site.v6), port)
    return Seen(host.v4, name, protocol, "client_hello", site.v4, port)


def _curl(name: str, *options: str, port: int = 443, v6: bool = False, lookup: bool = True) -> Visit:
    hello = _hello(LAPTOP, name, port, v6=v6)
    family = "-6" if v6 else "-4"
    url = f"https://{name}/" if port == 443 else f"https://{name}:{port}/"
    return Visit(
        host=LAPTOP,
        tool="curl",
        arguments=("curl", "-sS", "-m", "50", family, "--cacert", "{ca}", *options, url),
        seen=(_asked(LAPTOP, name), hello) if lookup else (hello,),
    )


def _curl_http(name: str) -> Visit:
    seen = Seen(LAPTOP.v4, name, "http", "request", BY_NAME[name].v4, 80)
    arguments = ("curl", "-sS", "-m", "50", "-4", f"http://{name}/")
    return Visit(host=LAPTOP, tool="curl", arguments=arguments, seen=(_asked(LAPTOP, name), seen))


def _dig(name: str, *options: str, spelled: str | None = None) -> Visit:
    arguments = ("dig", "+time=20", "+tries=2", *options, spelled or name)
    return Visit(host=DESKTOP, tool="dig", arguments=arguments, seen=(_asked(DESKTOP, name),))


def _openssl(address: str, *options: str, seen: tuple[Seen, ...] = (), nameless: tuple[str, ...] = ()) -> Visit:
    arguments = ("openssl", "s_client", "-connect", f"{address}:443", *options)
    return Visit(host=DESKTOP, tool="openssl", arguments=arguments, seen=seen, nameless=nameless)


def _python(name: str) -> Visit:
    code = (
        "import ssl, sys, urllib.request as u; "
        "print(u.urlopen(sys.argv[1], timeout=50, context=ssl.create_default_context(cafile=sys.argv[2])).status)"
    )
    arguments = (sys.executable, "-c", code, f"https://{name}/", "{ca}")
    return Visit(host=BUILDER, tool="python", arguments=arguments, seen=(_asked(BUILDER, name), _hello(BUILDER, name)))


def _python_v6(name: str) -> Visit:
    code = (
        "import socket, ssl, sys; c = ssl.create_default_context(cafile=sys.argv[3]); "
        "s = socket.create_connection((sys.argv[2], 443), 50); "
        "print(c.wrap_socket(s, server_hostname=sys.argv[1]).version())"
    )
    arguments = (sys.executable, "-c", code, name, str(BY_NAME[name].v6), "{ca}")
    return Visit(host=BUILDER, tool="python", arguments=arguments, seen=(_hello(BUILDER, name, v6=True),))


def _node(name: str) -> Visit:
    code = (
        "const o = {host: process.argv[1], ca: require('fs').readFileSync(process.argv[2]), timeout: 50000};"
        "require('https').get(o, r => { console.log(r.statusCode); r.resume(); });"
    )
    arguments = ("node", "-e", code, name, "{ca}")
    return Visit(host=BUILDER, tool="node", arguments=arguments, seen=(_asked(BUILDER, name), _hello(BUILDER, name)))


def _quic_v2(name: str) -> Visit:
    arguments = (sys.executable, str(HERE / "h3_client.py"), name, "{ca}")
    seen = (_asked(BUILDER, name), _hello(BUILDER, name, protocol="quic"))
    return Visit(host=BUILDER, tool="aioquic", arguments=arguments, seen=seen)


def _through_proxy(name: str, proxy: str) -> Visit:
    """A CONNECT request; the proxy of this world refuses it, which changes nothing for the observer."""
    arguments = ("curl", "-sS", "-m", "50", "--proxy", f"http://{BY_NAME[proxy].v4}:80", f"https://{name}/")
    seen = Seen(BUILDER.v4, name, "http", "connect", BY_NAME[proxy].v4, 80)
    return Visit(host=BUILDER, tool="curl", arguments=arguments, seen=(seen,), exit_codes=(56,))


# Chromium asks its maker's hosts at every start; in a world without them that is only noise.
CHROMIUM = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-default-apps"),
    "--host-resolver-rules=MAP *.google.com ~NOTFOUND, MAP *.googleapis.com ~NOTFOUND",
    *("--user-data-dir={folder}/chromium", "--ignore-certificate-errors-spki-list={spki}"),
)


def _chromium() -> Visit:
    quic = [name for name in plan.BROWSED if name in plan.QUIC_NAMES]
    force = ",".join(f"{name}:443" for name in quic)
    url = f"https://www.example.com/{plan.PORTAL}"
    seen = [_asked(BROWSER, name) for name in ("www.example.com", *plan.BROWSED)]
    seen += [_hello(BROWSER, name, protocol="quic" if name in quic else "tls") for name in plan.BROWSED]
    return Visit(
        host=BROWSER,
        tool="chromium",
        arguments=(*CHROMIUM, f"--origin-to-force-quic-on={force}", "--dump-dom", url),
        seen=tuple(seen),
    )


DINGTALK = BY_NAME["oapi.dingtalk.com"].v4

VISITS: tuple[Visit, ...] = (
    _chromium(),
    _curl("qwen.ai", "--http2"),
    _curl("dashscope.aliyuncs.com", "--http1.1"),
    _curl_http("api.deepseek.com"),
    _curl("dashscope-intl.aliyuncs.com", port=8443),
    _curl("yiyan.baidu.com", v6=True),
    _curl("www.doubao.com", "--resolve", f"www.doubao.com:443:{BY_NAME['www.doubao.com'].v4}", lookup=False),
    _curl("www.example.com", "--http2"),
    _curl("notqwen.ai"),
    _curl("openrouter.ai"),
    _curl_http("huggingface.co"),
    _openssl(BY_NAME["qwen.ai"].v4, "-servername", "QwEn.AI", seen=(_hello(DESKTOP, "qwen.ai"),)),
    _dig("www.modelscope.cn", "+noedns"),
    _dig("tongyi.aliyun.com", "+tcp", "-t", "AAAA"),
    _dig("yuanbao.tencent.com", "+bufsize=4096"),
    _dig("api.deepseek.com", spelled="API.DeepSeek.com"),
    _dig("oapi.dingtalk.com"),
    _openssl(DINGTALK, "-noservername", nameless=(DINGTALK,)),
    _openssl(plan.UNNAMED, "-noservername", nameless=(plan.UNNAMED,)),
    _dig("api.together.xyz"),
    _dig("qwen.ai.example.org", "+tcp"),
    _openssl(
        BY_NAME["static.example.net"].v4,
        *("-servername", "static.example.net"),
        seen=(_hello(DESKTOP, "static.example.net"),),
    ),
    _python("oapi.dingtalk.com"),
    _python_v6("qwen.ai"),
    _node("yuanbao.tencent.com"),
    _quic_v2("www.kimi.com"),
    _through_proxy("www.modelscope.cn", "static.example.net"),
    _python("huggingface.co"),
    _node("api.together.xyz"),
)


def fill(argument: str, identity: Identity, folder: Path) -> str:
    """Put the world's own files into one argument of a visit."""
    for mark, value in (("{ca}", identity.certificate), ("{spki}", identity.spki_hash), ("{folder}", folder)):
        argument = argument.replace(mark, str(value))
    return argument
