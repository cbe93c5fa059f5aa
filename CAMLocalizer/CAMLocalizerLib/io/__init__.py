"""Files in and out: volumes, DICOM series, label maps, segmentations and folders of results."""

from .dicom import SeriesInfo, list_series
from .hashing import source_sha256
from .info import VolumeInfo, describe, orientation_code
from .label_map_reader import read_label_map
from .names import case_name
from .nifti_writer import write_label_map, write_nifti
from .reader import read_volume
from .segmentation_writer import TUMOUR_TYPES, terminology_entry, write_segmentation
from .staging import KNOWN_FILES, staged_folder
from .suv import suvbw_factor

__all__ = [
    "KNOWN_FILES",
    "TUMOUR_TYPES",
    "SeriesInfo",
    "VolumeInfo",
    "case_name",
    "describe",
    "list_series",
    "orientation_code",
    "read_label_map",
    "read_volume",
    "source_sha256",
    "staged_folder",
    "suvbw_factor",
    "terminology_entry",
    "write_label_map",
    "write_nifti",
    "write_segmentation",
]
