"""Who gets in, what the routes give away, and how a review begins and ends."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from browser_review import PACKAGE, RunningReview, missing
from review_page import RUN_MS, WINDOW, run, shown, watched_page

WRONG = ["", "?token=", "?token=guess"]
PAGES = ["/", "/index.html", "/occupied", "/download/report.json", "/review-web/review.js", "/ws", "/nothing"]


@pytest.fixture
def folder_of_one(tmp_path: Path, blob_file: Path) -> Path:
    (tmp_path / "blob.nii.gz").write_bytes(blob_file.read_bytes())
    return tmp_path


def ask(review: RunningReview, path: str, *, method: str = "GET", body: bytes | None = None, **headers: str) -> Any:
    """Send a request as it stands; return status, headers and body."""
    connection = HTTPConnection("127.0.0.1", review.port, timeout=20)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, body=body, headers=named)
    answer: HTTPResponse = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, answer.headers, content


def cookie(review: RunningReview) -> str:
    """Return the cookie that the whole address gives."""
    _, headers, _ = ask(review, f"/?token={review.token}")
    return headers["Set-Cookie"].split(";")[0]


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("query", WRONG)
def test_without_the_token_every_route_is_refused(review: RunningReview, path: str, query: str) -> None:
    status, headers, body = ask(review, path + query)
    assert status == 403
    assert b"token" in body
    assert "Set-Cookie" not in headers


def test_a_wrong_token_is_refused_even_with_the_right_cookie(review: RunningReview) -> None:
    assert ask(review, "/occupied", Cookie=cookie(review))[0] == 200
    assert ask(review, "/occupied?token=guess", Cookie=cookie(review))[0] == 403


def test_the_cookie_is_for_this_page_alone(review: RunningReview) -> None:
    _, headers, _ = ask(review, f"/?token={review.token}")
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert "default-src 'self'" in headers["Content-Security-Policy"]


def test_another_host_name_is_refused(review: RunningReview) -> None:
    path = f"/?token={review.token}"
    assert ask(review, path, Host=f"evil.example:{review.port}")[0] == 403
    assert ask(review, path, Host="127.0.0.1:1")[0] == 403
    assert ask(review, path, Host=f"localhost:{review.port}")[0] == 302


def test_another_page_is_refused(review: RunningReview) -> None:
    for origin in ("https://evil.example", "null", f"https://127.0.0.1:{review.port}"):
        assert ask(review, "/upload?name=a.nrrd", method="POST", Cookie=cookie(review), Origin=origin)[0] == 403


def test_it_listens_on_this_machine_only(review: RunningReview) -> None:
    listening = Path("/proc/net/tcp")
    if not listening.is_file():
        pytest.skip("this system does not tell who listens")
    local = [line.split()[1] for line in listening.read_text().splitlines()[1:]]
    places = {place for place in local if place.endswith(f":{review.port:04X}")}
    assert places == {f"0100007F:{review.port:04X}"}


def test_a_websocket_needs_the_token_and_a_second_one_is_refused(review: RunningReview) -> None:
    async def connect() -> list[int]:
        statuses = []
        async with aiohttp.ClientSession() as session:
            for _ in range(2):
                try:
                    await session.ws_connect(f"{review.root}/ws")
                except aiohttp.WSServerHandshakeError as error:
                    statuses.append(error.status)
            address = f"{review.root}/ws?token={review.token}"
            first = await session.ws_connect(address)
            try:
                await session.ws_connect(address)
            except aiohttp.WSServerHandshakeError as error:
                statuses.append(error.status)
            await first.close()
            await asyncio.sleep(0.3)
            await (await session.ws_connect(address)).close()
        return statuses

    with ThreadPoolExecutor() as elsewhere:  # Playwright holds this thread's event loop
        assert elsewhere.submit(lambda: asyncio.run(connect())).result() == [403, 403, 403]


def test_only_files_of_the_export_are_given_away(review: RunningReview) -> None:
    for name in ("..%2F..%2Fetc%2Fpasswd", "..%2Fblob.nii.gz", "blob.nii.gz", "."):
        assert ask(review, f"/download/{name}", Cookie=cookie(review))[0] == 404
    assert ask(review, "/../../etc/passwd", Cookie=cookie(review))[0] in (403, 404)


def test_uploads_stay_in_the_folder_under_a_plain_name(review: RunningReview, folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    answers = []
    for name in ("../../out.nrrd", "a%20b%2Fc%20d.nrrd", "..%5Cx.nrrd"):
        _, _, body = ask(review, f"/upload?name={name}", method="POST", body=b"NRRD", Cookie=cookie(review))
        answers.append(json.loads(body)["name"])
    assert answers == ["out.nrrd", "c-d.nrrd", "x.nrrd"]
    assert {path.name for path in folder.iterdir()} - before == set(answers)
    for name in answers:
        assert (folder / name).read_bytes() == b"NRRD"
        (folder / name).unlink()


def test_an_upload_that_is_too_large_leaves_nothing(review: RunningReview, folder: Path) -> None:
    before = {path.name for path in folder.iterdir()}
    connection = HTTPConnection("127.0.0.1", review.port, timeout=20)
    headers = {"Cookie": cookie(review), "Content-Length": str(1 << 40)}
    connection.request("POST", "/upload?name=large.nrrd", headers=headers)
    answer = connection.getresponse()
    assert answer.status == 400
    assert "larger than" in json.loads(answer.read())["error"]
    connection.close()
    assert {path.name for path in folder.iterdir()} == before


def test_a_second_reviewer_waits_and_gets_in_when_the_first_has_left(browser: Any, review: RunningReview) -> None:
    first = watched_page(browser, review, WINDOW)
    next(first)
    context = browser.new_context(viewport=WINDOW)
    second = context.new_page()
    assert second.goto(review.address).status == 409
    assert "open in another window" in second.inner_text("h1")
    assert second.locator(".review").count() == 0
    with pytest.raises(StopIteration):
        next(first)
    second.wait_for_selector(".review", timeout=RUN_MS)
    context.close()


def test_a_page_that_is_loaded_anew_shows_the_same_review(browser: Any, review: RunningReview) -> None:
    pages = watched_page(browser, review, WINDOW)
    page = next(pages)
    run(page)
    volume = shown(page, "threshold")["volume"]
    context = page.context
    page.goto(review.address)
    page.wait_for_selector("[data-component]", timeout=RUN_MS)
    assert shown(page, "threshold")["volume"] == volume
    context.close()
    pages.close()


def test_ctrl_c_ends_the_review_and_its_run(browser: Any, folder_of_one: Path, bundle: Path) -> None:
    review = RunningReview([folder_of_one / "blob.nii.gz", "--model", bundle])
    context = browser.new_context()
    page = context.new_page()
    page.goto(review.address)
    page.wait_for_selector('[data-do="run"]:not([aria-disabled="true"])', timeout=RUN_MS)
    page.click('[data-do="run"]')
    page.wait_for_selector('[data-do="cancel"]')
    children = children_of(review.process.pid)
    assert children
    assert review.stop() == 0
    page.get_by_role("heading", name="The review has ended").wait_for()
    assert review.complaints() == ""
    context.close()
    review.__exit__()
    deadline = time.monotonic() + 5
    while any(alive(child) for child in children):
        assert time.monotonic() < deadline, "a child was left behind"
        time.sleep(0.05)
    assert [path.name for path in folder_of_one.iterdir()] == ["blob.nii.gz"]


def test_a_request_to_terminate_ends_it_too(folder_of_one: Path, bundle: Path) -> None:
    if sentence := missing():
        pytest.skip(sentence)
    with RunningReview([folder_of_one / "blob.nii.gz", "--model", bundle]) as review:
        review.process.send_signal(signal.SIGTERM)
        assert review.process.wait(10) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing.nii.gz"], "no such file"),
        (["blob.nii.gz", "--folder", "nowhere"], "no such folder"),
        (["blob.nii.gz", "--model", "nobody"], "nobody"),
        (["notes.txt"], "not a supported image format"),
    ],
)
def test_what_cannot_be_reviewed_is_said_in_one_sentence(folder: Path, arguments: list[str], sentence: str) -> None:
    pytest.importorskip("trame_slicer")
    command = [sys.executable, "-m", "CAMLocalizerLib", "review", "--no-browser", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_port_that_is_taken_is_said_in_one_sentence(review: RunningReview, blob_file: Path) -> None:
    command = [sys.executable, "-m", "CAMLocalizerLib", "review", "--no-browser", str(blob_file)]
    done = subprocess.run([*command, "--port", str(review.port)], env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    assert re.fullmatch(r"camlocalizer: the port \d+ cannot be used .*; choose another --port\n", done.stderr)


def environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(PACKAGE)}


def children_of(pid: int) -> list[int]:
    """Return the processes below a process."""
    text = subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in text.splitlines()[1:]]
    below, found = [pid], []
    while below:
        parent = below.pop()
        fresh = [child for child, its_parent in pairs if its_parent == parent]
        found += fresh
        below += fresh
    return found


def alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip()
    return bool(state) and not state.startswith("Z")
