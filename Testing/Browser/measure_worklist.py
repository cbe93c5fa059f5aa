"""How fast a worklist opens, scrolls and shows the next case, in a real browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from browser_review import RunningReview, chromium

SCRIPT = Path(__file__).with_name("prepared_worklist.py")
WINDOW = {"width": 1920, "height": 1080}
QUIET_MS = 400  # without a new picture: the case is complete
SETTLING_MS = 3000  # until the next cases are ready
LIMIT_MS = 120_000
# Scrolls the list to a place and waits until its cases are there.
SCROLL = """
async (first) => {
  const list = document.querySelector(".cases");
  const begin = performance.now();
  list.scrollTop = first * 60;
  const shown = () => [...document.querySelectorAll(".case")].some((row) => row.style.top === `${first * 60}px`);
  while (!shown()) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - begin;
}
"""
# Presses the key of the next case; returns when all three slice views showed it first, and when the last picture came.
NEXT = """
async (quiet) => {
  const views = ["Red", "Green", "Yellow"].map((view) => document.querySelector(`[data-view="${view}"] img`));
  const counts = [0, 0, 0];
  let all = 0, last = 0;
  const observers = views.map((image, at) => {
    const observer = new MutationObserver(() => image.decode().then(() => {
      counts[at] += 1;
      last = performance.now();
      if (!all && counts.every((count) => count > 0)) all = last;
    }, () => {}));
    observer.observe(image, { attributes: true, attributeFilter: ["src"] });
    return observer;
  });
  const begin = performance.now();
  document.body.dispatchEvent(new KeyboardEvent("keydown", { key: "j", bubbles: true }));
  while (!all || performance.now() - last < quiet) await new Promise((done) => setTimeout(done, 10));
  observers.forEach((observer) => observer.disconnect());
  return [all - begin, last - begin];
}
"""


def worklist_times(folder: Path | str, count: int) -> dict[str, list[float]]:
    """Return milliseconds until the list is drawn, until a place in it is, and until the next case is shown.

    Args:
        folder: of scans whose worklist is filled already.
        count: how many places and cases.
    """
    found: dict[str, Any] = {"open_ms": [], "scroll_ms": [], "next_ms": [], "complete_ms": []}
    with RunningReview([folder, "measure"], script=SCRIPT) as review, chromium() as browser:
        page = browser.new_page(viewport=WINDOW)
        begin = time.perf_counter()
        page.goto(review.address)
        page.wait_for_selector(".case", timeout=LIMIT_MS)
        found["open_ms"].append(1000 * (time.perf_counter() - begin))
        page.wait_for_function("window.trame.state.get('threshold').ready", timeout=LIMIT_MS)
        total = page.evaluate("window.trame.state.get('worklist').total")
        for number in range(count):
            found["scroll_ms"].append(page.evaluate(SCROLL, (number * 7919 + total // 2) % (total - 20)))
        for _ in range(count):
            page.wait_for_timeout(SETTLING_MS)
            first, last = page.evaluate(NEXT, QUIET_MS)
            found["next_ms"].append(first)
            found["complete_ms"].append(last)
    return found
