"""The page of a review in Chromium: watched, waited for and read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from browser_review import RunningReview

WINDOW = {"width": 1366, "height": 768}
LARGE = {"width": 1920, "height": 1080}
Photograph = Callable[[Any, str], None]
RUN_MS = 60_000
LOCAL = ("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:http://127.0.0.1:")
PICTURES = 'document.querySelectorAll(".view img").length === 4 && \
[...document.querySelectorAll(".view img")].every((image) => image.naturalWidth > 100 && image.offsetParent)'


def watched_page(browser: Any, review: RunningReview, window: dict[str, int]) -> Iterator[Any]:
    """Yield a page and see at the end that it was well behaved."""
    context = browser.new_context(viewport=window, accept_downloads=True)
    page = context.new_page()
    troubles: list[str] = []
    addresses: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if is_trouble(message) else None)
    page.on("request", lambda request: addresses.append(request.url))
    page.on("websocket", lambda socket: addresses.append(socket.url))
    page.goto(review.address)
    page.wait_for_function(PICTURES, timeout=RUN_MS)
    yield page
    context.close()
    foreign = [address for address in addresses if not address.startswith(LOCAL)]
    assert foreign == [], foreign
    assert troubles == [], "\n".join(troubles)


def is_trouble(message: Any) -> bool:
    """Tell whether something is wrong; a refused upload is what it should be."""
    return message.type == "error" and "/upload" not in message.location.get("url", "")


def run(page: Any) -> None:
    """Find tumours unless that was done."""
    if not page.evaluate("window.trame.state.get('threshold').ready"):
        page.click('[data-do="run"]')
    page.wait_for_function("window.trame.state.get('threshold').ready", timeout=RUN_MS)


def shown(page: Any, part: str) -> dict[str, Any]:
    """Return what the page was told to show."""
    return page.evaluate("(part) => window.trame.state.get(part)", part)


def wait_for(page: Any, part: str, field: str, value: Any) -> None:
    """Wait until a part of the page shows a value."""
    page.wait_for_function(
        "([part, field, value]) => JSON.stringify(window.trame.state.get(part)[field]) === value",
        arg=[part, field, json.dumps(value, separators=(",", ":"))],
    )


def volume_of(label_map: Any) -> str:
    """Return the volume of a label map as the page writes it."""
    from CAMLocalizerLib.workbench.presenter import volume_text

    return volume_text(int(label_map.array_kji.sum()) * label_map.grid.voxel_volume_mm3 / 1000)


def still(page: Any, view: str) -> bytes:
    """Return the picture of a view once it does not change any more."""
    box = page.locator(f'[data-view="{view}"] img')
    before = b""
    while (picture := box.screenshot()) != before:
        before = picture
        page.wait_for_timeout(250)
    return picture
