"""The pages around the review: refused, occupied, and the frame that trame fills."""

from __future__ import annotations

import re
from html import escape
from pathlib import Path

from aiohttp import web

WEB = Path(__file__).with_name("web")
WEB_ROUTE = "review-web"  # where the browser finds the files of this folder
TITLE = "CAMLocalizer review"


def refused(sentence: str) -> web.Response:
    """Return the answer 403 with a sentence."""
    body = text("refused.html").replace("{sentence}", escape(sentence))
    return web.Response(status=web.HTTPForbidden.status_code, text=body, content_type="text/html")


def occupied() -> web.Response:
    """Return the page that waits for the other window to be closed."""
    return web.Response(status=web.HTTPConflict.status_code, text=text("occupied.html"), content_type="text/html")


def frame(client: Path) -> web.Response:
    """Return trame's own page under our name, with nothing of its maker's and no script inside it.

    Args:
        client: folder of trame's client, which knows the names of its files.
    """
    body = (client / "index.html").read_text(encoding="utf-8")
    body = re.sub(r"<title>.*?</title>", f"<title>{TITLE}</title>", body, flags=re.DOTALL)
    body = re.sub(r'<meta\s+name="(description|keywords)".*?/>', "", body, flags=re.DOTALL)
    body = re.sub(r'href="logo.png"', f'href="{WEB_ROUTE}/icon.png"', body)
    body = re.sub(r"(?<=<body>).*(?=</body>)", lambda _: text("loading.html"), body, flags=re.DOTALL)
    return web.Response(text=body, content_type="text/html")


def text(name: str) -> str:
    """Return a file of the page."""
    return (WEB / name).read_text(encoding="utf-8")
