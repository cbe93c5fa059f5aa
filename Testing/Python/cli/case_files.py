"""What the folder of a case holds where nothing is exported."""

from __future__ import annotations

FILES = [
    "activation.nii.gz",
    "components.csv",
    "labelmap.nii.gz",
    "overview.png",
    "report.json",
    "segmentation.seg.nrrd",
]
