"""ECHConfigList: what a service's HTTPS record tells clients about Encrypted Client Hello (RFC 9849 section 4).

Of each configuration only what shows in a hello is kept: the config id, and the public name that the
client puts into its outer server_name.
"""

from __future__ import annotations

from egret import names
from egret.decode.reader import Reader
from egret.errors import DecodeError
from egret.value import Struct

MAX_CONFIGS = 8  # of one list; services publish one or two
_VERSION = 0xFE0D


class EchConfig(Struct, frozen=True):
    """One configuration, as far as it can be seen in a hello."""

    config_id: int
    public_name: str  # canonical


def parse_config_list(data: bytes) -> tuple[EchConfig, ...]:
    """The configurations of a version that we know, in their order; those before a fault stand. Raises nothing."""
    configs: list[EchConfig] = []
    reader = Reader(data)
    try:
        with reader.block(2):
            while reader.remaining and len(configs) < MAX_CONFIGS:
                config = _config(reader)
                if config is not None:
                    configs.append(config)
            reader.skip(reader.remaining)
    except DecodeError:
        return tuple(configs)
    return tuple(configs)


def _config(reader: Reader) -> EchConfig | None:
    version = reader.uint(2)
    with reader.block(2):
        if version != _VERSION:
            reader.skip(reader.remaining)
            return None
        config_id = reader.uint(1)
        reader.skip(2)  # kem_id
        for _ in range(2):  # public_key, cipher_suites
            reader.skip(reader.uint(2))
        reader.skip(1)  # maximum_name_length
        public_name = names.from_host(reader.take(reader.uint(1)))
        reader.skip(reader.uint(2))  # extensions
    return None if public_name is None else EchConfig(config_id, public_name)
