"""Turn the roles and formulas of docstrings into what a browser shows, for the documentation site."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object
from latex2mathml.converter import convert

ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):`~?([^`]+)`")
INLINE = re.compile(r":math:`([^`]+)`")
BLOCK = re.compile(r"^( *)\.\. math::\s*(.+(?:\n\1 +\S.*)*)", re.MULTILINE)


class BrowserDocstrings(Extension):
    """Apply :func:`for_browser` to every docstring."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """Convert the docstring of a module, class, function or attribute."""
        if obj.docstring:
            obj.docstring.value = for_browser(obj.docstring.value)


def for_browser(docstring: str) -> str:
    """Return a docstring with code in place of roles, and MathML in place of LaTeX."""
    displayed = BLOCK.sub(lambda block: block[1] + convert(" ".join(block[2].split()), display="block"), docstring)
    return ROLE.sub(r"`\1`", INLINE.sub(lambda formula: convert(formula[1]), displayed))
