"""Slicer module: finds tumours in a volume with the class activation maps of a classifier, and lets you review them."""

from __future__ import annotations

import enum
import importlib.util
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import slicer
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

LIBRARY = "CAMLocalizerLib"
DEFAULT_MODEL = "brain-t1ce"
HOME_PAGE = "https://github.com/CAMLocalizer/SlicerCAMLocalizer"
SAMPLE_NAME = "PyradiomicsBrain1"  # the volume that scripts/_sample.py takes from pyradiomics
PYTHON = (3, 11)


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
            "model and press Find tumours; then move the threshold, choose scales and components, accept what is "
            "right, correct it by hand and export it. For research, not for diagnosis."
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
        thumbnailFileName=str(Path(__file__).resolve().parent / "Resources" / "Icons" / f"{SAMPLE_NAME}.png"),
        uris="https://raw.githubusercontent.com/AIM-Harvard/pyradiomics/v3.0.1/data/brain1_image.nrrd",
        fileNames="brain1_image.nrrd",
        checksums="SHA256:fffdb111ee8b428ede7256707393c927a7d5be912f0604cf3c6f1bd5fc9644cf",
        nodeNames=SAMPLE_NAME,
        loadFileTypes="VolumeFile",  # or a segmentation's reader may take it
    )


class View(enum.Enum):
    """Plane of the slices that the model runs on."""

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

    inputVolume: the volume to search for tumours.
    model: name or folder of the model bundle; empty for the one that suits the volume.
    view: plane of the slices that the model runs on.
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


class CAMLocalizerWidget(ScriptedLoadableModuleWidget):
    """Gives the library's panel its widgets and the module's logic."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.ui = self.logic = self.panel = None

    def setup(self) -> None:
        """Build the panel, when the module is opened first."""
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/CAMLocalizer.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        if sys.version_info < PYTHON:
            sentence = _("This Slicer has Python {0}.{1}; CAM Localizer needs Slicer 5.10 or later.")
            self.ui.statusLabel.text = sentence.format(*sys.version_info)
            return
        from CAMLocalizerLib.panel import Installer, Panel

        self.logic = CAMLocalizerLogic()
        self.panel = Panel(self.ui, self.logic, Installer(), lambda: self.parent.isEntered)

    def cleanup(self) -> None:
        """Let go of the scene, when the application closes or the module is reloaded; a run is cancelled."""
        if self.panel is not None:
            self.panel.close()

    def enter(self) -> None:
        """Show the parameters of the scene, whenever the module is opened."""
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """Stop following the parameters while another module is open; a run continues."""
        if self.panel is not None:
            self.panel.exit()

    def onReload(self) -> None:
        """Read the library anew too, when a developer reloads the module."""
        for name in [name for name in sys.modules if name.split(".")[0] == LIBRARY]:
            del sys.modules[name]
        super().onReload()


class CAMLocalizerLogic(ScriptedLoadableModuleLogic):
    """The main job between scene and library; no user interface, usable from scripts."""

    def getParameterNode(self) -> CAMLocalizerParameterNode:
        """Return the scene's parameters."""
        return CAMLocalizerParameterNode(super().getParameterNode())

    def process(
        self, volumeNode: Any, segmentationNode: Any = None, *, model: str = DEFAULT_MODEL, **options: Any
    ) -> Any:
        """Look for tumours in a volume node and add what was found to a segmentation, as the panel would.

        options: blocking=False, completed, progress; view, device, name, threshold, scales, ... as for
            CAMLocalizerLib.panel.processing.process, which says what is returned.
        """
        from CAMLocalizerLib.panel.processing import process

        return process(volumeNode, segmentationNode, model=model, **options)

    def processFolder(
        self, inputFolder: str | Path, outputFolder: str | Path, *, model: str = DEFAULT_MODEL, **options: Any
    ) -> Any:
        """Look for tumours in every volume of a folder and write a folder of results for each.

        options: as for process(); also overwrite=True and exports=("radiomics", "html", ...), see
            CAMLocalizerLib.panel.processing.process_folder, which says what is returned.
        """
        from CAMLocalizerLib.panel.processing import process_folder

        return process_folder(inputFolder, outputFolder, model=model, **options)

    def radiomics(self, volumeNode: Any, segmentationNode: Any, **options: Any) -> Any:
        """Measure every segment by pyradiomics, or SimpleITK where it is missing; return the new table node.

        options: components=True for a row per connected component, params for a parameter file, table_node to fill.
        """
        from CAMLocalizerLib.workbench.scripting import radiomics_to_table

        return radiomics_to_table(volumeNode, segmentationNode, **options)

    def modelNames(self) -> list[str]:
        """Return the names of the installed models, the default first."""
        from CAMLocalizerLib.models import bundled_models

        return sorted(bundled_models(), key=lambda name: (name != DEFAULT_MODEL, name))


class CAMLocalizerTest(ScriptedLoadableModuleTest):
    """The main job in the desktop, on the sample volume; Testing/Slicer holds the tests of the panel."""

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
        """The sample gives one more segment, and its file the same volume."""
        own = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "Mine")
        own.GetSegmentation().AddEmptySegment("bone", "Bone")
        options = {"device": "cpu", "threshold": 0.4}
        result = CAMLocalizerLogic().process(self.volume, own, **options)
        assert [own.GetSegmentation().GetNthSegment(index).GetName() for index in range(2)] == ["Bone", "Tumour"]
        file = self.volume.GetStorageNode().GetFileName()
        with tempfile.TemporaryDirectory() as folder:
            (row,) = CAMLocalizerLogic().processFolder(file, folder, **options)
            assert abs(row.volume_ml * 1000 - result.label_map.volume_mm3) < 1, row.error
