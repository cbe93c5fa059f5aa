"""A report of a case on one page that opens without a network."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core import MM3_PER_ML, SUV_COLUMNS
from ..io.writing import output_errors
from ..segment import Component
from .overview import write_overview
from .provenance import provenance
from .report import CaseResult, finding, lists_candidates

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATES = Path(__file__).with_name("templates")
TITLES = {
    "camlocalizer": "CAMLocalizer",
    "min_extent_mm": "Least extent of a component across slices in mm",
    "min_share": "Least volume of a component as a share of the largest one's",
    "min_volume_ml": "Least volume of a component in ml",
    "model_sha256": "SHA-256 of the weights",
    "source_sha256": "SHA-256 of the input",
    "voxels_sha256": "SHA-256 of voxels and their place",
}


@dataclass(frozen=True)
class _Grid:
    """A table of figures: a title per column, and a text per cell."""

    titles: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def write_html_report(result: CaseResult, path: str | Path) -> None:
    """Write pictures, components, probabilities, model, settings and provenance of a case as one HTML file.

    The page holds no script and asks nothing of any server.

    Args:
        result: the case.
        path: a file in an existing folder; an existing file is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    path = Path(path)
    picture = io.BytesIO()
    write_overview(result, picture)
    page = _template().render(_contents(result), picture=base64.b64encode(picture.getvalue()).decode())
    with output_errors(path):
        path.write_text(page, encoding="utf-8", newline="\n")


def _template() -> Template:
    """Return the page, in which every text is escaped and a text that is missing is an error."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("report.html")


def _contents(result: CaseResult) -> dict[str, Any]:
    """Return all that the page says in words and numbers."""
    found = result.localization
    card = found.card
    labels = [str(label) for label in found.image_labels]
    return {
        "name": found.volume.name,
        "finding": _capital(finding(result)),
        "components": _components(result),
        "with_suv": result.suv_total is not None,
        "left_out": _left_out(result),
        "volume": _facts(_volume_probabilities(result)),
        "kind": found.image_kind,
        "only_tumours": _only_tumours(result),
        "classes": _Grid((_capital(found.image_kind), *card.classes), _class_probabilities(result)),
        "tumours": list(zip(labels, map(float, found.tumour_probabilities), strict=True)),
        "notes": [_capital(note) for note in found.notes],
        "model": _facts(_model(result)),
        "settings": _facts(result.settings),
        "origin": _facts(_origin(result)),
    }


def _only_tumours(result: CaseResult) -> bool:
    """Tell whether a model knows tumours only, so that they always add up to 1."""
    card = result.localization.card
    return set(card.tumour_classes) == set(card.classes)


def _volume_probabilities(result: CaseResult) -> dict[str, str]:
    """Return the probability of a tumour in the volume, and of each type if it is one."""
    found = result.localization
    facts = {} if _only_tumours(result) else {"A tumour in the volume": f"{found.volume_probability:.2f}"}
    if len(found.class_probabilities) > 1:
        facts |= {f"{name}, if a tumour": f"{value:.2f}" for name, value in found.class_probabilities.items()}
    return facts


def _class_probabilities(result: CaseResult) -> tuple[tuple[str, ...], ...]:
    found = result.localization
    shown = zip(found.image_labels, found.probabilities, strict=True)
    return tuple((str(label), *(f"{value:.2f}" for value in row)) for label, row in shown)


def _components(result: CaseResult) -> _Grid:
    """Tabulate the components, and where uptake was measured all of them together."""
    rows = tuple(_component(entry) for entry in result.components)
    if result.suv_total is None or not rows:
        return _Grid(_titles(result, measured=False), rows)
    volume_ml = sum(entry.volume_mm3 for entry in result.components) / MM3_PER_ML
    voxels = sum(entry.voxels for entry in result.components)
    every = ("All", f"{volume_ml:.2f}", "", "", str(voxels), *result.suv_total.texts())
    return _Grid(_titles(result, measured=True), (*rows, every))


def _left_out(result: CaseResult) -> _Grid:
    """Tabulate the candidates that the threshold leaves out."""
    if not result.left_out:
        return _Grid()
    measured = result.left_out[0].suv is not None
    return _Grid(_titles(result, measured=measured), tuple(_component(entry) for entry in result.left_out))


def _titles(result: CaseResult, *, measured: bool) -> tuple[str, ...]:
    peak = "Probability" if lists_candidates(result) else "Peak activation"
    uptake = (column.title for column in SUV_COLUMNS if measured)
    return ("Component", "Volume in ml", "Centre in mm", peak, "Voxels", *uptake)


def _component(entry: Component) -> tuple[str, ...]:
    return (
        str(entry.label),
        f"{entry.volume_mm3 / MM3_PER_ML:.2f}",
        ", ".join(f"{value:.0f}" for value in entry.centre_lps_mm),
        "" if entry.peak is None else f"{entry.peak:.2f}",
        str(entry.voxels),
        *(() if entry.suv is None else entry.suv.texts()),
    )


def _model(result: CaseResult) -> dict[str, str]:
    card = result.localization.card
    return {
        "Name": f"{card.name} {card.version}",
        "Made for": f"{card.modality}; {', '.join(card.classes)}",
        "Network": card.network,
        "SHA-256 of the weights": card.sha256,
    }


def _origin(result: CaseResult) -> dict[str, Any]:
    facts = {name: value for name, value in provenance(result).items() if value and name != "settings"}
    return {"Input": result.file_name, **facts, "corrected by a reviewer": "yes" if result.corrected else "no"}


def _facts(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return names and values as they read on the page, without those that are not known."""
    known = ((name, value) for name, value in values.items() if value is not None)
    return [(TITLES.get(name) or _capital(name.replace("_", " ")), _text(value)) for name, value in known]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(entry)}" for name, entry in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
