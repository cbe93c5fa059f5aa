"""NiftiMatrices: the two matrices of a NIfTI file, as stored in its header."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class NiftiMatrices:
    """The qform and the sform of a NIfTI file, in RAS millimetres.

    Results computed from the file store both, so that image and results align in programs that use either one.

    Args:
        qform_code: coordinate system that the qform maps to; 0 if there is no qform.
        sform_code: coordinate system that the sform maps to; 0 if there is no sform.
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
