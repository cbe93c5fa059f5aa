"""The command ``review``: the review page of a volume, until Ctrl+C."""

from __future__ import annotations

import argparse
from importlib.util import find_spec

from ..core import SettingsError

EXTRA = "trame_slicer"


def run(options: argparse.Namespace) -> int:
    """Serve the review of a volume.

    Args:
        options: parsed arguments of ``review``.

    Returns:
        0, after Ctrl+C too, which is how a review ends.

    Raises:
        SettingsError: the extra is not installed, or nothing can be drawn on this machine.
        CAMLocalizerError: a volume, folder, model or port that cannot be used.
    """
    if find_spec(EXTRA) is None:
        raise SettingsError("the review needs the extra 'review'; install it with: pip install 'camlocalizer[review]'")
    from ..review.opengl import OpenGLProbe
    from ..review.review_options import ReviewOptions

    wanted = ReviewOptions(
        options.file, options.folder, options.model, options.device, options.port, not options.no_browser, options.unit
    )
    with OpenGLProbe() as probe:
        wanted.open_folder()
        volume = wanted.open_volume()
        from ..review.serve import serve  # takes about a second, as the probe does

        if sentence := probe.why_not():
            raise SettingsError(sentence)
    serve(wanted, volume, _announce)
    return 0


def _announce(address: str) -> None:
    print(f"Review at {address}\nCtrl+C ends it.", flush=True)
