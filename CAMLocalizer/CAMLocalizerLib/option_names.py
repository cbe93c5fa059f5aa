"""The names that options take, for the command line, the library and the user interfaces; imports nothing."""

ARCHIVE_PREFIX = "dicomweb+"
DEFAULT_MODEL = "brain-t1ce"
PLANES = ("axial", "coronal", "sagittal")
VIEWS = ("auto", *PLANES)
UNITS = ("SUVbw", "HU")
MAPS = ("pg-cam", "grad-cam", "grad-cam++", "layer-cam", "cam", "multi-gap-cam", "sam", "hesam")
MAP_NORMALISATIONS = ("slice", "volume", "reference")
REFINEMENTS = ("none", "random-walk", "geodesic")
DEVICE_FORM = r"auto|cpu|cuda(:\d+)?|mps"
DEVICES = "auto, cpu, cuda, cuda:N or mps"
PRECISIONS = ("float32", "bfloat16")
