"""The review in a web page: trame-slicer on the real Slicer core; needs the extra ``review``."""
