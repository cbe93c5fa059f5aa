"""Which candidates are tumours: by the lesions of a simulated body, or by one point in each lesion of a real one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from CAMLocalizerLib.core import label_components
from CAMLocalizerLib.segment import Candidates
from CAMLocalizerLib.segment.candidates import EDGE_MM

TUMOUR, PHYSIOLOGICAL, UNCLEAR = 1, 0, -1
CORE_SHARE = 0.5  # of a candidate's height: what lies above is its core
LESION_SHARE = 0.3  # of the core that must be lesion
CONNECTED_SHARE = 0.41  # of the height of the candidate under a point: what hangs together with it at that uptake
ALIKE_SHARE, ALIKE_MM = 0.6, 60.0  # of its height, and distance, of other candidates of the same tumour
NEAREST_MM = 40.0


def lesion_labels(candidates: Candidates, lesions: NDArray) -> NDArray[np.int8]:
    """Label candidates by a map of lesions on their voxels.

    Args:
        candidates: of one body.
        lesions: not 0 where a voxel is lesion, shape of ``candidates.basins``.

    Returns:
        1 for a tumour: 30 % of its core, or its highest voxel, is lesion; -1 where a smaller share is; 0 elsewhere.
    """
    from scipy import ndimage

    labels = np.zeros(len(candidates), dtype=np.int8)
    for number, box in enumerate(ndimage.find_objects(candidates.basins)):
        own = candidates.basins[box] == number + 1
        core = own & (candidates.smoothed[box] >= CORE_SHARE * candidates.heights[number])
        share = float((core & (lesions[box] > 0)).sum()) / max(1, int(core.sum()))
        if share >= LESION_SHARE or lesions[tuple(candidates.peaks[number])]:
            labels[number] = TUMOUR
        elif share > 0:
            labels[number] = UNCLEAR
    return labels


def point_labels(candidates: Candidates, points_kji: Sequence[Sequence[float]]) -> NDArray[np.int8]:
    """Label candidates by one point in each lesion.

    The candidate in whose basin the point lies, or the nearest one within 40 mm, is a tumour, and so are those that
    hang together with it at 41 % of its height, reach 60 % of it and lie within 60 mm of the point. What else hangs
    together with it is unclear.

    Args:
        candidates: of one body.
        points_kji: voxel of each point.

    Returns:
        1 for a tumour, -1 unclear, 0 elsewhere; int8, shape (candidates,).
    """
    labels = np.zeros(len(candidates), dtype=np.int8)
    for point in points_kji:
        away_mm = np.linalg.norm(candidates.peaks - np.asarray(point, dtype=float), axis=1) * EDGE_MM
        index = tuple(np.clip(np.round(point).astype(int), 0, np.array(candidates.basins.shape) - 1))
        number = int(candidates.basins[index]) - 1
        if number < 0:
            if not len(candidates) or away_mm.min() > NEAREST_MM:
                continue
            number = int(away_mm.argmin())
        height = candidates.heights[number]
        parts, _ = label_components(candidates.smoothed >= CONNECTED_SHARE * height)
        part = parts[tuple(candidates.peaks.T)]
        same = part == part[number]
        labels[same & (labels == PHYSIOLOGICAL)] = UNCLEAR
        labels[same & (candidates.heights >= ALIKE_SHARE * height) & (away_mm < ALIKE_MM)] = TUMOUR
        labels[number] = TUMOUR
    return labels
