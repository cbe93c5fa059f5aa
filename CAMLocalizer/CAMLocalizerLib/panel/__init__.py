"""The panel of the Slicer module: each part a class of its own. The only package of the library that knows Qt."""

from .installer import Installer
from .panel import Panel

__all__ = ["Installer", "Panel"]
