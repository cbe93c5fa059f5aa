"""Radiomics of segments in the scene."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ...core import InputError
from ...measure import radiomics, read_radiomics_params, segment_masks
from ...mrml import segment_ids, segment_mask, table_to_node, unique_name, volume_from_node


def radiomics_to_table(
    volume_node: Any,
    segmentation_node: Any,
    *,
    components: bool = False,
    params: str | os.PathLike[str] | None = None,
    table_node: Any = None,
) -> Any:
    """Measure every segment of a node in a volume and show the features as a table of the scene.

    Args:
        volume_node: scalar volume node.
        segmentation_node: its segments may overlap and lie on another grid.
        components: also a row for each connected component of a segment that has several.
        params: parameter file of pyradiomics.
        table_node: node to fill instead of a new one.

    Returns:
        The ``vtkMRMLTableNode``, a row per segment, columns as :func:`~CAMLocalizerLib.measure.radiomics` names them.

    Raises:
        InputError: no segment with voxels in the volume, or a parameter file that pyradiomics does not take.
        GridError: a parent transform that is not linear.
    """
    volume = volume_from_node(volume_node)
    masks: dict[str, Any] = {}
    for segment_id in segment_ids(segmentation_node):
        label_map = segment_mask(segmentation_node, segment_id, volume.grid)
        for name, mask in segment_masks(label_map, per_component=components).items():
            masks[unique_name(name, masks)] = mask
    if not masks:
        raise InputError(f"{segmentation_node.GetName()} has no segment with voxels in {volume.name}")
    chosen = None if params is None else read_radiomics_params(Path(params))
    table = radiomics(volume, masks, params=chosen, mask_name=segmentation_node.GetName())
    scene = volume_node.GetScene()
    return table_to_node(scene, table.rows, name=f"{volume.name} radiomics", node=table_node)
