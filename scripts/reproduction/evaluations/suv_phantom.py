"""The partial volume effect on the PET measures of the six hot spheres of the NEMA image quality phantom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import ndimage

from CAMLocalizerLib.core import Grid, Volume
from CAMLocalizerLib.io import read_volume
from CAMLocalizerLib.measure import SuvMeter

FILE = Path("pet_nema_phantom") / "nema_iq_recon1.nii.gz"
DIAMETERS_MM = (37.0, 28.0, 22.0, 17.0, 13.0, 10.0)
INNER_MM = 10.0
END_SLICES = 10  # hold noise only
SMOOTHING_VOXELS = 1.0
FOUND_AT = 0.35  # of the way from the background to the largest value
FRACTION = 0.41
FAR_MM = 12.0  # between a sphere's border and the background that is measured
PLANE_MM = 10.0


def centres(volume: Volume) -> list[np.ndarray]:
    """Find the six spheres, largest first: LPS positions in mm."""
    smooth = ndimage.gaussian_filter(volume.array_kji, SMOOTHING_VOXELS)
    smooth[:END_SLICES] = smooth[-END_SLICES:] = 0
    background = float(np.median(smooth[smooth > 0.05 * smooth.max()]))
    labels, count = ndimage.label(smooth > background + FOUND_AT * (smooth.max() - background))
    sizes = np.bincount(labels.ravel())[1:]
    chosen = np.argsort(-sizes)[: len(DIAMETERS_MM)] + 1
    if count < len(DIAMETERS_MM):
        raise SystemExit(f"{count} spheres found, {len(DIAMETERS_MM)} expected")
    places = ndimage.center_of_mass(smooth - background, labels, chosen)
    return [volume.grid.to_lps(np.array(place)[::-1]) for place in places]


def distances_mm(grid: Grid, centre_lps_mm: np.ndarray) -> np.ndarray:
    """Return the distance of every voxel from a position."""
    k, j, i = np.indices(grid.shape_kji)
    return np.linalg.norm(grid.to_lps(np.stack([i, j, k], axis=-1)) - centre_lps_mm, axis=-1)


def background_of(volume: Volume, spheres: list[np.ndarray]) -> float:
    """Return the median around the spheres, in their plane."""
    heights = [float(volume.grid.to_ijk(centre)[2]) for centre in spheres]
    k = np.abs(np.arange(volume.grid.size[2]) - np.mean(heights)) * volume.grid.spacing_mm[2] <= PLANE_MM
    near = np.broadcast_to(k[:, None, None], volume.grid.shape_kji).copy()
    for centre, diameter in zip(spheres, DIAMETERS_MM, strict=True):
        near &= distances_mm(volume.grid, centre) > diameter / 2 + FAR_MM
    middle = np.mean(spheres, axis=0)
    away = distances_mm(volume.grid, middle)
    near &= (away > 30) & (away < 85)  # between the cold insert in the middle and the wall
    return float(np.median(volume.array_kji[near]))


def measured(path: Path) -> list[str]:
    """Measure all spheres and return the lines of the table."""
    raw = read_volume(path)
    spheres = centres(raw)
    true = float(raw.array_kji[distances_mm(raw.grid, spheres[0]) <= INNER_MM].mean())
    volume = Volume(raw.array_kji / true, raw.grid, unit="SUVbw")  # the uptake of all spheres is 1
    background = background_of(volume, spheres)
    meter = SuvMeter(volume)
    lines = [
        f"Uptake of the background: {background:.2f} of that of the spheres.",
        "",
        "| diameter, mm | volume, ml | SUVmax | SUVmean | SUVpeak | MTV at 41 % of SUVmax, ml |",
        "|---|---|---|---|---|---|",
    ]
    for centre, diameter in zip(spheres, DIAMETERS_MM, strict=True):
        away = distances_mm(volume.grid, centre)
        found = meter.mask(away <= diameter / 2)
        assert found.max_suv is not None  # a sphere holds voxels
        labels, _ = ndimage.label((volume.array_kji >= FRACTION * found.max_suv) & (away <= diameter))
        own = labels == labels[tuple(np.rint(volume.grid.to_ijk(centre)).astype(int)[::-1])]
        ml = np.pi / 6 * diameter**3 / 1000
        lines.append(
            f"| {diameter:.0f} | {ml:.2f} | {found.max_suv:.2f} | {found.mean_suv:.2f} | {found.peak_suv:.2f} "
            f"| {meter.mask(own).mtv_ml:.2f} |"
        )
    return lines


def write_table(data: Path, output: Path) -> None:
    """Measure the phantom in ``data`` and write table.md into ``output``."""
    output.mkdir(parents=True, exist_ok=True)
    text = [
        "# Partial volume effect on the PET measures",
        "",
        "Made by `scripts/evaluate_suv_phantom.py` on one reconstruction of the NEMA image quality phantom",
        "(Georg Schramm, pynemaiqpet, MIT): six hot spheres of one uptake. Each measure is given as a share of that",
        "uptake, which is the mean within 10 mm of the centre of the largest sphere. SUVmax, SUVmean and SUVpeak are",
        "those of the true sphere, so that they show what the scanner does and not how a border is drawn.",
        "",
        *measured(data / FILE),
        "",
    ]
    (output / "table.md").write_text("\n".join(text), encoding="utf-8")
    print("\n".join(text))
