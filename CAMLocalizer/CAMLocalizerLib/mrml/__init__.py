"""The Slicer scene: core types to and from MRML nodes, on the desktop or on the Qt-free Slicer core."""

from .activations import activation_to_node, show_in_slices
from .colours import activation_color_node
from .geometry import grid_from_node
from .headless import HeadlessApplication
from .label_maps import label_map_from_node, label_map_to_node
from .scenes import load_scene, load_segmentation_node, load_volume_node, save_scene
from .segmentations import segmentation_from_node, segmentation_to_node
from .volumes import volume_from_node, volume_to_node

__all__ = [
    "HeadlessApplication",
    "activation_color_node",
    "activation_to_node",
    "grid_from_node",
    "label_map_from_node",
    "label_map_to_node",
    "load_scene",
    "load_segmentation_node",
    "load_volume_node",
    "save_scene",
    "segmentation_from_node",
    "segmentation_to_node",
    "show_in_slices",
    "volume_from_node",
    "volume_to_node",
]
