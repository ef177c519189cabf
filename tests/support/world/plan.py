"""Who lives where in the test world, and what its resolver says. Documentation addresses only."""

from __future__ import annotations

from typing import NamedTuple

RESOLVER = "198.51.100.53"
GATEWAY_INSIDE = "192.0.2.1"
GATEWAY_INSIDE_6 = "2001:db8:1::1"
GATEWAY_OUTSIDE = "198.51.100.1"
GATEWAY_OUTSIDE_6 = "2001:db8:0:1::1"
INTERNET = "198.51.100.2"
INTERNET_6 = "2001:db8:0:1::2"


class Host(NamedTuple):
    """One client machine on the lan."""

    name: str
    v4: str
    v6: str
    mac: str


LAPTOP = Host("laptop", "192.0.2.11", "2001:db8:1::11", "00:00:5e:00:53:11")
DESKTOP = Host("desktop", "192.0.2.12", "2001:db8:1::12", "00:00:5e:00:53:12")
BUILDER = Host("builder", "192.0.2.13", "2001:db8:1::13", "00:00:5e:00:53:13")
BROWSER = Host("browser", "192.0.2.14", "2001:db8:1::14", "00:00:5e:00:53:14")
HOSTS = (LAPTOP, DESKTOP, BUILDER, BROWSER)
_DEVICES = {address: host.v4 for host in HOSTS for address in (host.v4, host.v6)}


def device(address: str) -> str:
    """The IPv4 address of the machine that *address* is of: to Egret all its addresses are one client."""
    return _DEVICES.get(address, address)


class Network(NamedTuple):
    """A network of the test's address database."""

    cidr: str
    country: str
    asn: int
    as_org: str


NETWORKS = (  # later ones cut into earlier ones; which network a service is really in is not this table's to say
    Network("203.0.113.0/26", "CN", 37963, "Hangzhou Alibaba Advertising Co.,Ltd."),
    Network("203.0.113.15/32", "CN", 55990, "Huawei Cloud Service data center"),
    Network("203.0.113.16/32", "CN", 55990, "Huawei Cloud Service data center"),
    Network("203.0.113.17/32", "CN", 38365, "Beijing Baidu Netcom Science and Technology Co., Ltd."),
    Network("203.0.113.18/32", "CN", 45090, "Shenzhen Tencent Computer Systems Company Limited"),
    Network("203.0.113.20/32", "CN", 137718, "Beijing Volcano Engine Technology Co., Ltd."),
    Network("2001:db8:2:c::/64", "CN", 37963, "Hangzhou Alibaba Advertising Co.,Ltd."),
    Network("2001:db8:2:c::17/128", "CN", 38365, "Beijing Baidu Netcom Science and Technology Co., Ltd."),
    Network("203.0.113.64/26", "SG", 45102, "Alibaba (US) Technology Co., Ltd."),
    Network("203.0.113.128/25", "US", 64496, "Example Hosting"),
    Network("2001:db8:2:a::/64", "US", 64496, "Example Hosting"),
)


class Says(NamedTuple):
    """What a flagged name is, by the public sources that the catalogue rests on."""

    vendor: str
    service_class: str
    signature: str


class Site(NamedTuple):
    """A name the resolver knows, and where it is served."""

    name: str
    v4: str
    v6: str | None = None
    via: str | None = None  # the name is an alias of this one, as at a content network
    says: Says | None = None  # None: an ordinary name, nothing to alert about


FLAGGED = (
    Site("qwen.ai", "203.0.113.10", "2001:db8:2:c::10", says=Says("Alibaba", "ai", "alibaba.qwen-chat")),
    Site("chat.qwen.ai", "203.0.113.11", says=Says("Alibaba", "ai", "alibaba.qwen-chat")),
    Site("dashscope.aliyuncs.com", "203.0.113.12", says=Says("Alibaba", "ai", "alibaba.dashscope")),
    Site("www.aliyun.com", "203.0.113.13", says=Says("Alibaba", "cloud", "alibaba.cloud")),
    Site("oapi.dingtalk.com", "203.0.113.14", says=Says("Alibaba", "embedded", "alibaba.dingtalk")),
    Site("api.deepseek.com", "203.0.113.15", says=Says("DeepSeek", "ai", "deepseek.api")),
    Site(
        "chat.deepseek.com",
        "203.0.113.16",
        via="chat.deepseek.com.cdn.example.net",
        says=Says("DeepSeek", "ai", "deepseek.chat"),
    ),
    Site("yiyan.baidu.com", "203.0.113.17", "2001:db8:2:c::17", says=Says("Baidu", "ai", "baidu.ernie-bot")),
    Site("yuanbao.tencent.com", "203.0.113.18", says=Says("Tencent", "ai", "tencent.yuanbao")),
    Site(
        "www.taobao.com",
        "203.0.113.19",
        via="www.taobao.com.cdn.example.net",
        says=Says("Alibaba", "broad", "alibaba.shopping"),
    ),
    Site("www.doubao.com", "203.0.113.20", says=Says("ByteDance", "ai", "bytedance.doubao")),
    Site("www.kimi.com", "203.0.113.21", says=Says("Moonshot AI", "ai", "moonshot.kimi")),
    Site("www.modelscope.cn", "203.0.113.22", says=Says("Alibaba", "ai", "alibaba.modelscope")),
    Site("tongyi.aliyun.com", "203.0.113.23", "2001:db8:2:c::23", says=Says("Alibaba", "ai", "alibaba.qianwen")),
    Site("dashscope-intl.aliyuncs.com", "203.0.113.65", says=Says("Alibaba", "ai", "alibaba.dashscope-international")),
)
ORDINARY = (
    Site("www.example.com", "203.0.113.130", "2001:db8:2:a::130"),
    Site("notqwen.ai", "203.0.113.131"),
    Site("huggingface.co", "203.0.113.132"),
    Site("openrouter.ai", "203.0.113.133"),
    Site("api.together.xyz", "203.0.113.134"),
    Site("qwen.ai.example.org", "203.0.113.135"),
    Site("static.example.net", "203.0.113.136", via="static.cdn.example.net"),
)
SITES = FLAGGED + ORDINARY
BY_NAME = {site.name: site for site in SITES}
UNNAMED = "203.0.113.140"  # serves, but no name leads to it
QUIC_NAMES = ("chat.qwen.ai", "www.kimi.com", "qwen.ai.example.org")
PORTAL = "portal.html"  # at www.example.com: its pictures make a browser visit these
BROWSED = (
    "chat.deepseek.com",
    "www.aliyun.com",
    "www.taobao.com",
    "notqwen.ai",
    "chat.qwen.ai",
    "qwen.ai.example.org",
)
