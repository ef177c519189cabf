"""What a worker is handed, small and with documentation addresses only."""

from __future__ import annotations

from egret.catalog.resolvers import Resolver
from egret.model import ServiceClass
from egret.worker.equipment import Equipment
from tests.support.pipeline import CATALOG

PLAIN = Equipment(
    generation=1,
    signatures=CATALOG.signatures,
    version="2",
    resolvers=(Resolver(operator="Example DNS Inc.", country="US", names=("doh.example",)),),
    count_sars=True,
    measured=(ServiceClass.AI,),
    inside=("192.0.2.0/24",),
    relays=(),
    databases=None,
    geolocate_reserved=True,
)
