"""Review: what a reviewer does with what a model saw; no scene and no widget."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...core import MM3_PER_ML, LabelMap
from ...core.arrays import read_only
from ...localizer import Findings, LabelSettings
from ...segment import Threshold
from ...views.foreground import foreground_counts
from .acceptance import Acceptance
from .accepted import AcceptedSegment, merged_label_map
from .changes import Change, Observer, Observers
from .component_changes import ComponentChanges
from .exporting import ReviewResult
from .history import History
from .host import Host, NullHost
from .mask_state import MaskState
from .review_state import ReviewState
from .scale_maps import raw_maps, strongest_images
from .setting_changes import SettingChanges
from .stored_findings import checksum, stored_findings
from .threshold_conversion import equal_threshold

if TYPE_CHECKING:
    from ...measure import ComponentMeasures


class Review(SettingChanges, ComponentChanges, Acceptance):
    """Settings, rejected components and accepted segments of one volume, with undo.

    Every label map is that of :meth:`Findings.label_map` without the rejected components, voxel by voxel. A rejected
    component is remembered by the voxel of its highest activation, as are the components kept at that moment; after any
    change a component is rejected if it holds a rejected voxel and no kept one.

    With ``preview`` a change updates the mask live, without refinement; it enters the history when :meth:`commit` is
    called or when a change without ``preview`` is made.

    Args:
        found: what the model saw.
        settings: to begin with; the model's defaults if not given.
        state: to begin with instead, with rejected components and accepted segments.
        history: of an earlier review to go on with instead.
        host: where the review is shown; not shown if not given.
    """

    def __init__(
        self,
        found: Findings,
        settings: LabelSettings | None = None,
        *,
        state: ReviewState | None = None,
        history: History[ReviewState] | None = None,
        host: Host | None = None,
    ) -> None:
        self.found = found
        self._host = host or NullHost()
        self._observers = Observers()
        self.history = history or History(state or ReviewState(settings or found.default_settings()))
        self._state = self.history.current
        self._mask_state = MaskState(found, self._state)
        self._pending = ""

    # What there is to see

    @property
    def state(self) -> ReviewState:
        """Everything that can be undone."""
        return self._state

    @property
    def settings(self) -> LabelSettings:
        """How the label map is made."""
        return self._state.settings

    @property
    def accepted(self) -> tuple[AcceptedSegment, ...]:
        """What was accepted, in the order of acceptance."""
        return self._state.accepted

    @property
    def activation(self) -> NDArray[np.float32]:
        """Evidence for a tumour in 0..1, read-only; the buffer is filled anew when the fusion changes."""
        return read_only(self._mask_state.activation, np.float32)

    @property
    def threshold_value(self) -> float:
        """Activation from which on a voxel belongs to the tumour."""
        return self._mask_state.threshold_value

    @property
    def mask(self) -> NDArray[np.uint8]:
        """The label map without the rejected components, 0 and 1, read-only; filled anew at every change."""
        return read_only(self._mask_state.mask, np.uint8)

    @property
    def label_map(self) -> LabelMap:
        """A copy of :attr:`mask` as a label map."""
        return LabelMap(self._mask_state.mask.copy(), self.found.volume.grid)

    @property
    def corrected_label_map(self) -> LabelMap:
        """What would be accepted: the label map with what was drawn by hand."""
        edited = self._host.edited_mask()
        return self.label_map if edited is None else LabelMap(edited.copy(), self.found.volume.grid)

    @property
    def result_label_map(self) -> LabelMap:
        """What is exported: the accepted segments as they are now, or else :attr:`corrected_label_map`."""
        present = self._present_segments()
        return merged_label_map(present) if present else self.corrected_label_map

    @property
    def edited(self) -> bool:
        """Whether voxels were drawn by hand since the label map was computed."""
        return self._drawn() is not None

    def _drawn(self) -> NDArray[np.uint8] | None:
        return self._host.edited_mask()

    def tell_drawn(self) -> None:
        """Tell observers that voxels were drawn by hand, or that the host took that back."""
        self._observers.tell({Change.DRAWN})

    @property
    def volume_ml(self) -> float:
        """Volume of the components that are kept, or of the label map as it was drawn by hand, in millilitres."""
        drawn = self._drawn()
        voxels = self._mask_state.voxels if drawn is None else np.count_nonzero(drawn)
        return voxels * self.found.volume.grid.voxel_volume_mm3 / MM3_PER_ML

    @property
    def rough(self) -> bool:
        """Whether the label map still lacks the refinement that is set."""
        return self._mask_state.rough

    def histogram(self, bins: int = 64) -> NDArray[np.int64]:
        """Count the voxels with an activation above 0 in even steps from 0 to 1.

        Args:
            bins: a power of two up to 4096.
        """
        return self._mask_state.levels.histogram(bins)

    def volume_curve(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return thresholds from 0 to 1 and the volume in ml at or above each, before components are chosen."""
        thresholds, voxels = self._mask_state.levels.curve()
        voxel_ml = self.found.volume.grid.voxel_volume_mm3 / MM3_PER_ML
        return thresholds, voxels.astype(np.float64) * voxel_ml

    def volume_at(self, threshold: str) -> float:
        """Return the volume in ml at or above a threshold of the present activation, before components are chosen.

        Raises:
            SettingsError: a threshold that is malformed.
        """
        levels = self._mask_state.levels
        value = np.array([Threshold.parse(threshold).value(levels)], dtype=np.float32)
        return int(levels.at_or_above(value)[0]) * self.found.volume.grid.voxel_volume_mm3 / MM3_PER_ML

    @cached_property
    def tissue_ml(self) -> float:
        """Volume of everything in the volume that is not background, in ml; takes a pass over its voxels."""
        voxels = int(foreground_counts(self.found.volume.array_kji)[0].sum())
        return voxels * self.found.volume.grid.voxel_volume_mm3 / MM3_PER_ML

    def threshold_as(self, method: str) -> str:
        """Return the threshold of another method that takes the same voxels, or nearly the same, as text.

        Args:
            method: ``fixed``, ``percentile`` or ``otsu``, whose level cannot be chosen.

        Raises:
            SettingsError: another method.
        """
        return equal_threshold(method, self.threshold_value, self._mask_state.levels)

    @property
    def scale_maps(self) -> dict[int, NDArray[np.float32]]:
        """The map of each scale in the image with the strongest evidence, 0 to 1, at the scale's own resolution."""
        return strongest_images(self.found)

    def write_left_out(self, mask_out: NDArray[np.uint8]) -> None:
        """Overwrite a mask: 1 in the candidates that the threshold leaves out and nobody took in, 0 elsewhere.

        Args:
            mask_out: C-contiguous, on the volume's grid.
        """
        self._mask_state.component_set.write(mask_out, self._mask_state.left_out & self._mask_state.rejected)

    def map_of_scale(self, scale: int) -> NDArray[np.float32]:
        """Return the raw maps of a scale, read-only, shape (images, rows, columns) in the view's order.

        Raises:
            SettingsError: a scale that the model lacks.
        """
        return raw_maps(self.found, self._known_scale(scale))

    def measure(self) -> tuple[ComponentMeasures, ...]:
        """Measure the components of :attr:`corrected_label_map`, largest first."""
        from ...measure import measure_components

        return measure_components(self.corrected_label_map, self.found.volume, self._mask_state.activation)

    # Settings

    def reset(self) -> bool:
        """Go back to the model's defaults with every component kept; what was accepted stays."""
        after = ReviewState(self.found.default_settings(), accepted=self.accepted)
        return self._change(after, "reset", preview=False)

    def _set(self, settings: LabelSettings, text: str, preview: bool) -> bool:
        return self._change(self._state.changed(settings=settings), text, preview=preview)

    # Components

    def keep_all(self) -> bool:
        """Keep every component, now and after later changes; those that the threshold leaves out stay out."""
        return self._change(
            self._state.changed(rejected_kji=(), kept_kji=(), restored_kji=()), "keep all components", preview=False
        )

    def _reject(self, labels: Collection[int], text: str) -> bool:
        return self._change(
            self._state.with_rejected(self._mask_state.component_set, labels, self._mask_state.left_out),
            text,
            preview=False,
        )

    # Files

    def export(
        self,
        folder: str | Path,
        name: str | None = None,
        *,
        overwrite: bool = False,
        file_name: str | None = None,
        exports: Collection[str] = (),
        dicom_reference: str | Path | None = None,
    ) -> Path:
        """Write the files of a case, as the command line does: what was accepted, or else the present label map.

        Accepted segments are written as they are in the scene, corrections by hand included; deleted ones are not.

        Args:
            folder: where the folder of the case is made.
            name: name of that folder; the volume's if not given.
            overwrite: replace the files of an earlier export.
            file_name: what the report calls the input, without its folder; the volume's name if not given.
            exports: further files: ``radiomics``, ``dicom-seg``, ``dicom-seg-fractional``, ``dicom-sr``, ``stl``,
                ``html``.
            dicom_reference: the DICOM series that DICOM exports refer to.

        Returns:
            The folder of the case.

        Raises:
            SettingsError: an export that is not known.
            InputError: a DICOM export without a reference, or one of another grid.
            OutputError: the folder exists, cannot be written, or the disk is full.
        """
        return self.result().export(
            Path(folder),
            name,
            overwrite=overwrite,
            file_name=file_name,
            exports=exports,
            dicom_reference=dicom_reference,
        )

    def result(self) -> ReviewResult:
        """Return what would be exported now, with what was corrected by hand; later changes leave it as it is."""
        if present := self._present_segments():
            accepted = [segment.provenance() for segment in present]
            return ReviewResult(self.found, present[-1].settings, merged_label_map(present), {"accepted": accepted})
        facts: dict[str, Any] = {
            "accepted": [],
            "edited_by_hand": self.edited,
            "rejected_components": sum(not component.kept for component in self.components),
        }
        return ReviewResult(self.found, self.settings, self.corrected_label_map, facts)

    def _present_segments(self) -> list[AcceptedSegment]:
        """Return the accepted segments with what was corrected by hand; those that were deleted are left out."""
        corrected = map(self._host.corrected, self.accepted)
        return [segment for segment in corrected if segment is not None]

    # History

    @property
    def can_undo(self) -> bool:
        """Whether there is something to undo."""
        return self.history.back is not None or self._state != self.history.current

    @property
    def can_redo(self) -> bool:
        """Whether there is something to redo."""
        return self.history.forward is not None and self._state == self.history.current

    @property
    def touched(self) -> bool:
        """Whether the reviewer changed anything but what was accepted, or could do so again."""
        begin = ReviewState(self.found.default_settings(), accepted=self.accepted)
        return self.can_undo or self.can_redo or self._state != begin

    @property
    def undo_text(self) -> str:
        """What undo takes back, such as ``threshold 0.5``; empty if nothing."""
        return self._pending if self._state != self.history.current else self.history.back_text

    @property
    def redo_text(self) -> str:
        """What redo does again; empty if nothing."""
        return self.history.forward_text if self.can_redo else ""

    def commit(self) -> None:
        """Refine if that is set, and remember all previews since the last commit as one step."""
        changes: set[Change] = set()
        if self._mask_state.rough:
            changes |= self._mask_state.update(self._state, self._state, rough=False)
        if self._state != self.history.current:
            self.history.push(self._pending, self._state)
            changes.add(Change.HISTORY)
        self._observers.tell(changes)

    def undo(self) -> bool:
        """Take the last step back; returns whether that was done."""
        self.commit()
        return self._step(-1, self.history.back)

    def redo(self) -> bool:
        """Do again what was taken back; returns whether that was done."""
        return self._step(1, self.history.forward) if self.can_redo else False

    def _step(self, by: int, state: ReviewState | None) -> bool:
        if state is None or not self._allowed(state):
            return False
        changes = self._mask_state.update(self._state, state, rough=False)
        self._state = state
        self.history.step(by)
        self._observers.tell(changes | {Change.HISTORY})
        return True

    def subscribe(self, callback: Observer) -> Callable[[], None]:
        """Call ``callback`` after every change, with what changed; the function returned ends that."""
        return self._observers.add(callback)

    def _allowed(self, after: ReviewState) -> bool:
        """Ask the host; where it refuses, observers are told to show the settings as they are."""
        if self._host.may_change(self._state, after):
            return True
        self._observers.tell({Change.SETTINGS, Change.COMPONENTS})
        return False

    def _change(self, after: ReviewState, text: str, *, preview: bool) -> bool:
        if after != self._state:
            if not self._allowed(after):
                return False
            changes = self._mask_state.update(self._state, after, rough=preview)  # raises before anything is changed
            self._state, self._pending = after, text
            self._observers.tell(changes)
        if not preview:
            self.commit()
        return True

    @cached_property
    def checksum(self) -> str:
        """What tells the voxels of the volume from those of others."""
        return checksum(self.found.volume)

    @cached_property
    def stored_findings(self) -> tuple[str, dict[str, str], dict[str, NDArray]]:
        """Checksum of the volume, texts and arrays of the findings, which never change, ready to be stored."""
        return stored_findings(self.found)
