"""Egret: sees which outbound connections reach AI services run from the PRC."""

__version__ = "0.1.0"
