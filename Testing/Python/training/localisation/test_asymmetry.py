"""What one side of a symmetric organ alone has."""

import numpy as np
import pytest
from scipy import ndimage

from CAMLocalizerLib.training.localisation.asymmetry import asymmetry
from CAMLocalizerLib.training.localisation.prominence import prominent_region


def head(angle: float, shift: float, lesion: float | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A turned and shifted ellipse with a structure on both sides and a lesion on one of them."""
    rows, columns = np.mgrid[:72, :80].astype(float)
    y, x = rows - 36, columns - 39.5 - shift
    turn = np.deg2rad(angle)
    along, across = y * np.cos(turn) - x * np.sin(turn), y * np.sin(turn) + x * np.cos(turn)
    body = (along / 30) ** 2 + (across / 25) ** 2 <= 1
    image = body * 0.4
    image[((np.abs(across) - 8) ** 2 + (along + 4) ** 2) < 16] = 0.25
    tumour = (across - 10) ** 2 + (along - 10) ** 2 < 25
    if lesion is not None:
        image[tumour] = lesion
    return ndimage.gaussian_filter(image, 0.7).astype(np.float32), body, tumour


@pytest.mark.parametrize("lesion", [0.75, 0.2])
@pytest.mark.parametrize(("angle", "shift"), [(0, 0), (7, 3), (-11, -4)])
def test_what_one_side_alone_has_is_found_in_a_turned_and_shifted_head(lesion, angle, shift):
    image, body, tumour = head(angle, shift, lesion)

    region, confidence = prominent_region(asymmetry(image, body), body)
    found = region == 1

    assert confidence > 0
    assert (found & tumour).sum() / (found | tumour).sum() > 0.4


def test_a_symmetric_head_is_far_less_asymmetric_than_one_with_a_lesion():
    with_lesion, body, _ = head(5, 2, 0.75)
    without, _, _ = head(5, 2, None)

    assert asymmetry(without, body).max() < 0.1 * asymmetry(with_lesion, body).max()


def test_no_organ_has_no_asymmetry():
    image = np.zeros((20, 24), np.float32)

    assert not asymmetry(image, image > 0).any()
