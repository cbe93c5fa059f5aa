"""Localizer: a model bundle made ready for inference on volumes."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property
from typing import Any

from ..core import ActivationMap, ActivationPyramid, Volume, check_scales
from ..models import ModelBundle, load_model
from ..networks import fold_batch_norm
from ..views import (
    PIXELS_PER_CELL,
    ProjectionPair,
    SliceStack,
    acquisition_plane,
    extend_to_border,
    projection_size,
    slice_stack,
)
from .candidate_run import SCALE, classify_candidates, is_cut_out
from .device import choose_device, choose_precision
from .inference import Progress, ProjectionRunner, SliceResults, SliceRunner
from .inputs import check_extent, check_typical, check_unit, check_uptake, standardised
from .localization import Localization
from .projection_localization import ProjectionLocalization
from .run_options import RunOptions, check_view
from .smoothing import smooth_along_stack

CROPPED_TOLERANCE_MM = 1.0


class Localizer:
    """Runs one model on every slice of a volume, or on its two projections.

    The network is loaded once, at the first volume, and kept for the following ones.

    Args:
        model: a bundle, its name or its folder.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        batch_size: slices at once, at least 1.
        precision: ``float32``, or ``bfloat16``, which is faster where the processor has it and changes maps slightly.
        map: name of the method that makes the maps, a key of :data:`CAMLocalizerLib.cam.METHODS`; the model's own if
            not given.

    Raises:
        ModelError: the bundle is unknown or damaged.
        SettingsError: a device that is not there, a batch size below 1, another precision or an unknown method.

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
        map: str | None = None,  # noqa: A002  the field's word
    ) -> None:
        RunOptions(device=device, batch_size=batch_size, precision=precision, map=map)  # checks them
        self.model = load_model(model) if isinstance(model, str | os.PathLike) else model
        self.device = choose_device(device)
        self.dtype = choose_precision(precision)
        self.batch_size = batch_size
        self.precision = precision
        self.map = self.model.card.map if map is None else map

    @classmethod
    def of(cls, options: RunOptions) -> Localizer:
        """Open the model that options name, and see that it takes their view.

        Raises:
            ModelError: the bundle is unknown or damaged.
            SettingsError: a device that is not there, or a view that the model does not take.
        """
        made = cls(
            options.model,
            device=options.device,
            batch_size=options.batch_size,
            precision=options.precision,
            map=options.map,
        )
        check_view(options.view, made.model.card)
        return made

    @cached_property
    def _network(self) -> Any:
        """The network for inference; it names its ``cam_layers``, ``strides`` and perhaps ``offsets`` by scale."""
        network = self.model.network()
        return network if self.model.card.candidates else fold_batch_norm(network).to(self.dtype)

    @property
    def _offsets(self) -> dict[int, float]:
        """Pixel index of the first cell's centre, of the scales whose cells do not simply lie in the middle."""
        return {scale: float(offset) for scale, offset in getattr(self._network, "offsets", {}).items()}

    @property
    def scales(self) -> tuple[int, ...]:
        """Scales that the model's network has, finest first."""
        return (SCALE,) if self.model.card.candidates else tuple(sorted(self._network.cam_layers))

    def run(
        self,
        volume: Volume,
        *,
        view: str = "auto",
        scales: Iterable[int] | None = None,
        progress: Progress | None = None,
    ) -> Localization | ProjectionLocalization:
        """Classify the images of ``volume`` and keep where the evidence for a tumour lies, at every scale.

        The images are its slices or, where the model asks for them, its coronal and sagittal maximum intensity
        projection. Memory beyond the volume and its maps is that of one batch. When a GPU runs out of memory the batch
        is halved, then the CPU takes over; ``notes`` of the result and a logged warning say so. Blank images are
        skipped.

        Args:
            volume: any orientation.
            view: ``axial``, ``coronal``, ``sagittal``, or ``auto``: the plane of acquisition, or the projections.
            scales: scales to keep; all that the network has if not given.
            progress: called after each batch with (images done, images); what it raises ends the run.

        Returns:
            The maps and probabilities, from which label maps are made without further inference.

        Raises:
            SettingsError: a view or scale that the model lacks.
            InputError: a unit that the model does not take, or a volume too thin to be projected.
        """
        begin = time.perf_counter()
        kept = self._check_scales(scales)
        card = self.model.card
        check_view(view, card)
        if card.candidates:
            return self._candidates(volume, progress)
        notes = [*volume.notes, *check_unit(volume, card)]
        strides = {scale: int(self._network.strides[scale]) for scale in kept}
        stack = self._projections(volume, strides, notes) if card.projections else self._slices(volume, view, notes)
        notes += check_typical(stack, card)
        runner = self._runner(kept, notes)
        width, height = stack.pixels if isinstance(stack, ProjectionPair) else stack.size
        sizes = {scale: (width // stride, height // stride) for scale, stride in strides.items()}
        results = SliceResults.blank(card, len(stack), sizes)
        loaded = time.perf_counter()
        runner.run(stack, results, progress)
        timings = {"preparation": loaded - begin, "inference": time.perf_counter() - loaded}
        known: dict[str, Any] = {
            "card": card,
            "device": str(runner.device),
            "timings_s": timings,
            "notes": tuple(notes),
        }
        if isinstance(stack, ProjectionPair):
            known["offsets"] = self._offsets
            return ProjectionLocalization(stack, results.maps, strides, results.probabilities, **known)
        smooth_along_stack(results, stack.grid.spacing_mm[2], card.stack_smoothing_mm)
        pyramid = self._pyramid(stack, results, strides)
        return Localization(volume=volume, pyramid=pyramid, view=stack.plane, **known)

    def _candidates(self, volume: Volume, progress: Progress | None) -> ProjectionLocalization:
        """Judge the places of uptake of the whole volume."""
        begin = time.perf_counter()
        card = self.model.card
        judged, factor, assumed = standardised(volume, card)
        notes = [*volume.notes, *assumed]
        pair = self._projections(judged, {SCALE: 1}, notes)
        if is_cut_out(volume):
            notes.append("a small part of a body, taken as cut out around a finding: probabilities are raised")
        known: dict[str, Any] = {"device": str(self.device)}
        found = classify_candidates(
            pair, self._network.to(self.device), card, device=self.device, known=known, progress=progress
        )
        timings = {"inference": time.perf_counter() - begin}
        own = replace(pair, volume=volume)
        return replace(found, pair=own, factor=factor, notes=tuple(notes), timings_s=timings)

    def _runner(self, scales: tuple[int, ...], notes: list[str]) -> SliceRunner:
        kind = ProjectionRunner if self.model.card.projections else SliceRunner
        return kind(
            network=self._network.to(self.device),
            layers={scale: self._network.cam_layers[scale] for scale in scales},
            card=self.model.card,
            device=self.device,
            dtype=self.dtype,
            batch_size=self.batch_size,
            map=self.map,
            notes=notes,
        )

    def _check_scales(self, scales: Iterable[int] | None) -> tuple[int, ...]:
        wanted = self.scales if scales is None else tuple(sorted(set(scales)))
        check_scales(wanted, self.scales)
        return wanted

    def _slices(self, volume: Volume, view: str, notes: list[str]) -> SliceStack:
        card = self.model.card
        plane = acquisition_plane(volume.grid) if view == "auto" else view
        if plane not in card.views and view == "auto":
            notes.append(f"{card.name} does not take the acquired {plane} slices; used {card.views[0]} slices")
            plane = card.views[0]
        stack = slice_stack(volume, plane, spacing_mm=card.spacing_mm, size=card.size, centre=card.centre)
        if max(cropped := stack.cropped_mm) > CROPPED_TOLERANCE_MM:
            whose = "volume's" if card.centre == "volume" else "body's"
            notes.append(
                f"{cropped[0]:.0f} mm of the {whose} width and {cropped[1]:.0f} mm of its height lie outside "
                f"the model's field of view and were not used"
            )
        return stack

    def _projections(self, volume: Volume, strides: dict[int, int], notes: list[str]) -> ProjectionPair:
        """Project the whole volume, on at least the size that the model was trained on."""
        card = self.model.card
        check_extent(volume, card, min(strides.values()) * card.spacing_mm)
        whole_cells = math.lcm(PIXELS_PER_CELL, *strides.values())
        size = projection_size(volume.grid, card.spacing_mm, card.size, whole_cells)
        pair = ProjectionPair(volume, spacing_mm=card.spacing_mm, size=size)
        notes += check_uptake(pair, card)
        if not card.other_classes:
            notes.append(f"{card.name} tells types of tumour apart and knows no case without one")
        return pair

    def _pyramid(self, stack: SliceStack, results: SliceResults, strides: dict[int, int]) -> ActivationPyramid:
        card = self.model.card
        maps = []
        for scale, stride in strides.items():
            cells, grid = extend_to_border(stack, results.maps[scale], stride, self._offsets.get(scale))
            maps.append(ActivationMap(scale, cells, grid))
        return ActivationPyramid(
            maps=tuple(maps),
            probabilities=results.probabilities,
            classes=card.classes,
            targets=results.targets,
            tumour_classes=card.tumour_classes,
            view=stack.plane,
            source_grid=stack.volume.grid,
        )
