"""The names of the files in a case folder; imports nothing."""

CASE_FILES = {
    "label map": "labelmap.nii.gz",
    "activation": "activation.nii.gz",
    "segmentation": "segmentation.seg.nrrd",
    "picture": "overview.png",
    "table": "components.csv",
    "report": "report.json",
}
EXPORT_FILES = {
    "radiomics": "radiomics.csv",
    "dicom-seg": "segmentation.dcm",
    "dicom-seg-fractional": "activation.dcm",
    "dicom-sr": "measurements.dcm",
    "stl": "surface.stl",
    "html": "report.html",
}
ARCHIVE_FILE = "archive.json"  # which archive the results were sent to
KNOWN_FILES = frozenset({*CASE_FILES.values(), *EXPORT_FILES.values(), ARCHIVE_FILE})
