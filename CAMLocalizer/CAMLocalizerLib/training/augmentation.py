"""Random changes of slices that make two scanners look alike: position, contrast, shading, blur and noise."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

ROTATION_RAD = 0.25
LOG_ZOOM = 0.2
SHIFT = 0.1
VERTICAL_FLIP_SHARE = 0.1
THICK_SLICE_SHARE = 0.3
LOG_GAMMA = 0.3
SHADING = 0.12
CONTRAST = 0.15
NOISE = 0.15


def augment(images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Move slices and their targets together, then change the slices' intensities.

    Args:
        images: normalised slices, shape (N, 1, H, W).
        targets: evidence targets, shape (N, H, W), 0 to 1.

    Returns:
        New slices and targets of the same shapes. Randomness is torch's.
    """
    floor = images.amin((1, 2, 3), keepdim=True)
    field = functional.affine_grid(random_affine(len(images)), list(images.shape), align_corners=False)
    moved = functional.grid_sample(images - floor, field, align_corners=False) + floor
    moved_targets = functional.grid_sample(targets[:, None].float(), field, align_corners=False)[:, 0]
    return change_intensities(thicken(moved), floor), moved_targets


def random_affine(count: int) -> Tensor:
    """Draw rotations, zooms, shifts and flips, shape (count, 2, 3), in the units of ``affine_grid``."""
    angle = _uniform(count, ROTATION_RAD)
    zoom = torch.exp(_uniform(count, LOG_ZOOM))
    mirrored = torch.where(torch.rand(count) < 0.5, -1.0, 1.0)
    upside_down = torch.where(torch.rand(count) < VERTICAL_FLIP_SHARE, -1.0, 1.0)
    columns = torch.stack([torch.cos(angle) * zoom * mirrored, torch.sin(angle) * zoom * mirrored], dim=1)
    rows = torch.stack([-torch.sin(angle) * zoom, torch.cos(angle) * zoom * upside_down], dim=1)
    shift = (torch.rand(count, 2) * 2 - 1) * SHIFT
    return torch.stack([columns, rows, shift], dim=2)  # (N, 2, 3)


def thicken(images: Tensor) -> Tensor:
    """Blur some slices from top to bottom, as reformatting a volume of thick slices does."""
    chosen = (torch.rand(len(images)) < THICK_SLICE_SHARE)[:, None, None, None]
    kernel = torch.tensor([0.25, 0.5, 0.25]).view(1, 1, 3, 1)
    blurred = functional.conv2d(functional.pad(images, (0, 0, 1, 1), mode="replicate"), kernel)
    return torch.where(chosen, blurred, images)


def change_intensities(images: Tensor, floor: Tensor) -> Tensor:
    """Change gamma, coil shading, brightness and contrast, and add noise; ``floor`` is the background's value."""
    count, size = len(images), images.shape[-2:]
    reach = images.amax((1, 2, 3), keepdim=True) - floor + 1e-6
    gamma = torch.exp(_uniform(count, LOG_GAMMA)).view(count, 1, 1, 1)
    shading = functional.interpolate(
        torch.randn(count, 1, 3, 3) * SHADING, size=size, mode="bicubic", align_corners=False
    )
    changed = ((images - floor) / reach).clamp(0, 1) ** gamma * reach * (1 + shading)
    changed = changed - changed.mean((1, 2, 3), keepdim=True)
    changed = changed * (1 + torch.randn(count, 1, 1, 1) * CONTRAST) + torch.randn(count, 1, 1, 1) * CONTRAST
    return changed + torch.randn_like(changed) * torch.rand(count, 1, 1, 1) * NOISE


def _uniform(count: int, reach: float) -> Tensor:
    return (torch.rand(count) * 2 - 1) * reach
