"""Classifiers whose feature maps localise tumours."""

from __future__ import annotations

from .dcfpn import DCFPN

__all__ = ["DCFPN"]
