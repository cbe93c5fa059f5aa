"""Other libraries' Grad-CAM of several layers, each in the fewest passes that its users can get four maps with."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

Maps = list[Any]
Contender = Callable[[], Maps]

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "build" / "benchmark_peers"
PINS = ("grad-cam==1.5.7", "torchcam==0.5.0", "captum==0.9.0", "ttach==0.0.3", "opencv-python-headless==5.0.0.93")
# pytorch-grad-cam imports torchvision for functions that no Grad-CAM uses; where it is missing these names stand in
STUB = {
    "__init__.py": "from . import ops, transforms\n",
    "ops.py": "",
    "transforms/__init__.py": "Compose = Normalize = ToTensor = None\n",
    "transforms/functional.py": "resize = None\n",
}


def install() -> str | None:
    """Install the pinned peers into a folder of their own, once; gives a sentence when that fails."""
    stamp = FOLDER / "pins.txt"
    if not (stamp.is_file() and stamp.read_text() == "\n".join(PINS)):
        print(f"Installing {', '.join(PINS)} into {FOLDER.relative_to(ROOT)} (once)", flush=True)
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        done = subprocess.run([*command, "--upgrade", "--target", str(FOLDER), *PINS], capture_output=True, text=True)
        if done.returncode:
            return f"the peers could not be installed: {done.stderr.strip().splitlines()[-1]}"
        stamp.write_text("\n".join(PINS))
    _write_stub()
    return None


def _write_stub() -> None:
    # in a folder of its own, so that a real torchvision that appears later is found first
    for name, text in STUB.items():
        file = FOLDER / "stub" / "torchvision" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def make_importable() -> str | None:
    """Append the peers to the path; gives a sentence when torchvision had to be stood in for."""
    sys.path.append(str(FOLDER))
    if importlib.util.find_spec("torchvision") is not None:
        return None
    sys.path.append(str(FOLDER / "stub"))
    return "torchvision is missing here: an empty stand-in serves pytorch-grad-cam's imports, no measured code uses it"


def pytorch_grad_cam(model: Any, images: Any, layers: list[str], target: int) -> Contender:
    """One pass for all layers; its resizing to the image and its averaging over layers are left out in its favour."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    class PerLayer(GradCAM):  # type: ignore[misc]
        def get_target_width_height(self, input_tensor: Any) -> None:  # noqa: ARG002
            return None

        def aggregate_multi_layers(self, cam_per_target_layer: Maps) -> Maps:
            return cam_per_target_layer

    # it answers in the order in which layers run, coarsest first, whatever the order asked for
    cam = PerLayer(model, [model.get_submodule(name) for name in reversed(layers)])
    cam.compute_input_gradient = not any(parameter.requires_grad for parameter in model.parameters())
    targets = [ClassifierOutputTarget(target)] * len(images)
    return lambda: [maps[:, 0] for maps in reversed(cam(images, targets))]


def pytorch_grad_cam_frozen(model: Any, images: Any, layers: list[str], target: int) -> Contender:
    """As above with frozen weights, which it can do when the image gets a gradient."""
    return pytorch_grad_cam(model.requires_grad_(False), images, layers, target)


def torch_cam(model: Any, images: Any, layers: list[str], target: int) -> Contender:
    """One pass for all layers, raw maps."""
    from torchcam.methods import GradCAM

    def run() -> Maps:
        with GradCAM(model, list(layers)) as cam:
            return cam(class_idx=target, scores=model(images), normalized=False)

    return run


def captum(model: Any, images: Any, layers: list[str], target: int) -> Contender:
    """One pass per layer: it takes a single one."""
    from captum.attr import LayerGradCam

    cams = [LayerGradCam(model, model.get_submodule(name)) for name in layers]
    return lambda: [cam.attribute(images, target, relu_attributions=True).detach()[:, 0] for cam in cams]


def monai(model: Any, images: Any, layers: list[str], target: int) -> Contender:
    """One call per layer, which runs all layers each time; its resizing and inversion are left out in its favour."""
    cam = _monai_cam(model, layers)
    return lambda: [cam(images, class_idx=target, layer_idx=index).detach()[:, 0] for index in range(len(layers))]


def monai_one_pass(model: Any, images: Any, layers: list[str], target: int) -> Contender:
    """One pass through its inner hooks, and its own rule for the maps written out around them."""
    import torch

    cam = _monai_cam(model, layers)

    def run() -> Maps:
        _, maps, gradients = cam.nn_module(images, class_idx=target)
        pairs = zip(maps, gradients, strict=True)
        with torch.no_grad():
            return [torch.relu((gradient.mean((2, 3), keepdim=True) * each).sum(1)) for each, gradient in pairs]

    return run


def _monai_cam(model: Any, layers: list[str]) -> Any:
    from monai.visualize import GradCAM

    def keep(maps: Any) -> Any:
        return maps

    return GradCAM(model, list(layers), upsampler=lambda _size: keep, postprocessing=keep)


PEERS: dict[str, dict[str, Callable[[Any, Any, list[str], int], Contender]]] = {
    "pytorch-grad-cam": {
        "pytorch-grad-cam": pytorch_grad_cam,
        "pytorch-grad-cam, frozen weights": pytorch_grad_cam_frozen,
    },
    "torch-cam": {"torch-cam": torch_cam},
    "captum": {"captum": captum},
    "monai": {"monai": monai, "monai, one pass by hand": monai_one_pass},
}
