"""What runs in the internet of the test world: resolver, web server, HTTP/3 server."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.patience import wait_until
from tests.support.world.certificates import Identity
from tests.support.world.namespaces import Namespace
from tests.support.world.plan import BROWSED, BY_NAME, PORTAL, QUIC_NAMES, RESOLVER, SITES, Site

HERE = Path(__file__).parent
LISTENING = (("tcp", f"{RESOLVER}:53"), ("tcp", ":443"), ("tcp", ":8443"), ("tcp", ":80"), ("udp", ":443"))

NGINX = """
daemon off; worker_processes 1; user root; pid {folder}/nginx.pid; error_log {folder}/nginx.err;
events {{ worker_connections 256; }}
http {{
  log_format world '$remote_addr $server_addr $server_port $ssl_server_name $host $server_protocol';
  access_log {folder}/nginx.access world;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3;
  root {folder}/pages; default_type text/html;
  server {{
    listen 80; listen [::]:80;
    listen 443 ssl http2; listen [::]:443 ssl http2; listen 8443 ssl http2; listen [::]:8443 ssl http2;
    location / {{ try_files $uri /index.html; }}
  }}
}}
"""


def start_services(internet: Namespace, folder: Path, identity: Identity) -> None:
    """Start all three, logs in *folder*; back when every port listens."""
    _start_resolver(internet, folder)
    _start_web(internet, folder, identity)
    addresses = [BY_NAME[name].v4 for name in QUIC_NAMES]
    script = [sys.executable, str(HERE / "h3_server.py"), str(identity.certificate), str(identity.key)]
    internet.start([*script, *addresses], folder / "h3.log")
    wait_until(lambda: _listening(internet), f"resolver and web servers listening; logs in {folder}")


def _start_resolver(internet: Namespace, folder: Path) -> None:
    lines = ["no-resolv", "no-hosts", "local=/#/", "user=root", "bind-interfaces", "local-ttl=60"]
    lines += [f"listen-address={RESOLVER}", f"pid-file={folder}/dnsmasq.pid", "log-facility=-", "log-queries"]
    lines += [line for site in SITES for line in _records(site)]
    config = folder / "dnsmasq.conf"
    config.write_text("\n".join(lines) + "\n")
    internet.start(["dnsmasq", "--keep-in-foreground", f"--conf-file={config}"], folder / "dnsmasq.log")


def _records(site: Site) -> list[str]:
    owner = site.via or site.name
    addresses = ",".join(filter(None, (site.v4, site.v6)))
    record = f"host-record={owner},{addresses}"
    return [record, f"cname={site.name},{site.via}"] if site.via else [record]


def _start_web(internet: Namespace, folder: Path, identity: Identity) -> None:
    pages = folder / "pages"
    pages.mkdir()
    (pages / "index.html").write_text("<!doctype html><title>world</title>\n")
    (pages / PORTAL).write_text(portal_page())
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, certificate=identity.certificate, key=identity.key))
    internet.start(["nginx", "-p", str(folder), "-c", str(config)], folder / "nginx.log")


def portal_page() -> str:
    """One page that makes a browser visit every name in BROWSED: one browser start does for all."""
    pictures = "".join(f'<img src="https://{name}/dot.png">' for name in BROWSED)
    return f"<!doctype html><title>portal</title>{pictures}\n"


def _listening(internet: Namespace) -> bool:
    sockets = [line.split() for line in internet.run("ss", "-Hlntu").splitlines()]
    seen = {(fields[0], fields[4]) for fields in sockets}
    return all(any(kind == t and local.endswith(end) for t, local in seen) for kind, end in LISTENING)
