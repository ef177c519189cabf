"""The door to ``maxminddb``, the reader inside ``geoip2``: for files that others wrote.

geoip2's own models know MaxMind's database types only, and refuse IPinfo's. The reader in C is ten times faster and
dies on a damaged file (measured: a map key that is no string is a segmentation fault), so this is the one in Python,
which raises.
"""

from __future__ import annotations

from io import BytesIO
from ipaddress import ip_address

import maxminddb

_PROBES = ("1.1.1.1", "114.114.114.114", "223.5.5.5", "8.8.8.8", "2400:3200::1", "2606:4700::1")


def open_vendor(content: bytes) -> maxminddb.Reader:
    """Open a database in memory, and look some addresses up to see that it is one.

    Raises:
        RuntimeError, ValueError, TypeError, OverflowError: it is none, or damaged.
    """
    reader = maxminddb.open_database(BytesIO(content), maxminddb.MODE_FD)
    for probe in map(ip_address, _PROBES):
        if reader.metadata().ip_version >= probe.version:
            reader.get(probe)
    return reader
