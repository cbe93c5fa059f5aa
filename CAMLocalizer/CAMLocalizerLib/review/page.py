"""The page as trame shows it: put together from the templates beside it."""

from __future__ import annotations

from typing import Any

from trame.ui.html import DivLayout

from . import pages

FRAGMENTS = ("icons", "toolbar", "worklist", "scan", "settings", "views", "answers", "results", "dialogs")
MODULE = {
    "serve": {pages.WEB_ROUTE: str(pages.WEB)},
    "styles": [f"{pages.WEB_ROUTE}/review.css"],
    "scripts": [f"{pages.WEB_ROUTE}/review.js"],
}


def build_page(server: Any) -> DivLayout:
    """Give trame the page, its look and its script."""
    server.enable_module(MODULE)
    server.state["trame__title"] = pages.TITLE
    server.state["trame__favicon"] = f"{pages.WEB_ROUTE}/icon.png"
    server.state["trame__template_error"] = pages.text("ended.html")  # shown when the connection is gone
    template = pages.text("page.html")
    for name in FRAGMENTS:
        template = template.replace(f"{{{name}}}", pages.text(f"{name}.html"))
    with DivLayout(server) as layout:
        layout.root.add_child(template)
    return layout
