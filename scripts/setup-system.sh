#!/bin/sh
# Installs the system packages that the tests need, on Debian and Ubuntu as root; elsewhere says what is
# missing. Does nothing, quickly, where all is there. Starts no service: tests start what they need.
# With `bench`, also what only the benchmarks compare Egret with.
set -eu

# command=package, one a line; the command tells whether the package is needed.
wanted='
cc=gcc
chromium=chromium
conntrack=conntrack
curl=curl
dig=bind9-dnsutils
dnsmasq=dnsmasq-base
ethtool=ethtool
ip=iproute2
mkfs.ext4=e2fsprogs
named-checkzone=bind9-utils
nats-server=nats-server
nft=nftables
nginx=nginx-light
node=nodejs
openssl=openssl
prometheus=prometheus
promtool=prometheus
python3-config=python3-dev
rsyslogd=rsyslog-openssl
amtool=prometheus-alertmanager
setpriv=util-linux
squid=squid
sysctl=procps
systemd-analyze=systemd
tcpdump=tcpdump
tcpreplay=tcpreplay
tshark=tshark
unbound-checkconf=unbound
'
[ "${1:-}" != bench ] || wanted="$wanted ndpiReader=libndpi-bin"

PATH="$PATH:/usr/sbin:/sbin"
missing_commands='' missing_packages='' services=''
for row in $wanted; do
    command -v "${row%%=*}" >/dev/null 2>&1 && continue
    missing_commands="$missing_commands ${row%%=*}"
    case " $missing_packages " in *" ${row#*=} "*) ;; *) missing_packages="$missing_packages ${row#*=}" ;; esac
done
if [ -z "$missing_packages" ]; then
    echo "setup-system: all there"
    exit 0
fi

if [ "$(id -u)" -ne 0 ]; then
    why='not root'
elif ! command -v apt-get >/dev/null 2>&1; then
    why='no apt-get here: install them your own way'
else
    why=''
fi
if [ -n "$why" ]; then
    echo "setup-system: missing commands:$missing_commands" >&2
    echo "setup-system: $why; on Debian as root: apt-get install --no-install-recommends$missing_packages" >&2
    exit 1
fi

# While this file says no, no package starts its service (invoke-rc.d asks it).
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi

export DEBIAN_FRONTEND=noninteractive
echo "setup-system: installing$missing_packages"
apt-get -qq update
# shellcheck disable=SC2086 # a list of words
apt-get -qq install --yes --no-install-recommends $missing_packages >/dev/null

# Nor at the next start of the machine, for what came with this run.
if [ -d /run/systemd/system ]; then
    for package in $missing_packages; do
        case $package in
            nginx-light) services="$services nginx.service" ;;
            rsyslog-openssl) services="$services rsyslog.service" ;;
            nats-server | prometheus | prometheus-alertmanager | squid | unbound) services="$services $package.service" ;;
        esac
    done
    # shellcheck disable=SC2086
    [ -z "$services" ] || systemctl disable --quiet $services
fi

for row in $wanted; do
    command -v "${row%%=*}" >/dev/null 2>&1 || { echo "setup-system: still missing: ${row%%=*}" >&2; exit 1; }
done
echo "setup-system: done"
