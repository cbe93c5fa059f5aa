"""The review in a web page: trame-slicer on the real Slicer core; needs the extra ``review``."""

__all__: list[str] = []  # opened by the command "review"; importing it must not need trame
