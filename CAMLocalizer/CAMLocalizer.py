"""Slicer module: finds tumours in a volume with the class activation maps of a classifier, and lets you review them."""

from __future__ import annotations

import contextlib
import enum
import importlib.metadata
import importlib.util
import inspect
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

LIBRARY = "CAMLocalizerLib"
ROLE = "CAMLocalizer.Role"  # attribute of the nodes by which the workbench shows a review
DEFAULT_MODEL = "brain-t1ce"
HOME_PAGE = "https://github.com/CAMLocalizer/CAMLocalizer"
# The volume that scripts/_sample.py takes from the source package of pyradiomics
SAMPLE_NAME = "PyradiomicsBrain1"
SAMPLE_FILE = "brain1_image.nrrd"
SAMPLE_URL = f"https://raw.githubusercontent.com/AIM-Harvard/pyradiomics/v3.0.1/data/{SAMPLE_FILE}"
SAMPLE_SHA256 = "fffdb111ee8b428ede7256707393c927a7d5be912f0604cf3c6f1bd5fc9644cf"

POLL_MS, DRAG_MS, REST_MS = 100, 15, 150
SCALE_CELLS = 5
ROWS = 50  # a very low threshold leaves thousands of regions
KEEP, VOLUME, CENTRE, PEAK = range(4)
BUTTONS = ("runButton", "undoButton", "redoButton", "resetButton", "acceptButton", "exportButton", "installButton")
PYTHON = (3, 11)
SLICERS_OWN = ("numpy", "scipy", "SimpleITK", "pydicom")  # must never be replaced


# Module


class CAMLocalizer(ScriptedLoadableModule):
    """Name, help and place of the module."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("CAM Localizer")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = []
        self.parent.contributors = ["CAMLocalizer contributors"]
        self.parent.helpText = _(
            "Shows where a classifier sees a tumour and lets you make a segmentation of it. Choose a volume and a "
            "model and press Run; then move the threshold, choose scales and regions, and accept what is right. "
            "For research, not for diagnosis."
        )
        self.parent.helpText += _('<p>More is in the <a href="{url}">documentation</a>.</p>').format(url=HOME_PAGE)
        self.parent.acknowledgementText = _(
            "Methods: PG-CAM (Lee et al., 2018), quantitative class activation maps (Kang et al., 2021), classifiers "
            "as segmenters (Guan and Loew, 2021), PET from two projections (Amyar et al., 2020), SAM and HESAM (Lei et "
            "al., 2018). Training data: figshare brain tumour data set (Cheng et al., 2015), TCIA "
            "Brain-Tumor-Progression (Schmainda and Prah, 2018) and MR images of patients with multiple sclerosis "
            "(Lesjak et al., 2018). Sample data: brain1 of pyradiomics (van Griethuysen et al., 2017). No grant "
            "supported this work."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


def registerSampleData() -> None:
    """Offer the sample volume in Slicer's Sample Data module, which downloads it and checks it."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="CAMLocalizer",
        sampleName=SAMPLE_NAME,
        thumbnailFileName=str(Path(__file__).resolve().parent / "Resources" / "Icons" / "CAMLocalizer.png"),
        uris=SAMPLE_URL,
        fileNames=SAMPLE_FILE,
        checksums=f"SHA256:{SAMPLE_SHA256}",
        nodeNames=SAMPLE_NAME,
        loadFileTypes="VolumeFile",  # or a segmentation's reader may take it
    )


# Parameters


class View(enum.Enum):
    """Which slices are looked at."""

    AUTO = "auto"
    AXIAL = "axial"
    CORONAL = "coronal"
    SAGITTAL = "sagittal"

    def label(self) -> str:
        """Return what the panel calls it."""
        return {
            View.AUTO: _("Plane of acquisition"),
            View.AXIAL: _("Axial"),
            View.CORONAL: _("Coronal"),
            View.SAGITTAL: _("Sagittal"),
        }[self]


class Device(enum.Enum):
    """Where the classifier runs."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"

    def label(self) -> str:
        """Return what the panel calls it."""
        return {
            Device.AUTO: _("Automatic"),
            Device.CPU: _("Processor (CPU)"),
            Device.CUDA: _("NVIDIA graphics card (CUDA)"),
            Device.MPS: _("Apple graphics (MPS)"),
        }[self]


@parameterNodeWrapper
class CAMLocalizerParameterNode:
    """What the user chose; saved with the scene. The review itself is kept by the workbench.

    inputVolume: the volume to look at.
    model: name or folder of the model bundle; empty for the one that suits the volume.
    view: which slices are looked at.
    device: where the classifier runs.
    outputSegmentation: receives what is accepted; None for a new one.
    overlayOpacity: of the activation map over the volume.
    showLegend: whether the slice views explain the colours of the map.
    showSurface: whether the tumour is shown in 3D.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    model: str = ""
    view: View = View.AUTO
    device: Device = Device.AUTO
    outputSegmentation: vtkMRMLSegmentationNode
    overlayOpacity: Annotated[float, WithinRange(0, 1)] = 0.4
    showLegend: bool = True
    showSurface: bool = True


# Panel


class CAMLocalizerWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: shows the state of the workbench and passes gestures on to it."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.ui = None
        self.workbench = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._look = self._current = None
        self._cards: dict[str, Any] = {}
        self._packages = self._missing = ()
        self._probe = self._devices = None
        self._stopListening = None
        self._filling = False  # while the panel is filled, its signals are no gestures
        self._gestures: dict[str, Callable[[], Any]] = {}
        self._watched: list[tuple[Any, Any]] = []

    # Its life

    def setup(self) -> None:
        """Build the panel, when the module is opened first."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/CAMLocalizer.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = CAMLocalizerLogic()
        self._tips = {name: getattr(self.ui, name).toolTip for name in (*BUTTONS, "modelSelector")}
        self._pollTimer = makeTimer(POLL_MS, self.onPoll)
        self._gestureTimer = makeTimer(DRAG_MS, self.onGestures, singleShot=True)
        self._restTimer = makeTimer(REST_MS, self.onRest, singleShot=True)
        self._probeTimer = makeTimer(POLL_MS, self.onProbe)
        self.setupRun()
        self.setupThreshold()
        self.setupScales()
        self.setupComponents()
        self.setupMoreSettings()
        self.setupResult()
        self.setupInstallation()
        if sys.version_info < PYTHON:
            sentence = _("This Slicer has Python {0}.{1}; CAM Localizer needs Slicer 5.10 or later.")
            self.say(sentence.format(*sys.version_info))
            return
        self.checkInstallation()
        self.openWorkbench()

    def openWorkbench(self) -> None:
        """Begin to work with the scene, if everything is installed that this takes."""
        try:
            self.workbench = self.logic.newWorkbench(confirm=slicer.util.confirmYesNoDisplay)
        except ImportError as error:
            self.say(_("{error}: see Set-up below.").format(error=error))
            return
        self.workbench.subscribe(self.showReview)
        scene = slicer.mrmlScene
        self.addObserver(scene, scene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(scene, scene.EndCloseEvent, self.onSceneEndClose)
        self.addObserver(scene, scene.EndImportEvent, self.onSceneEndImport)
        self.fillModels()
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Let go of the scene, when the application closes or the module is reloaded; a run is cancelled."""
        for timer in (self._pollTimer, self._gestureTimer, self._restTimer, self._probeTimer):
            timer.stop()
        if self._probe is not None:
            self._probe.cancel()
        for picture, watcher in self._watched:
            picture.removeEventFilter(watcher)
        self._watched = []
        self.setParameterNode(None)
        self.removeObservers()
        if self.workbench is not None:
            self.workbench.close()
            self.workbench = None

    def onReload(self) -> None:
        """Read the library anew too, when a developer reloads the module."""
        for name in [name for name in sys.modules if name.split(".")[0] == LIBRARY]:
            del sys.modules[name]
        super().onReload()

    def enter(self) -> None:
        """Show the parameters of the scene, whenever the module is opened."""
        if self.workbench is not None:
            self.initializeParameterNode()

    def exit(self) -> None:
        """Stop following the parameters while another module is open; a run goes on."""
        self.onRest()
        self.setParameterNode(None)

    def onSceneStartClose(self, _caller: Any, _event: Any) -> None:
        """Let go of the parameters before the scene is emptied; the workbench cancels a run by itself."""
        self._gestures.clear()
        self._pollTimer.stop()
        self.setParameterNode(None)

    def onSceneEndClose(self, _caller: Any, _event: Any) -> None:
        """Make new parameters if the panel is open while the scene is emptied."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def onSceneEndImport(self, _caller: Any, _event: Any) -> None:
        """Show the review that a scene brought along."""
        if self.parent.isEntered:
            self.setParameterNode(None)
            self.hideOwnNodes()
            self.initializeParameterNode()
            if self.review is None:
                self.workbench.restore()

    # Parameters

    def initializeParameterNode(self) -> None:
        """Follow the scene's parameters; take the first volume if none was chosen."""
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.inputVolume:
            self._parameterNode.inputVolume = self.logic.firstVolume()

    def setParameterNode(self, parameterNode: CAMLocalizerParameterNode | None) -> None:
        """Connect the panel to these parameters instead of the former ones."""
        if self._parameterNode:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameterNodeModified)
        self._parameterNode = parameterNode
        if self._parameterNode:
            self._parameterNodeGuiTag = self._parameterNode.connectGui(self.ui)
            self.addObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParameterNodeModified)
            self.onParameterNodeModified()

    def onParameterNodeModified(self, _caller: Any = None, _event: Any = None) -> None:
        """Tell the workbench what was chosen."""
        node, workbench = self._parameterNode, self.workbench
        if slicer.mrmlScene.IsImporting():
            return  # half of what belongs together is there
        with self.saying():
            workbench.choose_volume(node.inputVolume)
            self.followPlace(node.inputVolume)
            workbench.view, workbench.device = node.view.value, node.device.value
            if workbench.output_node is not node.outputSegmentation:
                workbench.choose_output(node.outputSegmentation)
            if node.model and node.model != workbench.model:
                workbench.choose_model(node.model)
        if workbench.show_surface != node.showSurface:
            workbench.show_surface = node.showSurface
            self._restTimer.start()
        self.onReviewChanged(frozenset())
        self.showLayer()

    def followPlace(self, volumeNode: Any) -> None:
        """Hear when a volume is moved, which maps made before do not follow."""
        moved = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        if volumeNode is not None and not self.hasObserver(volumeNode, moved, self.onVolumeMoved):
            self.addObserver(volumeNode, moved, self.onVolumeMoved)

    def onVolumeMoved(self, _caller: Any, _event: Any) -> None:
        """Say that the review does not fit the volume any more, or that it fits again."""
        self.soon("moved", lambda: self.onReviewChanged(frozenset()))

    def fillModels(self) -> None:
        """Offer the installed models, each with its description."""
        import qt

        self._cards = self.workbench.models()
        combo = self.ui.modelSelector
        combo.clear()
        for name, card in self._cards.items():
            combo.addItem(f"{name} ({card.modality})", name)
            combo.setItemData(combo.count - 1, card.intended_use, qt.Qt.ToolTipRole)

    def onModelChosen(self, index: int) -> None:
        """Remember the chosen model in the scene."""
        name = self.ui.modelSelector.itemData(index)
        with self.saying():
            self.workbench.choose_model(name)
            self._parameterNode.model = name
        self.showRun()

    # Run

    def setupRun(self) -> None:
        """Connect model and run."""
        self.ui.modelSelector.connect("activated(int)", self.onModelChosen)
        self.ui.runButton.connect("clicked()", self.onRunButton)

    def onRunButton(self) -> None:
        """Start the classifier, or end it if it runs."""
        with self.saying():
            if self.workbench.running:
                self.workbench.cancel()
            elif self.workbench.run():
                self._pollTimer.start()
        self.showRun()

    def onPoll(self) -> None:
        """Look how far the run is, and show what it found at its end."""
        if not self.workbench.poll().running:
            self._pollTimer.stop()
            self.onRest()
            self.lookAtTumour()
        self.showRun()

    def lookAtTumour(self) -> None:
        """Let all views go to the largest region that was found."""
        if self.workbench.status.state != "done" or self.review is None or not self.review.components:
            return
        self.workbench.jump_to_component(1)
        manager = slicer.app.layoutManager()
        for index in range(manager.threeDViewCount if manager else 0):
            manager.threeDWidget(index).threeDView().resetFocalPoint()

    def showRun(self) -> None:
        """Show what can be run and how far it is."""
        ui, status, running = self.ui, self.workbench.status, self.workbench.running
        for widget in (ui.inputSelector, ui.modelSelector, ui.deviceSelector):
            widget.enabled = not running
        card = self._cards.get(self.workbench.model)
        ui.viewSelector.enabled = not running and card is not None and not card.projections
        ui.modelSelector.currentIndex = ui.modelSelector.findData(self.workbench.model)
        ui.modelSelector.toolTip = self._tips["modelSelector"] if card is None else f"{card.intended_use} {card.limits}"
        ui.runButton.text = _("Cancel") if running else _("Run")
        self.allow("runButton", "" if running else self.whyNotRun())
        if running:
            ui.runButton.toolTip = _("Stop the classifier; nothing of this run is kept.")
        ui.progressBar.visible = running
        ui.progressBar.maximum = status.total
        ui.progressBar.value = status.done
        ui.progressBar.format = status.sentence
        self.showStatus()

    def showStatus(self) -> None:
        """Say what was found, or what to do next."""
        notice, status = self.workbench.notice(), self.workbench.status
        ready = self.whyNotRun() or _("Press Run to look for tumours.")
        self.say(notice or ("" if status.running and status.total else status.sentence or ready))

    @property
    def available(self) -> Any:
        """Why actions cannot be done now."""
        from CAMLocalizerLib.workbench import Availability

        return Availability(self.workbench)

    def whyNotRun(self) -> str:
        """Say why no run can be started; empty if one can."""
        if self._missing:
            return _("{name} is not installed; see Set-up below.").format(name=self._missing[0].name)
        return self.available.run_blocker()

    # Threshold

    def setupThreshold(self) -> None:
        """Connect method, slider, number and histogram of the threshold."""
        ui = self.ui
        methods = {"fixed": _("Fraction of the highest"), "percentile": _("Percentile"), "otsu": _("Automatic (Otsu)")}
        fillCombo(ui.thresholdMethod, methods)
        ui.thresholdMethod.connect("activated(int)", self.onThresholdMethod)
        ui.thresholdSlider.connect("valueChanged(double)", self.onThresholdMoved)
        ui.thresholdSpinBox.connect("valueChanged(double)", self.onThresholdMoved)
        self.watch(ui.histogramPicture, self.onHistogramPressed, self.showHistogram)

    def onThresholdMethod(self, index: int) -> None:
        """Choose the threshold in another way, beginning where it is."""
        method = self.ui.thresholdMethod.itemData(index)
        self.soon("threshold", lambda: self.review.set_threshold(self.review.threshold_as(method)))

    def onThresholdMoved(self, percent: float) -> None:
        """Follow slider or number."""
        method = self.ui.thresholdMethod.itemData(self.ui.thresholdMethod.currentIndex)
        text = f"q{percent:g}" if method == "percentile" else f"{percent / 100:g}"
        self.soon("threshold", lambda: self.review.set_threshold(text, preview=True))

    def onHistogramPressed(self, part: float) -> None:
        """Put the threshold where the histogram is pressed."""
        self.soon("threshold", lambda: self.review.set_threshold(f"{part:.3g}", preview=True))

    def showThreshold(self) -> None:
        """Show the threshold that is set."""
        from CAMLocalizerLib.segment import Threshold

        ui = self.ui
        threshold = Threshold.parse(self.review.settings.threshold)
        ui.thresholdMethod.currentIndex = ui.thresholdMethod.findData(threshold.method)
        level = self.review.threshold_value if threshold.method == "otsu" else threshold.level
        percent = level if threshold.method == "percentile" else 100 * level
        for widget in (ui.thresholdSlider, ui.thresholdSpinBox):
            widget.value = percent
            widget.enabled = threshold.method != "otsu"

    def showHistogram(self) -> None:
        """Show the histogram of the map, the volume at each threshold, and the threshold that is set."""
        from CAMLocalizerLib.workbench import pictures

        review = self.review
        curve = review.volume_curve()[1]
        counts, level = review.histogram(), review.threshold_value
        paint(self.ui.histogramPicture, pictures.histogram_picture, counts, level, curve=curve)

    def showVolume(self) -> None:
        """Show how large the tumour is."""
        from CAMLocalizerLib.workbench.presenter import volume_text

        kept = sum(component.kept for component in self.review.components)
        self.ui.volumeLabel.text = volume_text(self.review.volume_ml)
        self.ui.countLabel.text = _("1 region") if kept == 1 else _("{count} regions").format(count=kept)

    # Scales

    def setupScales(self) -> None:
        """Connect the cells of the scale picker."""
        for cell in range(SCALE_CELLS):
            picture, checkBox, spinBox = self.scaleCell(cell)
            checkBox.connect("clicked()", self.onScalesChosen)
            spinBox.connect("valueChanged(double)", lambda weight, cell=cell: self.onWeightMoved(cell, weight))
            self.watch(
                picture, lambda _part, box=checkBox: box.visible and box.click(), self.showScaleMaps, drags=False
            )

    def scaleCell(self, cell: int) -> tuple[Any, Any, Any]:
        """Return picture, check box and weight of a cell of the scale picker."""
        return tuple(getattr(self.ui, f"{name}{cell}") for name in ("scalePicture", "scaleCheckBox", "scaleWeight"))

    def onScalesChosen(self) -> None:
        """Put the ticked scales together."""
        scales = [scale for cell, scale in self.scales() if self.scaleCell(cell)[1].checked]
        self.soon("scales", lambda: self.review.set_scales(scales))

    def onWeightMoved(self, cell: int, weight: float) -> None:
        """Let a scale count more or less."""
        scale = dict(self.scales()).get(cell)
        self.soon(f"weight {cell}", lambda: self.review.set_weight(scale, weight, preview=True))

    def scales(self) -> list[tuple[int, int]]:
        """Return the cells in use, each with its scale."""
        return list(enumerate(self.review.found.scales[:SCALE_CELLS])) if self.review else []

    def showScales(self) -> None:
        """Show which scales there are, which are used and how much each counts."""
        used, weights, scales = self.review.settings.scales, dict(self.review.settings.weights), dict(self.scales())
        self.ui.scalesLabel.visible = len(scales) > 1
        for cell in range(SCALE_CELLS):
            picture, checkBox, spinBox = self.scaleCell(cell)
            picture.visible = cell in scales
            checkBox.visible = spinBox.visible = cell in scales and len(scales) > 1
            if cell in scales:
                checkBox.text = _("Scale {number}").format(number=scales[cell])
                checkBox.checked = scales[cell] in used
                spinBox.value = weights[scales[cell]]
                spinBox.enabled = scales[cell] in used

    def showScaleMaps(self) -> None:
        """Show each scale's map, small."""
        from CAMLocalizerLib.workbench import pictures

        maps = self.review.scale_maps
        for cell, scale in self.scales():
            paint(self.scaleCell(cell)[0], pictures.map_picture, maps[scale])

    # Regions

    def setupComponents(self) -> None:
        """Connect the table of regions."""
        table = self.ui.componentsTable
        self.showColumns(())
        table.verticalHeader().setVisible(False)
        table.connect("itemChanged(QTableWidgetItem*)", self.onComponentTicked)
        table.connect("cellClicked(int,int)", lambda row, _column: self.onComponentChosen(row))
        table.connect("currentCellChanged(int,int,int,int)", lambda row, *_others: self.onComponentChosen(row))

    def showColumns(self, further: Sequence[str]) -> None:
        """Give the table of regions its columns, and further ones behind them."""
        import qt

        titles = [_("Keep"), _("Volume (ml)"), _("Centre (mm)"), _("Peak"), *further]
        table = self.ui.componentsTable
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        for column in range(len(titles)):
            mode = qt.QHeaderView.Stretch if column == CENTRE else qt.QHeaderView.ResizeToContents
            table.horizontalHeader().setSectionResizeMode(column, mode)

    def onComponentTicked(self, item: Any) -> None:
        """Keep a region or leave it out."""
        import qt

        row, kept = item.row(), item.checkState() == qt.Qt.Checked
        change = "restore_component" if kept else "reject_component"
        self.soon("component", lambda: getattr(self.review, change)(row + 1))

    def onComponentChosen(self, row: int) -> None:
        """Let the slice views go to a region."""
        if row >= 0:
            self.soon("jump", lambda: self.workbench.jump_to_component(row + 1))

    def showComponents(self) -> None:
        """List the regions, largest first; those of a PET in SUV with its measures."""
        from CAMLocalizerLib.core import SUV_COLUMNS

        components, total = self.review.components, self.review.suv_total
        table = self.ui.componentsTable
        self.showColumns(() if total is None else [column.title for column in SUV_COLUMNS])
        self.ui.suvLabel.visible = total is not None and bool(components)
        self.ui.suvLabel.text = "" if total is None else _("All kept: {measures}").format(measures=total.sentence())
        table.rowCount = min(len(components), ROWS)
        for row, component in enumerate(components[:ROWS]):
            table.setItem(row, KEEP, tableItem("", checked=component.kept))
            table.setItem(row, VOLUME, tableItem(f"{component.volume_ml:.2f}"))
            table.setItem(row, CENTRE, tableItem(rasText(component.centre_lps_mm)))
            table.setItem(row, PEAK, tableItem(f"{component.peak:.2f}"))
            for column, text in enumerate(() if component.suv is None else component.suv.texts(), start=PEAK + 1):
                table.setItem(row, column, tableItem(text))

    # More settings

    def setupMoreSettings(self) -> None:
        """Connect the settings that few need."""
        ui = self.ui
        refinements = {"none": _("No"), "random-walk": _("By random walk"), "geodesic": _("By geodesic distance")}
        levels = {
            "slice": _("Highest of each slice"),
            "volume": _("Highest of the scan"),
            "reference": _("Fixed level"),
        }
        fillCombo(ui.refinementSelector, refinements)
        borders = {
            "adaptive": _("Adaptive"),
            "41%": _("41 % of the highest uptake"),
            "50%": _("50 % of the highest uptake"),
            "suv2.5": _("SUV 2.5"),
            "suv4": _("SUV 4"),
            "liver": _("1.5 times the liver (PERCIST)"),
        }
        fillCombo(ui.normalisationSelector, levels)
        fillCombo(ui.borderSelector, borders)
        self.bind(ui.refinementSelector, "activated(int)", "set_refinement", ui.refinementSelector.itemData)
        self.bind(ui.normalisationSelector, "activated(int)", "set_normalisation", ui.normalisationSelector.itemData)
        self.bind(ui.minVolumeSpinBox, "valueChanged(double)", "set_min_volume_ml", preview=True)
        self.bind(ui.probabilityLimitSlider, "valueChanged(double)", "set_probability_limit", preview=True)
        self.bind(ui.keepLargestSpinBox, "valueChanged(int)", "set_keep_largest", lambda n: n or None, preview=True)
        self.bind(ui.borderSelector, "activated(int)", "set_uptake_border", ui.borderSelector.itemData)

    def bind(
        self, widget: Any, signal: str, setter: str, value: Callable = lambda given: given, **options: Any
    ) -> None:
        """Let a widget call a setter of the review."""
        widget.connect(
            signal, lambda given: self.soon(setter, lambda: getattr(self.review, setter)(value(given), **options))
        )

    def showMoreSettings(self) -> None:
        """Show the settings that few need."""
        ui, settings = self.ui, self.review.settings
        slices = not settings.uptake_border
        ui.refinementSelector.currentIndex = ui.refinementSelector.findData(settings.refinement)
        ui.normalisationSelector.currentIndex = ui.normalisationSelector.findData(settings.normalisation)
        ui.minVolumeSpinBox.value = settings.min_volume_ml
        ui.probabilityLimitSlider.value = settings.probability_limit
        ui.keepLargestSpinBox.value = settings.keep_largest or 0
        ui.refinementSelector.enabled = slices
        ui.borderSelector.enabled = not slices
        ui.borderSelector.currentIndex = ui.borderSelector.findData(settings.uptake_border)

    # Probability of each slice

    def onProbabilityPressed(self, part: float) -> None:
        """Let the slice views go to the slice that was pressed."""
        count = len(self.workbench.probabilities)
        self.soon("jump", lambda: self.workbench.jump_to_image(min(int(part * count), count - 1)))

    def onSliceMoved(self, _caller: Any, _event: Any) -> None:
        """Mark the slice that came into view."""
        if self.review is not None and self.workbench.image_in_view != self._current:
            self.soon("slice", self.showProbabilities)

    def showProbabilities(self) -> None:
        """Show how probable a tumour is in each slice, and which one is in view."""
        from CAMLocalizerLib.workbench import pictures

        workbench, limit = self.workbench, self.review.settings.probability_limit
        picture, self._current = self.ui.probabilityPicture, workbench.image_in_view
        paint(picture, pictures.probability_picture, workbench.probabilities, self._current, limit=limit)

    # History, acceptance, export

    def setupResult(self) -> None:
        """Connect the buttons that end a step."""
        ui = self.ui
        for button, slot in (
            (ui.undoButton, lambda: self.review.undo()),
            (ui.redoButton, lambda: self.review.redo()),
            (ui.resetButton, lambda: self.review.reset()),
            (ui.acceptButton, self.accept),
            (ui.exportButton, self.export),
        ):
            button.connect("clicked()", lambda slot=slot: self.now(slot))
        self.watch(ui.probabilityPicture, self.onProbabilityPressed, self.showProbabilities)

    def accept(self) -> None:
        """Keep the tumour as it stands as a segment."""
        segment = self.review.accept()
        self._parameterNode.outputSegmentation = self.workbench.output_node
        self.say(_("{name} was accepted: {volume:.1f} ml.").format(name=segment.name, volume=segment.volume_ml))

    def export(self) -> None:
        """Write the files of the case into the chosen folder."""
        from CAMLocalizerLib.workbench.exporting import safe_name

        folder = Path(self.ui.exportFolderButton.directory)
        target = folder / safe_name(self.review.found.volume.name)
        question = _("{folder} exists already. Replace what an earlier export wrote there?").format(folder=target)
        if target.exists() and not slicer.util.confirmYesNoDisplay(question):
            return
        with slicer.util.WaitCursor():
            written = self.review.export(folder, overwrite=target.exists())
        self.say(_("Written to {folder}.").format(folder=written))

    # What all gestures share

    @property
    def review(self) -> Any:
        """The review of the workbench; None before a run."""
        return None if self.workbench is None else self.workbench.review

    def soon(self, name: str, gesture: Callable[[], Any]) -> None:
        """Follow a moving hand: of several gestures of one name only the latest is done."""
        if not self._filling and self.review is not None:
            self._gestures[name] = gesture
            if not self._gestureTimer.active:  # started anew by every move, it would never end
                self._gestureTimer.start()

    def now(self, gesture: Callable[[], Any]) -> None:
        """Do what a button says, after what the hand did before."""
        self.onGestures()
        with self.saying():
            gesture()

    def onGestures(self) -> None:
        """Do the latest gestures."""
        gestures, self._gestures = self._gestures, {}
        for gesture in gestures.values():
            if self.review is not None:
                with self.saying():
                    gesture()

    def onRest(self) -> None:
        """Once no mouse button is held, remember what the hand did as one step and do what was too slow before."""
        import qt

        if self.review is None:
            return
        if qt.QApplication.mouseButtons() != qt.Qt.NoButton:
            self._restTimer.start()
            return
        with self.saying():
            self.review.commit()
            self.workbench.rest()
        self._restTimer.stop()
        self.showHistogram()

    @contextlib.contextmanager
    def saying(self) -> Iterator[None]:
        """Say what is wrong, and show the settings as they are."""
        from CAMLocalizerLib.core import CAMLocalizerError

        try:
            yield
        except CAMLocalizerError as error:
            sentence = str(error)
        except Exception as error:
            logging.exception("a gesture failed")
            sentence = _("This could not be done: {error}").format(error=error)
        else:
            return
        self.onReviewChanged()
        self.say(sentence)

    def say(self, sentence: str) -> None:
        """Show a sentence under the run button."""
        self.ui.statusLabel.text = sentence

    def allow(self, name: str, whyNot: str) -> None:
        """Enable a button, or let it tell why it is disabled."""
        button = getattr(self.ui, name)
        button.enabled = not whyNot
        button.toolTip = whyNot or self._tips[name]

    def watch(self, picture: Any, pressed: Callable, redraw: Callable[[], None], drags: bool = True) -> None:
        """Follow presses, and drags if wanted, on a picture, and draw it anew when its size changes."""
        watcher = makePictureWatcher(pressed, lambda: self.soon(f"draw {id(picture)}", redraw), drags)
        picture.installEventFilter(watcher)
        self._watched.append((picture, watcher))

    # Showing the review

    def showReview(self) -> None:
        """Listen to the present review and show it, or that there is none; called when it is another one."""
        if self._stopListening is not None:
            self._stopListening()
        self._stopListening = None if self.review is None else self.review.subscribe(self.onReviewChanged)
        for section in (self.ui.reviewSection, self.ui.displaySection, self.ui.resultSection):
            section.enabled = self.review is not None
            section.collapsed = self.review is None or section is self.ui.displaySection
        for node in slicer.util.getNodesByClass("vtkMRMLSliceNode"):
            if not self.hasObserver(node, vtk.vtkCommand.ModifiedEvent, self.onSliceMoved):
                self.addObserver(node, vtk.vtkCommand.ModifiedEvent, self.onSliceMoved)
        self.hideOwnNodes()
        self.onReviewChanged()
        if self.review is not None and self._parameterNode is not None:  # a review that was loaded knows both
            self._parameterNode.outputSegmentation = self.workbench.output_node
            self._parameterNode.model = self.workbench.model
            self.showLayer()

    def hideOwnNodes(self) -> None:
        """Offer no activation map as a scan and no preview as a place for accepted segments."""
        for selector in (self.ui.inputSelector, self.ui.outputSelector):
            nodes = [node for kind in selector.nodeTypes for node in slicer.util.getNodesByClass(kind)]
            own = [node.GetID() for node in nodes if node.GetAttribute(ROLE)]
            selector.sortFilterProxyModel().hiddenNodeIDs = own

    def onReviewChanged(self, changes: Any = None) -> None:
        """Show what changed; everything if nothing is named."""
        before, self._filling = self._filling, True  # what is shown now is no gesture
        try:
            self.showStatus() if changes else self.showRun()
            self.showButtons()
            if self.review is not None:
                self.showChanges(changes)
        finally:
            self._filling = before
        if self.review is not None and changes:
            self._restTimer.start()

    def showChanges(self, changes: Any) -> None:
        """Show what changed about the review."""
        from CAMLocalizerLib.workbench import Change

        everything = changes is None
        if everything or Change.SETTINGS in changes:
            self.showThreshold()
            self.showScales()
            self.showMoreSettings()
        if everything or Change.LABEL_MAP in changes:
            self.showVolume()
            self.showComponents()
        if everything or (changes and Change.ACTIVATION not in changes):  # not while the hand moves weights
            self.showHistogram()
        if everything:
            kinds = {"slice": _("slice"), "projection": _("projection")}
            kind = kinds[self.review.found.image_kind]
            self.ui.probabilityLabel.text = _("Tumour probability of each {kind}:").format(kind=kind)
            self.showScaleMaps()
            self.showProbabilities()

    def showButtons(self) -> None:
        """Show which buttons can be pressed, or why not."""
        available = self.available
        self.allow("undoButton", available.undo_blocker())
        self.allow("redoButton", available.redo_blocker())
        self.allow("resetButton", available.review_blocker())
        self.allow("acceptButton", available.accept_blocker())
        self.allow("exportButton", available.export_blocker())
        if self.review is not None and self.review.can_undo:
            self.ui.undoButton.toolTip = _("Take back: {change} (Ctrl+Z).").format(change=self.review.undo_text)
        if self.review is not None and self.review.can_redo:
            self.ui.redoButton.toolTip = _("Do again: {change} (Ctrl+Y).").format(change=self.review.redo_text)

    def showLayer(self) -> None:
        """Lay the activation over the scan as strongly as chosen, with its legend; once, as users change views."""
        node, layer = self._parameterNode, self.workbench.layer
        if node is None or layer is None:
            return
        look = (layer, node.overlayOpacity, node.showLegend)
        if look != self._look:
            self._look = look
            layer.show(opacity=node.overlayOpacity, legend=node.showLegend)

    # Set-up

    def setupInstallation(self) -> None:
        """Connect the page that shows what is installed."""
        import qt

        ui = self.ui
        ui.installButton.connect("clicked()", self.onInstallButton)
        ui.checkButton.connect("clicked()", self.onCheckButton)
        ui.copyReportButton.connect("clicked()", self.onCopyReportButton)
        ui.setUpSection.connect("contentsCollapsed(bool)", lambda collapsed: collapsed or self.lookForDevices())
        ui.setUpTable.setColumnCount(2)
        ui.setUpTable.setHorizontalHeaderLabels([_("Needed"), _("Found")])
        ui.setUpTable.verticalHeader().setVisible(False)
        ui.setUpTable.horizontalHeader().setSectionResizeMode(0, qt.QHeaderView.ResizeToContents)
        ui.setUpTable.horizontalHeader().setSectionResizeMode(1, qt.QHeaderView.Stretch)

    def checkInstallation(self) -> None:
        """Show what is installed; open the page if something is missing."""
        from CAMLocalizerLib.installation import missing_packages, package_states

        self._packages = package_states()
        self._missing = missing_packages(self._packages)
        self.ui.setUpSection.collapsed = not self._missing
        names = ", ".join(str(requirement) for requirement in self._missing)
        self.ui.setUpLabel.text = _("Missing: {names}.").format(names=names) if names else _("Everything is installed.")
        self.allow("installButton", "" if names else _("Everything is installed."))
        self.showInstallation()

    def onCheckButton(self) -> None:
        """Look at everything again."""
        self.checkInstallation()
        self.ui.setUpSection.collapsed = False
        self.lookForDevices()

    def lookForDevices(self) -> None:
        """Ask what a model can run on, in another process, as this takes seconds."""
        from CAMLocalizerLib.jobs import DeviceProbe

        if self._probe is None:
            self._probe = DeviceProbe(launcher=slicerLauncher())
            self._probe.start()
            self._probeTimer.start()

    def onProbe(self) -> None:
        """Show the devices when they are known."""
        self._devices = self._probe.poll()
        if self._devices is not None:
            self._probe = None
            self._probeTimer.stop()
            self.showInstallation()

    def showInstallation(self) -> None:
        """List packages, devices and models."""
        rows = [(f"{p.name} {p.wanted}", p.found if p.fits else _("missing")) for p in self._packages]
        if self._devices is None:
            rows.append((_("Devices"), _("being looked for…")))
        else:
            rows += [(device.name, str(device).partition(" ")[2]) for device in self._devices.devices]
            rows += [(_("Problem"), self._devices.problem)] if self._devices.problem else []
        rows += [(_("Model"), name) for name in self.logic.modelNames()]
        self.ui.setUpTable.rowCount = len(rows)
        for row, texts in enumerate(rows):
            for column, text in enumerate(texts):
                self.ui.setUpTable.setItem(row, column, tableItem(text))
        self.ui.setUpTable.resizeRowsToContents()

    def onInstallButton(self) -> None:
        """Install what is missing, after the user agreed once."""
        names = ", ".join(str(requirement) for requirement in self._missing)
        question = _("Download and install into Slicer's Python: {names}?").format(names=names)
        if not slicer.util.confirmOkCancelDisplay(question):
            return
        with slicer.util.tryWithErrorDisplay(_("Not everything could be installed."), waitCursor=True):
            self.logic.install(self._missing)
        self.checkInstallation()
        if self.workbench is None:
            self.openWorkbench()
        else:
            self.showRun()

    def onCopyReportButton(self) -> None:
        """Put the page as text into the clipboard."""
        import qt

        from CAMLocalizerLib.installation import setup_report

        found = self._devices
        report = setup_report(
            () if found is None else found.devices,
            self._packages,
            models=self.logic.modelNames(),
            slicer_version=slicer.app.applicationVersion,
            problem="" if found is None else found.problem,
        )
        qt.QApplication.clipboard().setText(report)
        self.say(_("The report is in the clipboard."))


