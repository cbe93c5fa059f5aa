"""What went wrong between here and an archive, in sentences without credentials, queries or patients."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from ..core import CAMLocalizerError
from .credentials import WHERE
from .errors import ArchiveError, ArchiveUnavailableError

TRANSIENT = frozenset({408, 425, 429, 502, 503, 504})
_VERIFICATION = re.compile(r"certificate verify failed: ([A-Za-z -]+)")


class TransientError(Exception):
    """A failure that may pass, with the error to raise if it does not."""

    def __init__(self, error: ArchiveError) -> None:
        super().__init__(error)
        self.error = error


@contextmanager
def archive_errors(host: str, doing: str) -> Iterator[None]:
    """Convert what the HTTP and DICOM libraries raise inside.

    Args:
        host: name of the archive in the sentence.
        doing: what was asked for, such as ``fetching a series``.

    Raises:
        TransientError: it may pass.
        ArchiveError: it will not.
    """
    import requests

    try:
        yield
    except requests.RequestException as error:
        raise _converted(error, host, doing) from None  # the cause may quote a query with a patient's name
    except (CAMLocalizerError, TransientError, OSError, MemoryError):
        raise
    except Exception as error:  # what is not DICOM can fail anywhere in the parser
        raise _other_language(error, host, doing) from None


def _converted(error: Exception, host: str, doing: str) -> Exception:
    import requests
    from urllib3.exceptions import MaxRetryError

    if isinstance(error, requests.exceptions.SSLError):
        return ArchiveUnavailableError(_certificate(error, host))
    if isinstance(error, requests.ConnectTimeout):
        return TransientError(_silent(host))
    if isinstance(error, requests.Timeout):
        return TransientError(ArchiveError(f"{host}: took too long over {doing}; try again when it has less to do"))
    if isinstance(error, requests.exceptions.ProxyError):
        return TransientError(ArchiveUnavailableError(f"{host}: the proxy does not answer; check HTTPS_PROXY"))
    if isinstance(error, requests.ConnectionError) and error.args and isinstance(error.args[0], MaxRetryError):
        return TransientError(_silent(host))
    if isinstance(error, requests.exceptions.ChunkedEncodingError | requests.ConnectionError):
        return TransientError(ArchiveError(f"{host}: the connection broke over {doing}; the same command resumes"))
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _answered(error.response.status_code, host, doing)
    if isinstance(error, requests.exceptions.InvalidSchema | requests.TooManyRedirects):
        return ArchiveUnavailableError(
            f"{host}: sends its users to an address without encryption or in circles; give the final address"
        )
    return _other_language(error, host, doing)


def _other_language(error: Exception, host: str, doing: str) -> ArchiveError:
    return ArchiveError(
        f"{host}: the answer to {doing} is not DICOMweb ({type(error).__name__}); check the path of the address"
    )


def _silent(host: str) -> ArchiveError:
    return ArchiveUnavailableError(
        f"{host}: the archive does not answer; check that it runs and that host and port are right"
    )


def _certificate(error: Exception, host: str) -> str:
    found = _VERIFICATION.search(str(error))
    reason = f"its certificate is not trusted ({found[1].strip()})" if found else "no secure connection is possible"
    return (
        f"{host}: {reason}; name the file of your certificate authority in REQUESTS_CA_BUNDLE, or ask who runs the "
        "archive"
    )


def _answered(status: int, host: str, doing: str) -> Exception:
    if status == HTTPStatus.UNAUTHORIZED:
        return ArchiveUnavailableError(f"{host}: user, password or token are missing or wrong; put them into {WHERE}")
    if status == HTTPStatus.FORBIDDEN:
        return ArchiveError(f"{host}: this user is not allowed {doing}; ask who runs the archive")
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return ArchiveError(
            f"{host}: answered {doing} with {_phrase(status)}; it may have been deleted, or the path of the address is "
            "wrong"
        )
    sentence = f"{host}: answered {doing} with {_phrase(status)}"
    if status in TRANSIENT:
        return TransientError(ArchiveError(f"{sentence}; try again later"))
    return ArchiveError(f"{sentence}; its log may say why")


def _phrase(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
