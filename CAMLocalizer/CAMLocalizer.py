"""Slicer module: finds tumours in a volume with the class activation maps of a classifier."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

DEFAULT_MODEL = "brain-t1ce"
SAMPLE_FILE = "brain-t1ce-sample.nii.gz"
SAMPLE_NAME = "BrainT1ceTumour"
SAMPLE_SHA256 = "7e81625d678d4cf2697dee522cca991bd0bf8923ef58a4b1266b3a9e0b191dfc"
SAMPLE_URL = f"https://raw.githubusercontent.com/CAMLocalizer/CAMLocalizer/main/Resources/SampleData/{SAMPLE_FILE}"
LEVELS_UP = 6


class CAMLocalizer(ScriptedLoadableModule):
    """Name, help and place of the module."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("CAM Localizer")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = []
        self.parent.contributors = ["CAMLocalizer contributors"]
        self.parent.helpText = _(
            "Runs a classifier on every slice of a volume, fuses its class activation maps and shows where it saw a "
            "tumour, as a map and as a segmentation. For research, not for diagnosis."
        )
        self.parent.acknowledgementText = _("Methods and data are named in the extension's documentation.")
        slicer.app.connect("startupCompleted()", registerSampleData)


def findSampleFile() -> Path | None:
    """Return the sample volume beside the sources or in the installed extension, None if neither has it."""
    for folder in list(Path(__file__).resolve().parents)[:LEVELS_UP]:
        places = [folder / "Resources", *sorted((folder / "share").glob("Slicer-*/CAMLocalizer"))]
        for place in places:
            if (found := place / "SampleData" / SAMPLE_FILE).is_file():
                return found
    return None


def registerSampleData() -> None:
    """Offer the sample volume in Slicer's Sample Data module; without network if the file came with the extension."""
    import SampleData

    local = findSampleFile()
    SampleData.SampleDataLogic.registerCustomSampleDataSource(
        category="CAMLocalizer",
        sampleName=SAMPLE_NAME,
        thumbnailFileName=str(Path(__file__).resolve().parent / "Resources" / "Icons" / "CAMLocalizer.png"),
        uris=SAMPLE_URL if local is None else local.as_uri(),
        fileNames=SAMPLE_FILE,
        checksums=f"SHA256:{SAMPLE_SHA256}",
        nodeNames=SAMPLE_NAME,
    )


@parameterNodeWrapper
class CAMLocalizerParameterNode:
    """What the user chose and what came of it; saved with the scene.

    inputVolume: the volume to look at.
    model: name or folder of the model bundle.
    outputActivation: map of the last run, 0 to 1.
    outputSegmentation: segmentation of the last run.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    model: str = DEFAULT_MODEL
    outputActivation: vtkMRMLScalarVolumeNode
    outputSegmentation: vtkMRMLSegmentationNode


class CAMLocalizerWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel: input volume, model, run."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.ui = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self) -> None:
        """Build the panel, when the module is opened first."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/CAMLocalizer.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = CAMLocalizerLogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.modelSelector.addItems(self.logic.modelNames())
        self.ui.modelSelector.connect("currentTextChanged(QString)", self.onModelChanged)
        self.ui.runButton.connect("clicked(bool)", self.onRunButton)
        self.ui.progressBar.visible = False
        self.initializeParameterNode()

    def cleanup(self) -> None:
        """Let go of the scene, when the application closes or the module is reloaded."""
        self.setParameterNode(None)
        self.removeObservers()

    def enter(self) -> None:
        """Show the parameters of the scene, whenever the module is opened."""
        self.initializeParameterNode()

    def exit(self) -> None:
        """Stop following the parameters while another module is open."""
        self.setParameterNode(None)

    def onSceneStartClose(self, _caller: Any, _event: Any) -> None:
        """Let go of the parameters before the scene is emptied."""
        self.setParameterNode(None)

    def onSceneEndClose(self, _caller: Any, _event: Any) -> None:
        """Make new parameters if the panel is open while the scene is emptied."""
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self) -> None:
        """Follow the scene's parameters; take the first volume if none was chosen."""
        self.setParameterNode(self.logic.getParameterNode())
        if not self._parameterNode.inputVolume:
            self._parameterNode.inputVolume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")

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
        """Show the chosen model and whether there is something to run."""
        self.ui.modelSelector.setCurrentText(self._parameterNode.model)
        self.ui.runButton.enabled = bool(self._parameterNode.inputVolume and self.ui.modelSelector.count)

    def onModelChanged(self, name: str) -> None:
        """Remember the chosen model in the scene."""
        if self._parameterNode and name:
            self._parameterNode.model = name

    def onRunButton(self, _checked: bool = False) -> None:
        """Run the main job and show what was found."""
        node = self._parameterNode
        self.ui.progressBar.visible = True
        self.ui.runButton.enabled = False
        try:
            with slicer.util.tryWithErrorDisplay(_("The volume could not be localised."), waitCursor=True):
                result = self.logic.process(
                    node.inputVolume,
                    node.model,
                    activationNode=node.outputActivation,
                    segmentationNode=node.outputSegmentation,
                    progress=self.onProgress,
                )
                node.outputActivation, node.outputSegmentation = result.activationNode, result.segmentationNode
                self.ui.resultLabel.text = self.logic.summary(result)
        finally:
            self.ui.progressBar.visible = False
            if self._parameterNode:  # the scene may have been closed meanwhile
                self.onParameterNodeModified()

    def onProgress(self, done: int, total: int) -> None:
        """Show how many slices were looked at and keep the window alive."""
        self.ui.progressBar.maximum = total
        self.ui.progressBar.value = done
        slicer.app.processEvents()