# Widgets by hand


def makeTimer(interval: int, slot: Callable[[], None], singleShot: bool = False) -> Any:
    """Make a stopped timer."""
    import qt

    timer = qt.QTimer()
    timer.setInterval(interval)
    timer.setSingleShot(singleShot)
    timer.connect("timeout()", slot)
    return timer


def makePictureWatcher(pressed: Callable[[float], None], resized: Callable[[], None], drags: bool) -> Any:
    """Make an event filter that tells where a picture is pressed, as a part of its width, and when it was resized."""
    import qt

    presses = (qt.QEvent.MouseButtonPress, qt.QEvent.MouseMove) if drags else (qt.QEvent.MouseButtonPress,)

    class PictureWatcher(qt.QObject):
        def eventFilter(self, picture: Any, event: Any) -> bool:
            kind = event.type()
            if kind == qt.QEvent.Resize:
                resized()
            if kind not in presses:
                return False
            place = event.position() if hasattr(event, "position") else event.pos()  # Qt 6, Qt 5
            pressed(min(max(place.x() / max(picture.width, 1), 0.0), 1.0))
            return True

    return PictureWatcher()


def paint(label: Any, draw: Callable, values: Any, *arguments: Any, **options: Any) -> None:
    """Fill a label with a picture, in the colours of the window and as sharp as the screen.

    draw: a function of CAMLocalizerLib.workbench.pictures; takes the values, the size, and what else is given.
    """
    import qt

    from CAMLocalizerLib.workbench.pictures import Theme

    window, factor = label.palette.color(qt.QPalette.Window), label.devicePixelRatioF()
    theme = Theme.on((window.red(), window.green(), window.blue()))
    picture = draw(values, (label.width, label.height), *arguments, theme=theme, factor=factor, **options)
    pixmap = qt.QPixmap()
    rows, columns, _channels = picture.shape
    pixmap.loadFromData(b"P6 %d %d 255\n" % (columns, rows) + picture.tobytes())  # Qt makes its own copy of a file
    pixmap.setDevicePixelRatio(factor)
    label.setPixmap(pixmap)


