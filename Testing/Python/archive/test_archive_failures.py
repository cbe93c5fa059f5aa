"""What users are told of failures, and what is tried again."""

from __future__ import annotations

import pytest
import requests
from urllib3.exceptions import MaxRetryError, ProtocolError

from CAMLocalizerLib.archive.errors import ArchiveError, ArchiveUnavailableError
from CAMLocalizerLib.archive.failures import TransientError, archive_errors
from CAMLocalizerLib.archive.retries import with_retries

URL = "https://pacs.example.org/studies?PatientName=Secret"


def answer(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(f"{status} for url {URL}", response=response)


REFUSED = requests.ConnectionError(MaxRetryError(None, URL))
BROKEN = requests.ConnectionError(ProtocolError(URL))
CERTIFICATE = requests.exceptions.SSLError(f"{URL} certificate verify failed: Hostname mismatch, Secret (_ssl.c:1)")


@pytest.mark.parametrize(
    ("error", "kind", "passes", "sentence"),
    [
        (REFUSED, ArchiveUnavailableError, True, "does not answer"),
        (BROKEN, ArchiveError, True, "connection broke over a search"),
        (requests.ReadTimeout(URL), ArchiveError, True, "took too long"),
        (answer(503), ArchiveError, True, "with 503 Service Unavailable"),
        (answer(429), ArchiveError, True, "with 429 Too Many Requests"),
        (answer(400), ArchiveError, False, "with 400 Bad Request"),
        (answer(599), ArchiveError, False, "with 599"),
        (answer(401), ArchiveUnavailableError, False, "are missing or wrong"),
        (answer(403), ArchiveError, False, "is not allowed"),
        (answer(404), ArchiveError, False, "may have been deleted"),
        (CERTIFICATE, ArchiveUnavailableError, False, "not trusted (Hostname mismatch)"),
        (requests.exceptions.InvalidSchema(URL), ArchiveUnavailableError, False, "without encryption"),
        (requests.exceptions.JSONDecodeError(URL, "", 0), ArchiveError, False, "is not DICOMweb"),
        (KeyError(URL), ArchiveError, False, "is not DICOMweb"),
    ],
)
def test_failures_are_told_in_a_sentence_without_query_or_patient(error, kind, passes, sentence):
    with pytest.raises(TransientError if passes else kind) as caught, archive_errors("pacs", "a search"):
        raise error
    told = caught.value.error if passes else caught.value
    assert type(told) is kind
    assert str(told).startswith("pacs: ")
    assert sentence in str(told)
    assert "Secret" not in str(told)
    assert told.__cause__ is None


def test_a_full_disk_is_not_taken_for_a_failure_of_the_archive():
    with pytest.raises(OSError, match="full"), archive_errors("pacs", "a search"):
        raise OSError("full")


def test_what_may_pass_is_tried_once_more_than_there_are_pauses(caplog):
    attempts = []

    def failing_until(count):
        attempts.append(count)
        if len(attempts) < count:
            raise TransientError(ArchiveError("pacs: busy"))
        return len(attempts)

    assert with_retries(lambda: failing_until(3), (0.0, 0.0)) == 3
    assert caplog.messages == ["pacs: busy (trying again in 0 s)"] * 2
    attempts.clear()
    with pytest.raises(ArchiveError, match="pacs: busy"):
        with_retries(lambda: failing_until(4), (0.0, 0.0))
    assert len(attempts) == 3
