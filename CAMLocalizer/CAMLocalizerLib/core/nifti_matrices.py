"""NiftiMatrices: the two matrices of a NIfTI file, as its header holds them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NiftiMatrices:
    """The qform and the sform of a NIfTI file, in RAS millimetres.

    Results made from the file carry both, so that programs that prefer one or the other show them in one place.

    Args:
        qform_code: what the qform maps to; 0 if there is none.
        sform_code: what the sform maps to; 0 if there is none.
        qfac: sign of the third axis of the qform, 1 or -1.
        quaternion: b, c and d of the qform's rotation.
        offset: translation of the qform, mm.
        sform: the first three rows of the sform, row by row, mm.

    Source: nifti1.h, methods 2 and 3.
    """

    qform_code: int
    sform_code: int
    qfac: float
    quaternion: tuple[float, float, float]
    offset: tuple[float, float, float]
    sform: tuple[float, ...]