def fillCombo(combo: Any, texts: dict[str, str]) -> None:
    """Offer texts, each with the value it stands for."""
    combo.clear()
    for value, text in texts.items():
        combo.addItem(text, value)


def tableItem(text: str, checked: bool | None = None) -> Any:
    """Make a cell of a table, with a check box if it is said whether it is ticked."""
    import qt

    item = qt.QTableWidgetItem(text)
    flags = qt.Qt.ItemIsEnabled | qt.Qt.ItemIsSelectable
    if checked is not None:
        flags |= qt.Qt.ItemIsUserCheckable
        item.setCheckState(qt.Qt.Checked if checked else qt.Qt.Unchecked)
    item.setFlags(flags)
    return item


def rasText(lps: tuple[float, float, float]) -> str:
    """Return a position as Slicer's Data Probe shows it: R 12.0, P 3.5, S 40.0."""
    left, posterior, superior = lps
    axes = (("L", "R", left), ("P", "A", posterior), ("S", "I", superior))
    return ", ".join(f"{more if value > 0 else less} {abs(value):.1f}" for more, less, value in axes)


# Logic


class CAMLocalizerLogic(ScriptedLoadableModuleLogic):
    """The main job between scene and library; no user interface, usable from scripts."""

    def getParameterNode(self) -> CAMLocalizerParameterNode:
        """Return the scene's parameters."""
        return CAMLocalizerParameterNode(super().getParameterNode())

    def process(
        self,
        volumeNode: Any,
        segmentationNode: Any = None,
        *,
        model: str = DEFAULT_MODEL,
        blocking: bool = True,
        completed: Callable[[Any, str], None] | None = None,
        progress: Callable[[Any], None] | None = None,
        **settings: Any,
    ) -> Any:
        """Look for tumours in a volume node and add what was found to a segmentation, as the panel would.

        The classifier runs in a process of its own. Nothing is put into the scene before it is complete, and the
        other segments stay as they are.

        volumeNode: scalar volume node; linear parent transforms are respected.
        segmentationNode: receives the new segment; a new node by default.
        model: name or folder of the model bundle.
        blocking: wait for the end, with the window alive; raises CAMLocalizerError with a sentence on failure.
        completed: without waiting, called at the end with the result, None on failure, and a sentence.
        progress: called with how far the run is: state, done, total, seconds_left, sentence.
        settings: view, device, name, threshold, scales, weights, normalisation, probability_limit, min_volume_ml,
            keep_largest, refinement, uptake_border; the model's own by default.

        Returns the result (activation_node, segmentation_node, segment_id, found, settings, label_map, components), or
        without waiting the run, which has cancel().
        """
        from CAMLocalizerLib.workbench.scripting import Processing

        settings.setdefault("launcher", slicerLauncher())
        processing = Processing(slicer.mrmlScene, volumeNode, segmentationNode, model=model, **settings)
        if blocking:
            return processing.wait(aliveProgress(progress))

        def ended() -> None:
            if completed is not None:
                completed(processing.result, processing.status.sentence)

        goOn(processing, progress or (lambda _status: None), ended)
        return processing

    def processFolder(
        self,
        inputFolder: str | Path,
        outputFolder: str | Path,
        *,
        model: str = DEFAULT_MODEL,
        blocking: bool = True,
        completed: Callable[[Any, str], None] | None = None,
        progress: Callable[[int, int, Any], None] | None = None,
        **settings: Any,
    ) -> Any:
        """Look for tumours in every volume of a folder and write a folder of results for each.

        inputFolder: holds volumes (NRRD, NIfTI, MetaImage) and folders of DICOM files.
        outputFolder: receives the folders of results, the same files as from the command line.
        model: name or folder of the model bundle.
        blocking: wait for the end, with the window alive.
        completed: without waiting, called at the end with the rows and a sentence.
        progress: called with volumes done, volumes, and how far the present one is.
        settings: as for process(); also overwrite=True, and exports=("radiomics", "html", ...) for further files.

        Returns a row for every volume (path, folder, error, tumour_found, volume_ml, regions, seconds), or without
        waiting the work, which has rows and cancel().
        """
        from CAMLocalizerLib.workbench.folders import FolderProcessing

        settings.setdefault("launcher", slicerLauncher())
        work = FolderProcessing(inputFolder, outputFolder, model=model, **settings)
        if blocking:
            return work.wait(aliveProgress(progress))

        def going(status: Any) -> None:
            if progress is not None:
                progress(len(work.rows), len(work.paths), status)

        def ended() -> None:
            if completed is not None:
                completed(work.rows, work.status.sentence)

        goOn(work, going, ended)
        return work

    def radiomics(self, volumeNode: Any, segmentationNode: Any, **options: Any) -> Any:
        """Measure every segment by pyradiomics, or SimpleITK where it is missing; return the new table node.

        options: regions=True for a row per connected region, params for a parameter file, table_node to fill.
        """
        from CAMLocalizerLib.workbench.measuring import radiomics_to_table

        return radiomics_to_table(volumeNode, segmentationNode, **options)

    def modelNames(self) -> list[str]:
        """Return the names of the installed models, the default first."""
        from CAMLocalizerLib.models import bundled_models

        return sorted(bundled_models(), key=lambda name: (name != DEFAULT_MODEL, name))

    def install(self, missing: Any) -> None:
        """Install packages into Slicer's Python without replacing what Slicer brings; ask the user before.

        missing: of CAMLocalizerLib.installation.missing_packages().
        """
        others = [str(requirement) for requirement in missing if requirement.name != "torch"]
        with tempfile.TemporaryDirectory() as folder:
            constraints = Path(folder) / "constraints.txt"
            constraints.write_text("\n".join(f"{name}=={found}" for name, found in versions(SLICERS_OWN)))
            if others and hasattr(slicer, "packaging"):
                slicer.packaging.pip_ensure(others, constraints, prompt_install=False, requester="CAM Localizer")
            elif others:
                slicer.util.pip_install(["-c", str(constraints), *others])
            for requirement in missing:
                if requirement.name == "torch":
                    installTorch(requirement.wanted, constraints)

    def firstVolume(self) -> Any:
        """Return the first scan of the scene; None if there is none. Label maps and activation maps are none."""
        for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
            if node.GetClassName() == "vtkMRMLScalarVolumeNode" and not node.GetAttribute(ROLE):
                return node
        return None

    def newWorkbench(self, confirm: Callable[[str], bool]) -> Any:
        """Return a workbench on the scene.

        confirm: asks a question before something that was drawn by hand is lost.
        """
        from CAMLocalizerLib.workbench import Workbench

        return Workbench(slicer.mrmlScene, launcher=slicerLauncher(), confirm=confirm)


