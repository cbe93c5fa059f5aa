"""ArchiveAddress: where a DICOMweb archive answers, and which of its studies or series is meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from ..core import SettingsError
from ..option_names import ARCHIVE_PREFIX

FORM = "dicomweb+https://HOST/PATH, with /studies/UID or /studies/UID/series/UID behind it for one of them"
UID = re.compile(r"[0-9]+(\.[0-9]+)*")
MAX_UID_LENGTH = 64
_PLACE = re.compile(r"(?P<root>.*?)(?:/studies/(?P<study>[^/]*)(?:/series/(?P<series>[^/]*))?)?/*")


@dataclass(frozen=True)
class ArchiveAddress:
    """The address of an archive, without credentials.

    Args:
        url: of the DICOMweb service, such as ``https://pacs.example.org/dicom-web``.
        study: StudyInstanceUID; empty for the whole archive.
        series: SeriesInstanceUID; empty for the whole study.
    """

    url: str
    study: str = ""
    series: str = ""

    @property
    def host(self) -> str:
        """Host and port, as error messages call the archive."""
        return urlsplit(self.url).netloc

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read along."""
        return self.url.startswith("https://")

    @classmethod
    def parse(cls, text: str, *, allow_http: bool = False) -> ArchiveAddress:
        """Read an address of the form ``dicomweb+https://HOST/PATH[/studies/UID[/series/UID]]``.

        Args:
            text: the address.
            allow_http: accept an address without encryption outside this machine.

        Raises:
            SettingsError: another form, credentials in the address, or no encryption.
        """
        parts = _split(text)
        if parts.scheme == "http" and not (allow_http or _is_loopback(parts.hostname or "")):
            raise SettingsError(
                f"{parts.netloc}: patients' images would travel unencrypted; use dicomweb+https://, or allow it with "
                "--allow-http"
            )
        place = _PLACE.fullmatch(parts.path)
        assert place is not None
        if "/studies" in place["root"]:
            raise SettingsError(f"{parts.netloc}: the address ends in no study or series; expected {FORM}")
        for uid in (place["study"], place["series"]):
            if uid is not None and not is_uid(uid):
                raise SettingsError(f"{parts.netloc}: {uid!r} is not a UID, which has digits and dots only")
        root = f"{parts.scheme}://{parts.netloc}{place['root'].rstrip('/')}"
        return cls(root, place["study"] or "", place["series"] or "")


def is_archive_address(text: str) -> bool:
    """Tell an archive's address from the name of a file."""
    return text.lower().startswith(ARCHIVE_PREFIX)


def is_uid(text: str) -> bool:
    """Tell whether a text is a DICOM UID, and so safe as a file name."""
    return UID.fullmatch(text) is not None and len(text) <= MAX_UID_LENGTH


def _split(text: str) -> SplitResult:
    """Split an address; what is wrong is told without the text, in which somebody may have put a password."""
    try:
        parts = urlsplit(text[len(ARCHIVE_PREFIX) :] if is_archive_address(text) else "")
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if "@" in parts.netloc:
        raise SettingsError(
            "the address of an archive must not contain a user or password, which process lists would show; put them "
            "into ~/.netrc or the environment"
        )
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise SettingsError(f"this is not the address of an archive; expected {FORM}")
    if parts.query or parts.fragment:
        raise SettingsError(f"{parts.netloc}: the address of an archive has no ? or #; give conditions with --query")
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
