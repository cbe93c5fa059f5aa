"""Hooks of the documentation site: pages and pictures from outside ``docs``, and links that work in both places.

README, model cards and pages give the public address of files in this repository, so that they also work on the package
page, in the wheel and on the repository's own page. In the site such an address becomes a link to the page or picture
itself, and ``mkdocs build --strict`` reports the ones that do not exist.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
REPOSITORY = "https://github.com/CAMLocalizer/SlicerCAMLocalizer/blob/main/"
RAW = "https://raw.githubusercontent.com/CAMLocalizer/SlicerCAMLocalizer/main/"
SCREENSHOTS = "Resources/Screenshots"
# Pages that lie elsewhere in the repository, by their place in the site.
PAGES = {"changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md", "security.md": "SECURITY.md"}
CARD = "Resources/models/{}/README.md"


def on_files(files: Files, *, config: Any, **_: Any) -> Files:
    """Add the pages and pictures that lie outside ``docs``."""
    for place, source in places().items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    return files


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Link to pages and pictures of the site instead of the public repository."""
    return link_within_site(markdown, page.file.src_uri)


def places() -> dict[str, str]:
    """Return the files outside ``docs`` that the site shows: place in the site, path in the repository."""
    cards = {f"models/{path.name}.md": CARD.format(path.name) for path in sorted(ROOT.glob("Resources/models/*"))}
    pictures = {f"screenshots/{path.name}": f"{SCREENSHOTS}/{path.name}" for path in (ROOT / SCREENSHOTS).glob("*.png")}
    return PAGES | cards | pictures


def link_within_site(markdown: str, page: str) -> str:
    """Return a page's text with public addresses of files in the site replaced by relative links.

    Args:
        markdown: text of the page.
        page: place of the page in the site, such as ``concepts/maps.md``.
    """
    by_source = {source: place for place, source in places().items()}

    def link(match: re.Match[str]) -> str:
        source = match["path"]
        place = by_source.get(source) or (source.removeprefix("docs/") if source.startswith("docs/") else None)
        return posixpath.relpath(place, posixpath.dirname(page)) if place else match[0]

    return re.sub(f"(?:{re.escape(REPOSITORY)}|{re.escape(RAW)})(?P<path>[\\w./-]+)", link, markdown)
