"""SeriesFacts: what an archive says of a series, as far as it matters for the choice of one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..io.dicom_files import NON_IMAGE_MODALITIES
from ..option_names import PLANES
from .client import SERIES_UID, Found, uid_of, value_of

if TYPE_CHECKING:
    from pydicom import Dataset

MODALITY, DESCRIPTION, NUMBER, IMAGES = "00080060", "0008103E", "00200011", "00201209"
NORMALS = {"sagittal": 0, "coronal": 1, "axial": 2}  # LPS axis across the slices
SHORT_ECHO_MS, SHORT_REPETITION_MS = 30.0, 1000.0

CONTRAST = re.compile(
    r"(?<![a-z])(post|gd|gad[a-z]*|ce|km|contrast|enhanced|dotarem|t1\s?(ce|c|gd|km|\+))(?![a-z])|\+\s?(c|gd|km)(?![a-z])"
    r"|(?<![a-z])c\s?\+",
    re.IGNORECASE,
)
PLAIN = re.compile(
    r"(?<![a-z])(pre|nativ[a-z]*|plain|without|w/o|non|no|ohne|unenhanced|nc)(?![a-z])|-\s?(c|gd)(?![a-z])",
    re.IGNORECASE,
)
T1 = re.compile(r"(?<![a-z0-9])(s?t1[a-z]*|mp-?rage|f?spgr|bravo|vibe|lava|thrive|tfl)(?![0-9])", re.IGNORECASE)
OTHER_WEIGHTS = re.compile(r"(?<![a-z])(t2[a-z]*|flair|pd[a-z]*)(?![a-z])", re.IGNORECASE)
NOT_ANATOMY = re.compile(
    r"(?<![a-z])(dwi|adc|dti|diff[a-z]*|swi|swan|perf[a-z]*|dsc|dce|asl|bold|mra|tof|mrv|spectro[a-z]*|map[a-z]*)(?![a-z])",
    re.IGNORECASE,
)
AUXILIARY = re.compile(
    r"(?<![a-z])(loc[a-z]*|scout|survey|plan|3-?plane|sub|subtr[a-z]*|mip|screen[a-z]*|dose report)(?![a-z])",
    re.IGNORECASE,
)
UNCORRECTED = re.compile(r"(?<![a-z])(nac|uncorrected|no ?ac|non?-?attenuation[a-z ]*)(?![a-z])", re.IGNORECASE)
FDG = re.compile(r"fdg|fluorodeoxyglucose|fludeoxyglucose|c-b1031", re.IGNORECASE)
AUXILIARY_TYPES = frozenset({"LOCALIZER", "PROJECTION IMAGE", "SUBTRACT", "SUBTRACTION", "SCREEN SAVE", "CSAPARALLEL"})


@dataclass(frozen=True, eq=False)
class SeriesFacts:
    """A series as an archive describes it.

    Args:
        uid: SeriesInstanceUID.
        number: SeriesNumber; empty if the archive does not tell it.
        modality: ``MR``, ``CT``, ``PT``, ...
        description: SeriesDescription. It is free text and may say more than it should, so no message repeats it.
        instances: number of instances; 0 if the archive does not tell it.
        header: attributes of one of its images; None if they were not asked for.
    """

    uid: str
    number: str = ""
    modality: str = ""
    description: str = ""
    instances: int = 0
    header: Dataset | None = None

    @classmethod
    def of(cls, found: Found) -> SeriesFacts:
        """Read an entry of a search for series."""
        count = value_of(found, IMAGES)
        return cls(
            uid_of(found, SERIES_UID),
            value_of(found, NUMBER),
            value_of(found, MODALITY),
            value_of(found, DESCRIPTION),
            int(count) if count.isdecimal() else 0,
        )

    @property
    def is_image(self) -> bool:
        """Whether it holds images rather than results."""
        return self.modality not in NON_IMAGE_MODALITIES

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"series {self.number}" if self.number else f"series {self.uid}"

    @property
    def images(self) -> int:
        """Slices or frames; 0 if unknown."""
        return max(self.instances, int(self._number("NumberOfFrames") or 0))

    @property
    def plane(self) -> str:
        """Plane of its slices; empty if unknown."""
        turn = self._placed("PlaneOrientationSequence", "ImageOrientationPatient")
        if turn is None or len(turn) != 6:
            return ""
        normal = np.abs(np.cross(*np.reshape(np.asarray(turn, float), (2, 3))))
        return next(plane for plane in PLANES if NORMALS[plane] == int(normal.argmax()))

    @property
    def contrast(self) -> str:
        """What shows that a contrast agent was given; empty if nothing does or its description says there was none."""
        if PLAIN.search(self._text):
            return ""
        agent = self._value("ContrastBolusAgent").casefold()
        if (agent and agent not in ("none", "no", "without")) or self._value("ContrastBolusAgentSequence"):
            return "contrast agent by its header"
        return "contrast agent by its description" if CONTRAST.search(self._text) else ""

    @property
    def t1(self) -> str:
        """What shows T1 weighting; empty if nothing does."""
        if NOT_ANATOMY.search(self._text):
            return ""
        if T1.search(self._text):
            return "T1 by its description"
        echo_ms, repetition_ms = self._number("EchoTime"), self._number("RepetitionTime")
        if OTHER_WEIGHTS.search(self._text) or echo_ms is None or repetition_ms is None:
            return ""
        short = 0 < echo_ms <= SHORT_ECHO_MS and 0 < repetition_ms <= SHORT_REPETITION_MS
        return "T1 by its echo and repetition time" if short else ""

    @property
    def auxiliary(self) -> bool:
        """Whether it is a localizer, a subtraction, a projection or a screenshot."""
        kinds = {str(kind).upper() for kind in self._list("ImageType")}
        return bool(kinds & AUXILIARY_TYPES) or AUXILIARY.search(self._text) is not None

    @property
    def reformatted(self) -> bool:
        """Whether its slices were computed from those of another series."""
        kinds = {str(kind).upper() for kind in self._list("ImageType")}
        return "DERIVED" in kinds or "REFORMATTED" in kinds

    @property
    def attenuation_corrected(self) -> bool:
        """Whether nothing says that a PET was not corrected for attenuation."""
        corrected = {str(kind).upper() for kind in self._list("CorrectedImage")}
        return "ATTN" in corrected if corrected else UNCORRECTED.search(self._text) is None

    @property
    def other_tracer(self) -> bool:
        """Whether a PET names a tracer other than fluorodeoxyglucose."""
        tracers = [] if self.header is None else self.header.get("RadiopharmaceuticalInformationSequence") or []
        told = " ".join(
            f"{tracer.get('Radiopharmaceutical', '')} "
            + " ".join(
                f"{code.get('CodeMeaning', '')} {code.get('CodeValue', '')}"
                for code in tracer.get("RadiopharmaceuticalCodeSequence") or []
            )
            for tracer in tracers
        ).strip()
        return bool(told) and FDG.search(told) is None

    @property
    def _text(self) -> str:
        return f"{self.description} {self._value('ProtocolName')}".replace("_", " ")

    def _placed(self, group: str, keyword: str) -> list | None:
        """Return an attribute of a slice, or of the functional groups of an image with frames."""
        if self.header is None:
            return None
        if keyword in self.header:
            return self._list(keyword)
        for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
            for frame in list(self.header.get(groups) or [])[:1]:
                for item in list(frame.get(group) or [])[:1]:
                    return list(item.get(keyword) or [])
        return None

    def _value(self, keyword: str) -> str:
        return "" if self.header is None else str(self.header.get(keyword) or "").strip()

    def _list(self, keyword: str) -> list:
        value = None if self.header is None else self.header.get(keyword)
        return [] if value is None else [value] if isinstance(value, str) else list(value)

    def _number(self, keyword: str) -> float | None:
        value = self._value(keyword)
        try:
            return float(value) if value else None
        except ValueError:
            return None
