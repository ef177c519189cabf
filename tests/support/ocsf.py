"""Validators of OCSF events, from the package that has its schema."""

from __future__ import annotations

import functools

import jsonschema
from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

from egret.alerts.formats.ocsf import OCSF_VERSION


@functools.cache
def validator(class_name: str) -> jsonschema.Draft202012Validator:
    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=OCSF_VERSION))
    return jsonschema.Draft202012Validator(schema.get_class_schema(class_name=class_name, profiles=[]))
