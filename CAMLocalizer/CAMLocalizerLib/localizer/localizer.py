"""Localizer: a model bundle made ready to look at volumes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from functools import cached_property
from typing import Any

from ..core import ActivationMap, ActivationPyramid, SettingsError, Volume
from ..models import ModelBundle, load_model
from ..networks import fold_batch_norm
from ..views import SliceStack, acquisition_plane, slice_stack
from .device import choose_device, choose_precision
from .inference import Progress, SliceResults, SliceRunner
from .localization import Localization

CROPPED_TOLERANCE_MM = 1.0


class Localizer:
    """Looks at every slice of a volume with one model.

    The network is loaded once, at the first volume, and kept for the following ones.

    Args:
        model: a bundle, its name or its folder.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        batch_size: slices at once, at least 1.
        precision: ``float32``, or ``bfloat16``, which is faster where the processor has it and changes maps slightly.

    Raises:
        ModelError: the bundle is unknown or damaged.
        SettingsError: a device that is not there, a batch size below 1 or another precision.

    Example:
        >>> found = Localizer("brain-t1ce").run(read_volume("brain.nii.gz"))  # doctest: +SKIP
        >>> found.label_map(threshold="0.5").volume_mm3  # doctest: +SKIP
    """

    def __init__(
        self,
        model: ModelBundle | str | os.PathLike[str],
        *,
        device: str = "auto",
        batch_size: int = 8,
        precision: str = "float32",
    ) -> None:
        if batch_size < 1:
            raise SettingsError(f"batch size must be at least 1, got {batch_size}")
        self.model = load_model(model) if isinstance(model, str | os.PathLike) else model
        self.device = choose_device(device)
        self.dtype = choose_precision(precision)
        self.batch_size = batch_size
        self.precision = precision

    @cached_property
    def _network(self) -> Any:
        """The network for inference; it names its ``cam_layers`` and ``strides`` by scale."""
        return fold_batch_norm(self.model.network()).to(self.dtype)

    @property
    def scales(self) -> tuple[int, ...]:
        """Scales that the model's network has, finest first."""
        return tuple(sorted(self._network.cam_layers))

    def run(
        self,
        volume: Volume,
        *,
        view: str = "auto",
        scales: Iterable[int] | None = None,
        progress: Progress | None = None,
    ) -> Localization:
        """Classify every slice of ``volume`` and keep where the evidence for a tumour lies, at every scale.

        Memory beyond the volume and its maps is that of one batch. When a GPU runs out of memory the batch is halved,
        then the CPU takes over; ``notes`` of the result and a logged warning say so. Blank slices are not looked at.

        Args:
            volume: any orientation.
            view: ``axial``, ``coronal``, ``sagittal``, or ``auto``: the plane of acquisition.
            scales: scales to keep; all that the network has if not given.
            progress: called after each batch with (slices done, slices); what it raises ends the run.

        Returns:
            The maps and probabilities, from which label maps are made without further inference.

        Raises:
            SettingsError: a view or scale that the model lacks.
        """
        begin = time.perf_counter()
        kept = self._check_scales(scales)
        notes: list[str] = []
        stack = self._slices(volume, view, notes)
        runner = SliceRunner(
            network=self._network.to(self.device),
            layers={scale: self._network.cam_layers[scale] for scale in kept},
            card=self.model.card,
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            notes=notes,
        )
        width, height = stack.size
        strides = {scale: int(self._network.strides[scale]) for scale in kept}
        sizes = {scale: (width // stride, height // stride) for scale, stride in strides.items()}
        results = SliceResults.blank(self.model.card, len(stack), sizes)
        loaded = time.perf_counter()
        runner.run(stack, results, progress)
        timings = {"preparation": loaded - begin, "inference": time.perf_counter() - loaded}
        pyramid = self._pyramid(stack, results, strides)
        return Localization(
            volume=volume,
            pyramid=pyramid,
            card=self.model.card,
            view=stack.plane,
            device=str(runner.device),
            timings_s=timings,
            notes=tuple(notes),
        )

    def _check_scales(self, scales: Iterable[int] | None) -> tuple[int, ...]:
        wanted = self.scales if scales is None else tuple(sorted(set(scales)))
        if not wanted or set(wanted) - set(self.scales):
            raise SettingsError(f"scales {wanted} asked for, model {self.model.card.name} has {self.scales}")
        return wanted

    def _slices(self, volume: Volume, view: str, notes: list[str]) -> SliceStack:
        card = self.model.card
        plane = acquisition_plane(volume.grid) if view == "auto" else view
        if plane not in card.views and view == "auto":
            notes.append(f"{card.name} takes no {plane} slices, as were acquired; looked at {card.views[0]} ones")
            plane = card.views[0]
        if plane not in card.views:
            raise SettingsError(f"view {plane!r} asked for, model {card.name} takes {', '.join(card.views)} or auto")
        stack = slice_stack(volume, plane, spacing_mm=card.spacing_mm, size=card.size)
        if max(cropped := stack.cropped_mm) > CROPPED_TOLERANCE_MM:
            notes.append(
                f"{cropped[0]:.0f} mm of the slices' width and {cropped[1]:.0f} mm of their height lie outside "
                f"the model's field of view and were not looked at"
            )
        return stack

    def _pyramid(self, stack: SliceStack, results: SliceResults, strides: dict[int, int]) -> ActivationPyramid:
        card = self.model.card
        maps = []
        for scale, stride in strides.items():
            array = results.maps[scale]
            cells = stack.cell_grid(array.shape[:0:-1], stride, (stride - 1) / 2)
            maps.append(ActivationMap(scale, array, cells))
        return ActivationPyramid(
            maps=tuple(maps),
            probabilities=results.probabilities,
            classes=card.classes,
            targets=results.targets,
            tumour_classes=card.tumour_classes,
            view=stack.plane,
            source_grid=stack.volume.grid,
        )
