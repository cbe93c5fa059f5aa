"""DeviceList: where a model can run on this computer."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

ALWAYS = frozenset({"auto", "cpu"})


class DeviceList:
    """Offers the devices that exist; what another computer had chosen in the scene is replaced once they are known.

    Args:
        ui: the widgets of the panel by name.
        parameters: returns the parameters of the scene; None while the panel is closed.
    """

    def __init__(self, ui: Any, parameters: Callable[[], Any]) -> None:
        self._ui, self._parameters = ui, parameters
        self._kinds: Collection[str] | None = None
        self._offered: tuple[Any, ...] = ()
        ui.deviceSelector.connect("currentIndexChanged(int)", self.on_chosen)

    def offer(self, kinds: Collection[str]) -> None:
        """Offer devices.

        Args:
            kinds: ``cpu``, ``cuda``, ``mps``: those that were found.
        """
        self._kinds = kinds
        self.show()

    def show(self) -> None:
        """List the devices and mark the chosen one."""
        parameters = self._parameters()
        if not parameters:
            return
        devices, chosen = type(parameters.device), parameters.device
        if self._kinds is not None and chosen.value not in {*ALWAYS, *self._kinds}:
            parameters.device = chosen = devices("auto")
        known = {*ALWAYS, *(self._kinds or ()), chosen.value}
        combo, self._offered = self._ui.deviceSelector, ()  # while the list is filled nothing is chosen
        combo.clear()
        offered = tuple(device for device in devices if device.value in known)
        for device in offered:
            combo.addItem(device.label(), device.value)
        combo.currentIndex = combo.findData(chosen.value)
        self._offered = offered

    def on_chosen(self, index: int) -> None:
        """Choose a device."""
        parameters = self._parameters()
        if parameters and 0 <= index < len(self._offered):
            parameters.device = self._offered[index]