def slicerLauncher() -> Callable | None:
    """Return what starts a process by Slicer's own means; None where Slicer cannot do so without waiting for it."""
    launch = getattr(slicer.util, "launchConsoleProcess", None)
    if launch is None or "completedCallback" not in inspect.signature(launch).parameters:
        return None
    from CAMLocalizerLib.jobs import append_line

    def start(command: Any, *, environment: Any, folder: Path, log: Path) -> Any:
        return launch(
            list(command),
            useStartupEnvironment=False,  # PythonSlicer takes Slicer's own
            updateEnvironment=dict(environment),
            cwd=str(folder),
            blocking=False,
            logCallback=lambda line: append_line(log, line),
            completedCallback=lambda _returnCode: None,  # or Slicer logs every cancel as an error
        )

    return start


def goOn(work: Any, going: Callable[[Any], None], ended: Callable[[], None]) -> None:
    """Poll work from a timer until it is over."""

    def step() -> None:
        if work.poll().running:
            going(work.status)
            return
        timer.stop()
        ended()

    timer = work.timer = makeTimer(POLL_MS, step)
    timer.start()


def aliveProgress(progress: Callable | None) -> Callable:
    """Return what keeps the window alive while something is waited for, and tells how far it is."""

    def tell(*step: Any) -> None:
        if progress is not None:
            progress(*step)
        slicer.app.processEvents()

    return tell


