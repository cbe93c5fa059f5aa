"""Reading and writing: volumes, DICOM series, label maps, segmentations and result folders."""

from .dicom import SeriesInfo, list_series
from .dicom_seg import separate_components, write_dicom_seg, write_dicom_seg_fractional
from .dicom_seg_reader import read_dicom_seg, read_dicom_seg_fractional
from .dicom_source import DicomSource, check_source, read_dicom_source
from .dicom_sr import ReportedRegion, write_measurement_report
from .examine import Examination, examine
from .hashing import source_sha256
from .info import VolumeInfo, describe, orientation_code
from .label_map_reader import read_label_map
from .names import case_name
from .nifti_writer import write_label_map, write_nifti
from .reader import read_volume
from .segmentation_writer import TUMOUR_TYPES, terminology_entry, write_segmentation
from .staging import staged_folder
from .suv import suvbw_factor

__all__ = [
    "TUMOUR_TYPES",
    "DicomSource",
    "Examination",
    "ReportedRegion",
    "SeriesInfo",
    "VolumeInfo",
    "case_name",
    "check_source",
    "describe",
    "examine",
    "list_series",
    "orientation_code",
    "read_dicom_seg",
    "read_dicom_seg_fractional",
    "read_dicom_source",
    "read_label_map",
    "read_volume",
    "separate_components",
    "source_sha256",
    "staged_folder",
    "suvbw_factor",
    "terminology_entry",
    "write_dicom_seg",
    "write_dicom_seg_fractional",
    "write_label_map",
    "write_measurement_report",
    "write_nifti",
    "write_segmentation",
]
