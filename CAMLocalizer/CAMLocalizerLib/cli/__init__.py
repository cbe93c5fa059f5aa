"""The command line ``camlocalizer``; opens without torch."""

from .main import main

__all__ = ["main"]
