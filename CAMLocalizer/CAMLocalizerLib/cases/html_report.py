"""A report of a case on one page that opens without a network."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from ..core import MM3_PER_ML, SUV_COLUMNS
from ..io.writing import writing
from ..segment import Component
from .overview import write_overview
from .provenance import provenance
from .report import CaseResult, finding, lists_candidates

TITLES = {
    "camlocalizer": "CAMLocalizer",
    "min_extent_mm": "Least extent of a region across slices in mm",
    "min_share": "Least volume of a region as a share of the largest one's",
    "min_volume_ml": "Least volume of a region in ml",
    "model_sha256": "SHA-256 of the weights",
    "source_sha256": "SHA-256 of the input",
    "voxels_sha256": "SHA-256 of voxels and their place",
}
PLOT_WIDTH, PLOT_HEIGHT = 900, 140
SUV_NOTE = (
    "<p>SUV by body weight. SUVpeak is the highest mean within a sphere of 1 ml around any voxel of the region; empty "
    "where no such sphere lies within the image. MTV is the volume of the region, TLG is SUVmean times MTV. Regions of "
    "less than about 2 cm look less active than they are (partial volume effect).</p>"
)
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #1c2530; background: #fff; max-width: 62rem; margin: 2rem auto;
  padding: 0 1rem; }
h1 { font-size: 1.5rem; margin-bottom: 0.2rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.finding { font-size: 1.1rem; } .caution { background: #fdf3d8; border-left: 4px solid #d9a400; padding: 0.6rem 1rem; }
img { width: 100%; height: auto; border-radius: 4px; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: 0.25rem 0.8rem 0.25rem 0; }
th { font-weight: 600; border-bottom: 1px solid #c5ced8; } td { border-bottom: 1px solid #e8ecf0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; } code { font-size: 0.85em;
  overflow-wrap: anywhere; } footer { color: #5a6673; font-size: 0.85rem; margin: 2rem 0; }
@media print { body { margin: 0; } }
"""
PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$name</title>
<style>$style</style>
</head>
<body>
<h1>$name</h1>
<p class="finding">$finding.</p>
<p class="caution">Localisation, not a verified boundary. For research; not a medical device.</p>
<img src="data:image/png;base64,$picture" alt="Slices with activation map and outline of the label map">
<h2>Regions</h2>
$regions
<h2>Probability of a tumour</h2>
$volume
<h2>$title per $kind</h2>
$plot
<h2>Notes</h2>
$notes
<h2>Model</h2>
$model
<h2>Settings</h2>
$settings
<h2>Provenance</h2>
$origin
<footer>Positions are LPS in mm: x to the patient's left, y to the back, z to the head.</footer>
</body>
</html>
""")


def write_html_report(result: CaseResult, path: str | Path) -> None:
    """Write pictures, regions, probabilities, model, settings and provenance of a case as one HTML file.

    The page holds no script and asks nothing of any server.

    Args:
        result: the case.
        path: a file in an existing folder; an existing file is replaced.

    Raises:
        OutputError: the file cannot be written.
    """
    path = Path(path)
    found = result.localization
    picture = io.BytesIO()
    write_overview(result, picture)
    page = PAGE.substitute(
        name=html.escape(found.volume.name),
        style=STYLE,
        finding=html.escape(_capital(finding(result))),
        picture=base64.b64encode(picture.getvalue()).decode(),
        regions=_regions(result),
        volume=_volume_probabilities(result),
        kind=found.image_kind,
        title="Probability" if _only_tumours(result) else "Tumour probability",
        plot=_class_probabilities(result)
        if _only_tumours(result)
        else probability_plot(found.tumour_probabilities, found.image_labels, found.image_kind),
        notes=_list(found.notes) or "<p>None.</p>",
        model=_model(result),
        settings=_table(result.settings),
        origin=_origin(result),
    )
    with writing(path):
        path.write_text(page, encoding="utf-8", newline="\n")


def probability_plot(probabilities: Sequence[float] | np.ndarray, labels: Sequence[int | str], kind: str) -> str:
    """Return a bar per image as SVG, those from one half on in the colour of a finding."""
    count = max(len(probabilities), 1)
    step = PLOT_WIDTH / count
    half = PLOT_HEIGHT / 2
    bars = "".join(
        f'<rect x="{n * step + 0.1 * step:.2f}" y="{PLOT_HEIGHT * (1 - value):.2f}" width="{0.8 * step:.2f}" '
        f'height="{PLOT_HEIGHT * value:.2f}" fill="{"#d55e00" if value >= 0.5 else "#8aa2b8"}">'
        f"<title>{kind} {html.escape(str(label))}: {value:.3f}</title></rect>"
        for n, (value, label) in enumerate(zip(map(float, probabilities), labels, strict=True))
    )
    ends = f"{html.escape(str(labels[0]))}</text>" if len(labels) else "</text>"
    last = html.escape(str(labels[-1])) if len(labels) else ""
    return (
        f'<svg viewBox="-34 -6 {PLOT_WIDTH + 40} {PLOT_HEIGHT + 30}" role="img" aria-label="Probability per {kind}">'
        f'<g font-size="12" fill="#5a6673"><text x="-8" y="4" text-anchor="end">1</text>'
        f'<text x="-8" y="{half + 4}" text-anchor="end">0.5</text>'
        f'<text x="-8" y="{PLOT_HEIGHT + 4}" text-anchor="end">0</text>'
        f'<text x="0" y="{PLOT_HEIGHT + 18}">{ends}'
        f'<text x="{PLOT_WIDTH}" y="{PLOT_HEIGHT + 18}" text-anchor="end">{last}</text></g>'
        f'<path d="M0 {half} H{PLOT_WIDTH}" stroke="#c5ced8" stroke-dasharray="4 4"/>'
        f'<path d="M0 {PLOT_HEIGHT} H{PLOT_WIDTH}" stroke="#8aa2b8"/>{bars}</svg>'
    )


def _only_tumours(result: CaseResult) -> bool:
    """Tell whether a model knows tumours only, so that they always add up to 1."""
    card = result.localization.card
    return set(card.tumour_classes) == set(card.classes)


def _volume_probabilities(result: CaseResult) -> str:
    """Tabulate the probability of a tumour in the volume, and of each type if it is one."""
    found = result.localization
    facts = {} if _only_tumours(result) else {"A tumour in the volume": f"{found.volume_probability:.2f}"}
    if len(found.class_probabilities) > 1:
        facts |= {f"{name}, if a tumour": f"{value:.2f}" for name, value in found.class_probabilities.items()}
    return _table(facts)


def _class_probabilities(result: CaseResult) -> str:
    found = result.localization
    shown = zip(found.image_labels, found.probabilities, strict=True)
    rows = [(str(label), *(f"{value:.2f}" for value in row)) for label, row in shown]
    return _grid((_capital(found.image_kind), *found.card.classes), rows)


def _regions(result: CaseResult) -> str:
    if not result.components:
        return "<p>None.</p>" + _left_out(result)
    titles = _region_titles(result)
    rows = [_region(entry) for entry in result.components]
    if result.suv_total is None:
        return _grid(titles, rows) + _left_out(result)
    volume_ml = sum(entry.volume_mm3 for entry in result.components) / MM3_PER_ML
    voxels = sum(entry.voxels for entry in result.components)
    every = ("All", f"{volume_ml:.2f}", "", "", str(voxels), *result.suv_total.texts())
    return _grid((*titles, *(column.title for column in SUV_COLUMNS)), [*rows, every]) + SUV_NOTE + _left_out(result)


def _region_titles(result: CaseResult) -> tuple[str, ...]:
    peak = "Probability" if lists_candidates(result) else "Peak activation"
    return ("Region", "Volume in ml", "Centre in mm", peak, "Voxels")


def _left_out(result: CaseResult) -> str:
    """Tabulate the candidates that the threshold leaves out."""
    if not result.left_out:
        return ""
    measured = result.left_out[0].suv is not None
    titles = (*_region_titles(result), *(column.title for column in SUV_COLUMNS if measured))
    return "<h3>Left out by the threshold</h3>" + _grid(titles, [_region(entry) for entry in result.left_out])


def _region(entry: Component) -> tuple[str, ...]:
    return (
        str(entry.label),
        f"{entry.volume_mm3 / MM3_PER_ML:.2f}",
        ", ".join(f"{value:.0f}" for value in entry.centre_lps_mm),
        "" if entry.peak is None else f"{entry.peak:.2f}",
        str(entry.voxels),
        *(() if entry.suv is None else entry.suv.texts()),
    )


def _model(result: CaseResult) -> str:
    card = result.localization.card
    facts = {
        "Name": f"{card.name} {card.version}",
        "Made for": f"{card.modality}; {', '.join(card.classes)}",
        "Network": card.network,
        "SHA-256 of the weights": card.sha256,
    }
    return _table(facts)


def _origin(result: CaseResult) -> str:
    facts = {name: value for name, value in provenance(result).items() if value and name != "settings"}
    return _table({"Input": result.file_name, **facts, "corrected by a reviewer": "yes" if result.corrected else "no"})


def _table(values: Mapping[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(TITLES.get(name) or _capital(name.replace('_', ' ')))}</td>"
        f"<td><code>{html.escape(_text(value))}</code></td></tr>"
        for name, value in values.items()
        if value is not None
    )
    return f"<table>{rows}</table>"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {_text(entry)}" for name, entry in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(map(_text, value))
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _grid(titles: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f'<th class="number">{html.escape(title)}</th>' for title in titles)
    lines = ("".join(f'<td class="number">{html.escape(cell)}</td>' for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><tr>{head}</tr>{body}</table>"


def _list(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{html.escape(_capital(sentence))}.</li>" for sentence in sentences)
    return f"<ul>{items}</ul>" if items else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