def versions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the installed ones of some packages, each with its version."""
    for name in names:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            yield name, importlib.metadata.version(name)


def installTorch(wanted: str, constraints: Path) -> None:
    """Install PyTorch by Slicer's PyTorch extension, which chooses the build for the graphics card."""
    try:
        from PyTorchUtils import PyTorchUtilsLogic
    except ImportError as error:
        message = _(
            "PyTorch comes with the PyTorch extension: install it in the Extensions Manager, restart, try again."
        )
        raise RuntimeError(message) from error
    before = os.environ.get("PIP_CONSTRAINT")
    os.environ["PIP_CONSTRAINT"] = str(constraints)
    try:
        PyTorchUtilsLogic().installTorch(askConfirmation=False, torchVersionRequirement=wanted)
    finally:
        os.environ.pop("PIP_CONSTRAINT")
        if before is not None:
            os.environ["PIP_CONSTRAINT"] = before


# Test


class CAMLocalizerTest(ScriptedLoadableModuleTest):
    """The whole path in the desktop, from the sample volume to an exported tumour; Testing/Slicer holds more."""

    def setUp(self) -> None:
        """Start from the sample volume alone."""
        import SampleData

        if importlib.util.find_spec("torch") is None or DEFAULT_MODEL not in CAMLocalizerLogic().modelNames():
            self.skipTest("PyTorch or the model is not installed")
        slicer.mrmlScene.Clear()
        if "CAMLocalizer" not in slicer.modules.sampleDataSources:
            registerSampleData()
        self.volume = SampleData.downloadSample(SAMPLE_NAME)

    def test_process(self) -> None:
        """Without the panel the sample gives one more segment, and a folder of files gives results."""
        own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
        own.GetSegmentation().AddEmptySegment("bone", "Bone")
        result = CAMLocalizerLogic().process(self.volume, own, device="cpu", threshold=0.4)
        assert [own.GetSegmentation().GetNthSegment(index).GetName() for index in range(2)] == ["Bone", "Tumour"]
        outcomes: list[tuple[Any, str]] = []
        CAMLocalizerLogic().process(
            self.volume,
            device="cpu",
            threshold=0.4,
            blocking=False,
            completed=lambda *outcome: outcomes.append(outcome),
        )
        self.waitUntil(lambda: bool(outcomes))
        assert (outcomes[0][0].label_map.array_kji == result.label_map.array_kji).all()
        file = self.volume.GetStorageNode().GetFileName()
        with tempfile.TemporaryDirectory() as folder:
            (row,) = CAMLocalizerLogic().processFolder(file, folder, device="cpu", threshold=0.4)
            assert abs(row.volume_ml * 1000 - result.label_map.volume_mm3) < 1, row.error

    def test_panel(self) -> None:
        """The panel runs, follows the hand, undoes, accepts and exports."""
        widget = self.reviewInPanel()
        before = widget.review.volume_ml
        widget.ui.thresholdSlider.value = 30
        self.settle(widget)
        assert widget.review.volume_ml > before > 0
        assert widget.ui.volumeLabel.text == f"{widget.review.volume_ml:.1f} ml"
        widget.ui.undoButton.click()
        assert widget.review.volume_ml == before
        widget.ui.acceptButton.click()
        assert widget._parameterNode.outputSegmentation.GetSegmentation().GetNumberOfSegments() == 1
        with tempfile.TemporaryDirectory() as folder:
            widget.ui.exportFolderButton.directory = folder
            widget.ui.exportButton.click()
            assert list(Path(folder).glob("*/report.json")), widget.ui.statusLabel.text

    def reviewInPanel(self) -> Any:
        """Open the module and run the classifier on the sample volume."""
        widget = self.openPanel()
        widget.ui.runButton.click()
        self.waitUntil(lambda: not widget.workbench.running)
        assert widget.review is not None, widget.ui.statusLabel.text
        return widget

    def openPanel(self) -> Any:
        """Open the module with the sample volume chosen."""
        slicer.util.selectModule("CAMLocalizer")
        widget = slicer.modules.CAMLocalizerWidget
        widget.ui.inputSelector.setCurrentNode(self.volume)
        widget.ui.deviceSelector.currentIndex = list(Device).index(Device.CPU)
        return widget

    def settle(self, widget: Any) -> None:
        """Wait until the panel has done what the hand did last."""
        self.waitUntil(lambda: not widget._gestureTimer.active and not widget._restTimer.active)

    def waitUntil(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        """Let the application work until a condition is met."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "this took too long"
            slicer.app.processEvents()
            time.sleep(0.01)
