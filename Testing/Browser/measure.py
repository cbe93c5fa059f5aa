"""How long the pictures of the review take to follow a slider, in a real browser."""

from __future__ import annotations

import tempfile
from pathlib import Path

from browser_review import PREPARED, RunningReview, chromium

WARM_UP = 5
SETTLING_MS = 1000  # for the surface and the first pictures
PAUSE_MS = 40  # between two events, as a user makes
WINDOW = {"width": 1920, "height": 1080}
LOWEST, HIGHEST = 0.30, 0.70
# Moves the threshold as a user does and waits until all three slice views have painted a picture that was made later.
DRAG = """
async ([positions, pause]) => {
  const slider = document.querySelector('[data-slide="threshold"]');
  const views = ["Red", "Green", "Yellow"].map((view) => document.querySelector(`[data-view="${view}"] img`));
  const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const renewed = (image) => new Promise((done) => {
    const observer = new MutationObserver(() => { observer.disconnect(); image.decode().then(done, done); });
    observer.observe(image, { attributes: true, attributeFilter: ["src"] });
  });
  const times = [];
  for (const position of positions) {
    const pictures = views.map(renewed);
    const begin = performance.now();
    slider.value = position;
    slider.dispatchEvent(new Event("input", { bubbles: true }));
    await Promise.all(pictures);
    await painted();
    times.push(performance.now() - begin);
    await new Promise((done) => setTimeout(done, pause));
  }
  slider.dispatchEvent(new Event("change", { bubbles: true }));
  return times;
}
"""


def slider_to_picture_ms(file: Path | str, count: int) -> list[float]:
    """Return the milliseconds from events of the threshold's slider until the page has painted what they lead to.

    Args:
        file: the volume to review; the review itself is prepared without a network.
        count: how many events.
    """
    positions = [LOWEST + (HIGHEST - LOWEST) * (number * 7 % 11) / 10 for number in range(count + WARM_UP)]
    with (
        tempfile.TemporaryDirectory() as folder,
        RunningReview([file, folder], script=PREPARED) as review,
        chromium() as browser,
    ):
        page = browser.new_page(viewport=WINDOW)
        page.goto(review.address)
        page.wait_for_selector('[data-slide="threshold"]:not(:disabled)')
        page.wait_for_function('[...document.querySelectorAll(".view img")].every((image) => image.naturalWidth > 100)')
        page.wait_for_timeout(SETTLING_MS)
        times: list[float] = page.evaluate(DRAG, [positions, PAUSE_MS])
    return times[WARM_UP:]
