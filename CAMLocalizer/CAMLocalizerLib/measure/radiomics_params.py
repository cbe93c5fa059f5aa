"""Read parameter files of pyradiomics and check them against its schema."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import InputError, SettingsError


@dataclass(frozen=True)
class RadiomicsParams:
    """Contents of a pyradiomics parameter file; empty parts mean pyradiomics' defaults.

    Args:
        setting: settings such as ``binWidth``.
        image_types: filter name to its settings.
        feature_classes: class name to its features; an empty list means all.
    """

    setting: Mapping[str, Any] = field(default_factory=dict)
    image_types: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    feature_classes: Mapping[str, list[str]] = field(default_factory=dict)


def read_radiomics_params(path: str | Path) -> RadiomicsParams:
    """Read a parameter file of pyradiomics (YAML or JSON) without executing anything in it.

    Raises:
        InputError: a file that is missing, is not YAML, or violates pyradiomics' schema.
        SettingsError: pyradiomics is not installed.

    Source:
        pyradiomics documentation, "Customizing the Extraction", parameter file.
    """
    if importlib.util.find_spec("radiomics") is None:
        raise SettingsError(f"{path}: parameter files need pyradiomics, which is not installed")
    from ruamel.yaml import YAML, YAMLError  # a dependency of pyradiomics

    path = Path(path)
    try:
        values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: is not a YAML file ({str(error).splitlines()[0]})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: expected the parts imageType, featureClass and setting, got {values!r}")
    _validate(values, path)
    return RadiomicsParams(
        setting={**(values.get("setting") or {}), **(values.get("voxelSetting") or {})},
        image_types={name: options or {} for name, options in (values.get("imageType") or {}).items()},
        feature_classes={name: list(names or []) for name, names in (values.get("featureClass") or {}).items()},
    )


def _validate(values: Mapping[str, Any], path: Path) -> None:
    from pykwalify.core import Core
    from pykwalify.errors import PyKwalifyException
    from radiomics import getParameterValidationFiles
    from radiomics.schemas import schemaFuncs

    logging.getLogger("pykwalify.core").setLevel(logging.CRITICAL)  # errors are raised as an exception
    schema, _ = getParameterValidationFiles()
    checker = Core(source_data=values, schema_files=[schema])
    checker.loaded_extensions = [schemaFuncs]  # its own loader does not work from Python 3.12
    try:
        checker.validate(raise_exception=True)
    except (PyKwalifyException, ValueError, TypeError) as error:
        text = " ".join(str(getattr(error, "msg", "") or error).split())
        raise InputError(f"{path}: pyradiomics rejects these parameters: {text}") from error
