"""Collect the sentences that the library shows to users, for the catalogue that the Slicer panel translates with."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

LIBRARY = Path(__file__).resolve().parents[1] / "CAMLocalizer" / "CAMLocalizerLib"
MODELS = LIBRARY.parents[1] / "Resources" / "models"
CARD_TEXTS = ("title", "modality", "intended_use", "limits")
CATALOGUE = LIBRARY / "panel" / "library_messages.py"
# What a panel can call; command line, browser and training speak English only.
PACKAGES = ("cam", "cases", "core", "installation", "io", "jobs", "localizer", "measure", "models", "mrml", "segment",
            "views", "workbench")  # fmt: skip
# Files whose texts are shown as they are; of the others only the messages of errors are.
SHOWN = (
    "core/suv_measures.py",
    "jobs/child.py",
    "jobs/device_report.py",
    "jobs/durations.py",
    "jobs/failure.py",
    "jobs/job.py",
    "jobs/memory.py",
    "jobs/progress.py",
    "localizer/candidate_localization.py",
    "localizer/candidate_run.py",
    "localizer/findings.py",
    "localizer/inference.py",
    "localizer/inputs.py",
    "localizer/localization.py",
    "localizer/localizer.py",
    "localizer/projection_localization.py",
    "workbench/**/*.py",
)
ENOUGH = 6  # letters, or a text would match every sentence
# Shown although they are short; of the last, values are numbers and one of the words.
WORDS = ("Adaptive", "Automatic", "Cancelled", "Level", "No", "Percentile", "images", "projections", "slices",
         "{0} of {1} {2}")  # fmt: skip
HEAD = '''"""The library's sentences for translators, written by ``python3 scripts/collect_messages.py``."""

# ruff: noqa: E501
# fmt: off

def _(text: str) -> str:
    """Mark a text for Slicer's tool that collects texts to translate; see :func:`.translation.translated`."""
    return text


# Numbers in braces stand for values.
MESSAGES = (
'''


def collected() -> list[str]:
    """Return the texts of the library, sorted, each once; values in them are ``{0}``, ``{1}``, ..."""
    shown = {path for pattern in SHOWN for path in LIBRARY.glob(pattern)}
    found: set[str] = set()
    for package in PACKAGES:
        for path in sorted((LIBRARY / package).rglob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            nodes = [tree] if path in shown else [node for node in ast.walk(tree) if _is_error(node)]
            found.update(text for node in nodes for text in texts_in(node))
    cards = (json.loads(path.read_text(encoding="utf-8")) for path in sorted(MODELS.glob("*/model.json")))
    found.update(card[name].rstrip(".") for card in cards for name in CARD_TEXTS if card.get(name))
    return sorted(found, key=lambda text: (text.casefold(), text))


def texts_in(tree: ast.AST) -> Iterator[str]:
    """Yield the texts in a piece of code that a user may read: no docstrings, log messages, names or formats."""
    for node in ast.iter_child_nodes(tree):
        if _is_docstring(node) or _is_log(node):
            continue
        if isinstance(node, ast.JoinedStr | ast.Constant):
            text = template(node)
            if _is_shown(text):
                yield text
            values = [part for part in getattr(node, "values", []) if isinstance(part, ast.FormattedValue)]
            for value in values:
                yield from texts_in(value)
        else:
            yield from texts_in(node)


def _is_shown(text: str) -> bool:
    """Whether a text is one word that begins as a sentence does, or holds enough words beside its values."""
    fixed = re.sub(r"\{\d+\}", "", text)
    words = len(re.findall(r"[A-Za-z]", fixed)) >= ENOUGH and re.search(r"[\w}][ .]", text) is not None
    return words or text in WORDS or re.fullmatch(r"SUV [\d.]+", text) is not None


def template(node: ast.AST) -> str:
    """Return a text with a number in braces for each of its values."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    parts, number = [], 0
    for part in node.values if isinstance(node, ast.JoinedStr) else []:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            parts.append(f"{{{number}}}")
            number += 1
    return "".join(parts)


def catalogue_text() -> str:
    """Return the source of the catalogue."""
    return HEAD + "".join(f"    _({_quoted(text)}),\n" for text in collected()) + ")\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _is_error(node: ast.AST) -> bool:
    """Whether a piece of code makes an error, to raise it here or elsewhere."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("Error")


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_log(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    return isinstance(node.func.value, ast.Name) and node.func.value.id in ("logger", "logging", "warnings")
