"""Section ``privacy``: what of a client may leave memory."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from egret.alerts.veil import CLEAR, Veil
from egret.alerts.veil import Field as Part
from egret.settings.pseudonyms import MIN_KEY, SivPseudonyms
from egret.settings.sections import Section
from egret.settings.values import SecretText


class Privacy(Section):
    """Pseudonyms for clients."""

    pseudonyms: bool = Field(
        default=False, description="Name clients by pseudonyms in the store, in alerts, on the page and in the API"
    )
    key: SecretText | None = Field(
        default=None, description="The key that undoes them, at least 32 characters; without it nobody can"
    )
    fields: tuple[Part, ...] = Field(default=tuple(Part), min_length=1, description="What is replaced")

    @model_validator(mode="after")
    def _has_a_key(self) -> Self:
        if self.pseudonyms and self.key is None:
            raise ValueError("pseudonyms need a key; make one with `openssl rand -hex 32` and write key: file:/path")
        if self.key is not None and len(self.key.reveal()) < MIN_KEY:
            raise ValueError(f"the key is shorter than {MIN_KEY} characters; make one with `openssl rand -hex 32`")
        return self

    def veil(self) -> Veil:
        """What incidents are said through."""
        if not self.pseudonyms or self.key is None:
            return CLEAR
        return Veil(SivPseudonyms(self.key.reveal(), self.fields))

    def revealing(self) -> Veil:
        """What undoes pseudonyms, be they in use now or no longer."""
        return CLEAR if self.key is None else Veil(SivPseudonyms(self.key.reveal(), self.fields))
