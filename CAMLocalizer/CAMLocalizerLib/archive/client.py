"""Archive: a connection to a DICOMweb service, by QIDO-RS, WADO-RS and STOW-RS."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from ..core import SettingsError
from ..io.quiet import quiet
from .address import ArchiveAddress, is_uid
from .credentials import credentials
from .errors import ArchiveError
from .failures import archive_errors
from .retries import WAITS_S, with_retries
from .wildcards import fits, loosened, with_wildcards

if TYPE_CHECKING:
    import requests
    from pydicom import Dataset

Result = TypeVar("Result")
PAGE = 100  # some archives refuse to answer with more
SMALLEST_PAGE = 50  # an archive that has more does not answer with fewer
TIMEOUT_S = (10.0, 120.0)  # to connect, and until the next bytes
CHATTY = ("dicomweb_client", "retrying")  # they repeat what servers say, and trace each failed attempt
AS_STORED = (("application/dicom", "*"),)
STUDY_UID, SERIES_UID, INSTANCE_UID = "0020000D", "0020000E", "00080018"
PATIENT_ID = "00100020"
Found = Mapping[str, Any]


class Archive:
    """A DICOMweb archive.

    What may pass, such as a restart of the archive, is tried again with longer and longer pauses. Credentials come from
    the environment or ``~/.netrc``, certificates are checked, and a redirection to an address without encryption is
    refused unless the archive's own is without.

    Args:
        address: of the archive; study and series play no part.
        waits_s: pauses between attempts.

    Raises:
        SettingsError: the extra ``dicomweb`` is not installed, or credentials that do not fit together.

    Source: DICOM PS3.18.
    """

    def __init__(self, address: ArchiveAddress, *, waits_s: Sequence[float] = WAITS_S) -> None:
        require_dicomweb()
        from dicomweb_client import DICOMwebClient

        self.address = address
        self.host = address.host
        self.waits_s = tuple(waits_s)
        self._session = _session()
        self._session.auth = credentials()
        self._session.headers["Accept"] = "application/dicom+json"
        if address.encrypted:
            del self._session.adapters["http://"]
        self._client = DICOMwebClient(address.url, self._session, permissive_uid=True, timeout=TIMEOUT_S)
        self._client.set_http_retry_params(retry=False)

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def studies(
        self, conditions: Mapping[str, str], *, limit: int | None = None, waits_s: Sequence[float] | None = None
    ) -> list[Found]:
        """Find studies, each as DICOM JSON.

        Args:
            conditions: keys and values that they must fit.
            limit: number of studies at most; None for all.
            waits_s: pauses between attempts, where others are wanted.

        Raises:
            ArchiveError: the archive does not answer, lets nobody in, or does not speak DICOMweb.
        """
        search = self._client.search_for_studies
        return self._fitting(search, conditions, STUDY_UID, "a search for studies", limit, waits_s)

    def series(self, study: str, conditions: Mapping[str, str] | None = None) -> list[Found]:
        """List the series of a study, each as DICOM JSON; none if the study is not there.

        Raises:
            ArchiveError: as for :meth:`studies`.
        """
        search = partial(self._client.search_for_series, study)
        return self._fitting(search, conditions or {}, SERIES_UID, "a search for series")

    def instance_uids(self, study: str, series: str) -> list[str]:
        """List the SOPInstanceUIDs of a series; none if it is not there.

        Raises:
            ArchiveError: as for :meth:`studies`.
        """
        search = partial(self._client.search_for_instances, study, series)
        return [uid_of(found, INSTANCE_UID) for found in self._pages(search, INSTANCE_UID, "a search for images")]

    def header(self, study: str, series: str, instance: str) -> Dataset:
        """Return the attributes of an instance without its pixels.

        Raises:
            ArchiveError: it is not there, or as for :meth:`studies`.
        """
        return self._retried(
            "reading a header", lambda: _dataset(self._client.retrieve_instance_metadata(study, series, instance))
        )

    def headers(self, study: str, series: str) -> list[Dataset]:
        """Return the attributes of the instances of a series without their pixels; raises as :meth:`header`."""
        return self._retried(
            "reading headers", lambda: list(map(_dataset, self._client.retrieve_series_metadata(study, series)))
        )

    def stream_series(self, study: str, series: str) -> Iterator[Dataset]:
        """Fetch the instances of a series one by one as they are stored, without another attempt.

        Raises:
            TransientError: the connection broke.
            ArchiveError: the series is not there, or as for :meth:`studies`.
        """
        with self._quiet_errors("fetching a series"):
            instances = self._client.iter_series(study, series, media_types=AS_STORED)
        while True:
            with self._quiet_errors("fetching a series"):
                instance = next(instances, None)
            if instance is None:
                return
            yield instance

    def instance(self, study: str, series: str, uid: str) -> Dataset:
        """Fetch one instance; raises as :meth:`header`."""
        return self._retried(
            "fetching an image", lambda: self._client.retrieve_instance(study, series, uid, media_types=AS_STORED)
        )

    def store(self, instances: Sequence[Dataset], study: str) -> Dataset:
        """Send instances into a study and return the archive's answer; sending one again changes nothing.

        Raises:
            ArchiveError: all were refused, or as for :meth:`studies`.
        """
        return self._retried("storing results", lambda: self._client.store_instances(instances, study))

    def _fitting(
        self,
        search: Callable[..., Any],
        conditions: Mapping[str, str],
        tag: str,
        doing: str,
        limit: int | None = None,
        waits_s: Sequence[float] | None = None,
    ) -> list[Found]:
        """Search under conditions, and once more with wildcards if an archive seems not to decode them."""
        found = self._pages(partial(search, search_filters=dict(conditions)), tag, doing, limit, waits_s)
        if found or not (looser := loosened(conditions)):
            return found
        candidates = self._pages(partial(search, search_filters=looser), tag, doing, None, waits_s)
        return [entry for entry in candidates if fits(entry, conditions)][:limit]

    def _pages(
        self,
        search: Callable[..., Any],
        tag: str,
        doing: str,
        limit: int | None = None,
        waits_s: Sequence[float] | None = None,
    ) -> list[Found]:
        """Search until nothing new comes.

        Archives answer with as many as they like, some ignore the offset, and Orthanc takes a limit for that of all
        pages together. So a limit is asked for on the first page only.
        """
        found: dict[str, Found] = {}
        while limit is None or len(found) < limit:
            asked: dict[str, int] = {"offset": len(found)} if found else {}
            if limit is not None and not found:
                asked["limit"] = min(PAGE, limit)
            page = self._retried(doing, partial(_page, search, tag, asked), waits_s)
            fresh = {uid: entry for uid, entry in page.items() if uid not in found}
            found |= fresh
            if len(fresh) < SMALLEST_PAGE:
                break
        return list(found.values())[:limit]

    def _retried(self, doing: str, action: Callable[[], Result], waits_s: Sequence[float] | None = None) -> Result:
        def attempt() -> Result:
            with self._quiet_errors(doing):
                return action()

        return with_retries(attempt, self.waits_s if waits_s is None else waits_s)

    @contextmanager
    def _quiet_errors(self, doing: str) -> Iterator[None]:
        """Convert errors, and keep warnings quiet, which quote values of patients."""
        with warnings.catch_warnings(), archive_errors(self.host, doing):
            warnings.simplefilter("ignore")
            yield


def _session() -> requests.Session:
    """Return a session that sends wildcards as they are."""
    import requests

    class Session(requests.Session):
        """Sends wildcards as they are."""

        def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
            request.url = with_wildcards(request.url or "")
            return super().send(request, **options)

    return Session()


def require_dicomweb() -> None:
    """See that the client of DICOMweb is installed.

    Raises:
        SettingsError: it is not; the message says how to install it.
    """
    try:
        import dicomweb_client  # noqa: F401
    except ImportError as error:
        raise SettingsError("an archive needs the extra 'dicomweb': pip install 'camlocalizer[dicomweb]'") from error
    for name in CHATTY:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def uid_of(found: Found, tag: str) -> str:
    """Return a UID of an entry of a search."""
    return str(found[tag]["Value"][0])


def value_of(found: Found, tag: str) -> str:
    """Return the first value of an attribute of an entry of a search as text; empty if it has none."""
    values = found.get(tag, {}).get("Value") or [""]
    return "" if values[0] is None else str(values[0]).strip()


def _page(search: Callable[..., Any], tag: str, asked: Mapping[str, int]) -> dict[str, Found]:
    entries = {uid_of(found, tag): found for found in search(**asked)}
    if not all(map(is_uid, entries)):
        raise ArchiveError("the archive names something by a UID that is none; tell who runs it")
    return entries


def _dataset(values: Any) -> Dataset:
    """Return DICOM JSON as a dataset, without its bulk data."""
    from pydicom import Dataset

    with quiet():
        return values if isinstance(values, Dataset) else Dataset.from_json(values, lambda *_: None)
