from __future__ import annotations

import os
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from egret.catalog.match import Catalog
from egret.errors import GeoError, SourceError
from egret.geo.database import Content, GeoDatabase, read_file
from egret.model import NamedBy
from egret.worker.equipment import seal, unseal
from egret.worker.pipeline import Pipeline
from tests.support.equipment import PLAIN
from tests.support.geo import write_mmdb
from tests.support.pipeline import CATALOG, flow, seen


def test_what_is_sealed_comes_out_the_same_as_often_as_it_is_read() -> None:
    descriptor = seal(PLAIN)
    assert [unseal(os.dup(descriptor)) for _ in range(2)] == [PLAIN, PLAIN]
    with pytest.raises(PermissionError):
        os.write(descriptor, b"x")
    os.close(descriptor)


def test_a_pipeline_goes_on_with_other_knowledge() -> None:
    pipeline = Pipeline(Catalog((), "1"))
    assert pipeline.hits([seen("chat.example")]) == []
    unseal(seal(PLAIN)).use(pipeline, None)
    assert [hit.match.signature.id for hit in pipeline.hits([seen("chat.example")])] == ["example.chat"]
    assert pipeline.hits([seen("chat.example", client=bytes([198, 51, 100, 9]))]) == []
    pipeline.hits([flow("doh.example", NamedBy.HELLO)])
    assert pipeline.counts["encrypted_dns", "Example DNS Inc."] == 1
    assert pipeline.observer.answers is not None
    assert pipeline.proves
    replace(PLAIN, proves=False).use(pipeline, None)
    assert not pipeline.proves


def test_databases_go_with_it_and_without_them_those_of_the_fork_hold(tmp_path: Path) -> None:
    path = write_mmdb(tmp_path / "t.mmdb")
    pipeline = Pipeline(CATALOG)
    unseal(seal(replace(PLAIN, databases=(read_file(path),)))).use(pipeline, None)
    pipeline.hits([flow(server=bytes([203, 0, 113, 1]))])
    assert pipeline.counts["prc_hosted", "CN", "prc-ai-cloud"] == 1
    PLAIN.use(pipeline, GeoDatabase.open([path], geolocate_reserved=True))
    pipeline.hits([flow(server=bytes([203, 0, 113, 1]))])
    assert pipeline.counts["prc_hosted", "CN", "prc-ai-cloud"] == 2


def test_a_database_that_is_none_changes_nothing(tmp_path: Path) -> None:
    pipeline = Pipeline(CATALOG)
    bad = replace(PLAIN, signatures=(), databases=(Content(tmp_path / "x", b"nothing", "", trusted=False),))
    with pytest.raises(GeoError):
        bad.use(pipeline, None)
    assert pipeline.catalog is CATALOG


def unsealed() -> int:
    return os.memfd_create("x", os.MFD_ALLOW_SEALING)


def not_equipment() -> int:
    descriptor = seal(PLAIN)
    os.close(descriptor)
    return seal(pickle.dumps("text"))  # type: ignore[arg-type]


@pytest.mark.parametrize("make", [unsealed, not_equipment, lambda: os.open("/dev/null", os.O_RDONLY)])
def test_anything_else_is_refused_and_closed(make: object) -> None:
    assert callable(make)
    descriptor = make()
    with pytest.raises(SourceError):
        unseal(descriptor)
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)