class CAMLocalizerResult(NamedTuple):
    """What a run left in the scene, and the localization, from which other thresholds cost no inference."""

    activationNode: Any
    segmentationNode: Any
    localization: Any


class CAMLocalizerLogic(ScriptedLoadableModuleLogic):
    """The main job between scene and library; no user interface, usable from scripts."""

    def getParameterNode(self) -> CAMLocalizerParameterNode:
        """Return the scene's parameters."""
        return CAMLocalizerParameterNode(super().getParameterNode())

    def modelNames(self) -> list[str]:
        """Return the names of the installed models, the default first."""
        from CAMLocalizerLib.models import bundled_models

        return sorted(bundled_models(), key=lambda name: (name != DEFAULT_MODEL, name))

    def process(
        self,
        inputVolume: Any,
        model: Any = DEFAULT_MODEL,
        *,
        view: str = "auto",
        threshold: str | None = None,
        device: str = "auto",
        activationNode: Any = None,
        segmentationNode: Any = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> CAMLocalizerResult:
        """Look for tumours in a volume node and show map and segmentation in its scene.

        Nothing is put into the scene before everything is computed.

        inputVolume: scalar volume node; linear parent transforms are respected.
        model: name, folder or bundle.
        view: axial, coronal, sagittal, or auto: the plane of acquisition.
        threshold: fraction, fraction/255, percentile (q95) or otsu; the model's own by default.
        device: auto, cpu, cuda, cuda:N or mps.
        activationNode, segmentationNode: nodes to fill instead of new ones.
        progress: called with slices done and slices.
        """
        if inputVolume is None:
            raise ValueError(_("No input volume is chosen; choose one first."))
        if importlib.util.find_spec("torch") is None:
            raise RuntimeError(_("PyTorch is not installed; install it with the PyTorch extension first."))
        from CAMLocalizerLib.localizer import Localizer
        from CAMLocalizerLib.mrml import volume_from_node

        localizer = Localizer(model, device=device)
        localization = localizer.run(volume_from_node(inputVolume), view=view, progress=progress)
        labelMap = localization.label_map(threshold=threshold)
        result = self._show(inputVolume, localization, labelMap, activationNode, segmentationNode)
        self._writeProvenance(result, threshold or localization.card.threshold)
        return result

    def _show(
        self, inputVolume: Any, localization: Any, labelMap: Any, activationNode: Any, segmentationNode: Any
    ) -> CAMLocalizerResult:
        from CAMLocalizerLib.mrml import activation_to_node, segmentation_to_node, show_in_slices

        scene, name = inputVolume.GetScene(), inputVolume.GetName()
        activationNode = activation_to_node(
            scene, localization.activation(), labelMap.grid, name=f"{name} activation", node=activationNode
        )
        show_in_slices(scene, inputVolume, activationNode)  # before the segmentation, or its fill is drawn on black
        segmentationNode = segmentation_to_node(
            scene, labelMap, reference=inputVolume, name=f"{name} tumour", node=segmentationNode
        )
        return CAMLocalizerResult(activationNode, segmentationNode, localization)

    def _writeProvenance(self, result: CAMLocalizerResult, threshold: str) -> None:
        card = result.localization.card
        facts = {
            "Model": card.name,
            "ModelVersion": card.version,
            "ModelSHA256": card.sha256,
            "Threshold": threshold,
            "View": result.localization.view,
            "InputVolume": result.localization.volume.name,
        }
        for node in (result.activationNode, result.segmentationNode):
            for key, value in facts.items():
                node.SetAttribute(f"CAMLocalizer.{key}", value)

    def summary(self, result: CAMLocalizerResult) -> str:
        """Return in a sentence what was found."""
        from CAMLocalizerLib.mrml import segmentation_from_node

        labelMap = segmentation_from_node(result.segmentationNode, grid=result.localization.volume.grid)
        parts = result.localization.components(labelMap)
        if not parts:
            return _("No tumour found.")
        volume = f"{labelMap.volume_mm3 / 1000:.1f}"
        return _("{count} region(s) found, {volume} ml together.").format(count=len(parts), volume=volume)


class CAMLocalizerTest(ScriptedLoadableModuleTest):
    """Runs in the desktop: the main job on the sample volume."""

    def setUp(self) -> None:
        """Start from an empty scene."""
        slicer.mrmlScene.Clear()

    def runTest(self) -> None:
        """Run every test."""
        self.setUp()
        self.test_sample()

    def test_sample(self) -> None:
        """The sample volume gives a segmentation on its own grid."""
        import SampleData

        if importlib.util.find_spec("torch") is None or DEFAULT_MODEL not in CAMLocalizerLogic().modelNames():
            self.delayDisplay("PyTorch or the model is not installed: nothing is run")
            return
        registerSampleData()
        volume = SampleData.downloadSample(SAMPLE_NAME)
        result = CAMLocalizerLogic().process(volume, device="cpu")
        assert result.segmentationNode.GetSegmentation().GetNumberOfSegments() == 1
        assert result.activationNode.GetImageData().GetDimensions() == volume.GetImageData().GetDimensions()
        self.delayDisplay(CAMLocalizerLogic().summary(result))
