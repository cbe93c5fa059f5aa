"""The Slicer scene: core types to and from MRML nodes, on the desktop or on the Qt-free Slicer core."""

from .activations import ActivationLayer, activation_to_node, leave_slices, show_in_slices, shows_in_slices
from .colours import activation_color_node
from .display import outline_only, style_accepted, style_preview
from .geometry import grid_from_node
from .headless import HeadlessApplication
from .image_navigation import image_in_view, image_place, jump_to_image
from .label_maps import label_map_from_node, label_map_to_node
from .legends import show_legend
from .navigation import align_slices, fit_slices, jump_slices, move_crosshair, show_plane, slice_nodes
from .preview import PreviewSegment
from .roles import ROLE, first_scan, is_own_node, shown_scan
from .scenes import load_scene, load_segmentation_node, load_volume_node, save_scene
from .segmentations import segmentation_from_node, segmentation_to_node
from .segments import add_segment, remove_segment, segment_ids, segment_mask, segment_names, unique_name
from .stored_reviews import load_review, remove_review, reviewed_nodes, store_review, update_review
from .tables import table_to_node
from .volumes import volume_from_node, volume_to_node

__all__ = [
    "ROLE",
    "ActivationLayer",
    "HeadlessApplication",
    "PreviewSegment",
    "activation_color_node",
    "activation_to_node",
    "add_segment",
    "align_slices",
    "first_scan",
    "fit_slices",
    "grid_from_node",
    "image_in_view",
    "image_place",
    "is_own_node",
    "jump_slices",
    "jump_to_image",
    "label_map_from_node",
    "label_map_to_node",
    "leave_slices",
    "load_review",
    "load_scene",
    "load_segmentation_node",
    "load_volume_node",
    "move_crosshair",
    "outline_only",
    "remove_review",
    "remove_segment",
    "reviewed_nodes",
    "save_scene",
    "segment_ids",
    "segment_mask",
    "segment_names",
    "segmentation_from_node",
    "segmentation_to_node",
    "show_in_slices",
    "show_legend",
    "show_plane",
    "shown_scan",
    "shows_in_slices",
    "slice_nodes",
    "store_review",
    "style_accepted",
    "style_preview",
    "table_to_node",
    "unique_name",
    "update_review",
    "volume_from_node",
    "volume_to_node",
]
