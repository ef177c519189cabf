#!/usr/bin/env bash
# Put Egret in place as a service, or take it away again.
# usage: install.sh install|uninstall
#   DESTDIR=DIR  stage the files below DIR and touch no user and no service manager (packages, tests)
#   PYTHON=...   the Python to use (3.11 or later)
#   EXTRAS=...   what only some outputs need, as in kafka,nats
set -euo pipefail
cd "$(dirname "$0")/.."

action=${1:-}
destdir=${DESTDIR:-}
python=${PYTHON:-python3}
program=/opt/egret
config=/etc/egret/egret.yaml
unit=/etc/systemd/system/egret.service
state=/var/lib/egret

fail() { echo "install: $*" >&2; exit 1; }
has_systemd() { [ -z "$destdir" ] && [ -d /run/systemd/system ]; }

need_root() {
  [ -n "$destdir" ] || [ "$(id -u)" = 0 ] || fail "run it as root (sudo make $action), or set DESTDIR to stage the files"
}

make_user() {
  [ -z "$destdir" ] || return 0
  getent group egret >/dev/null || groupadd --system egret
  getent passwd egret >/dev/null ||
    useradd --system --gid egret --home-dir "$state" --no-create-home --shell /usr/sbin/nologin --comment "Egret network monitor" egret
}

put_program() {
  [ -x "$destdir$program/bin/pip" ] || "$python" -m venv "$destdir$program" || fail "cannot make $program: install python3-venv"
  PIP_DISABLE_PIP_VERSION_CHECK=1 "$destdir$program/bin/python" -m pip install --quiet --upgrade --constraint constraints.txt ".${EXTRAS:+[$EXTRAS]}" 2> >(grep -v '^WARNING: Location' >&2)
  [ -z "$destdir" ] || forget_stage
}

forget_stage() { # a virtual environment holds its own path; the files are going to another one
  grep -rlIZ -- "$destdir$program" "$destdir$program/bin" "$destdir$program/pyvenv.cfg" |
    xargs -0r sed -i "s|$destdir$program|$program|g"
}

put_files() {
  install -D -m 0644 deploy/systemd/egret.service "$destdir$unit"
  install -m 0644 deploy/systemd/egret-geoip.service deploy/systemd/egret-geoip.timer "$destdir${unit%/*}"
  install -d -m 0750 "$destdir$(dirname $config)" "$destdir$(dirname $config)/signatures.d"
  install -d -m 0700 "$destdir$state"
  if [ -e "$destdir$config" ]; then
    echo "kept your $config; the new defaults are in $config.new"
    install -m 0640 deploy/egret.yaml "$destdir$config.new"
  else
    install -m 0640 deploy/egret.yaml "$destdir$config"
  fi
  if [ -z "$destdir" ]; then
    chown -R root:egret "$(dirname $config)"
    chown egret:egret "$state"
  fi
}

install_all() {
  need_root
  make_user
  put_program
  put_files
  ! has_systemd || systemctl daemon-reload
  cat <<TXT
Egret is in $destdir$program, its config in $config.
  $program/bin/egret doctor                 can this machine do it?
  $program/bin/egret check                  is the config right?
  systemctl enable --now egret          start it, now and at every boot
  http://127.0.0.1:9477/                the status page
TXT
}

uninstall_all() {
  need_root
  ! has_systemd || systemctl disable --now egret egret-geoip.timer 2>/dev/null || true
  rm -f "$destdir$unit" "$destdir${unit%/*}"/egret-geoip.service "$destdir${unit%/*}"/egret-geoip.timer
  rm -rf -- "$destdir$program"
  ! has_systemd || systemctl daemon-reload
  echo "removed; $config and $state are kept, with the user egret"
}

case $action in
  install) install_all ;;
  uninstall) uninstall_all ;;
  *) fail "usage: install.sh install|uninstall" ;;
esac
