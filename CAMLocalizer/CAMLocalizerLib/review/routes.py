"""What the page gets and sends besides trame's websocket: uploads, downloads, and whether somebody is here."""

from __future__ import annotations

import asyncio
import io
import logging
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from aiohttp import web

from ..core import CAMLocalizerError
from ..worklist.thumbnail import small_picture
from . import pages
from .access_control import WEBSOCKET, AccessControl
from .files import LARGEST_UPLOAD, ReviewFolder

logger = logging.getLogger(__name__)
CHUNK_BYTES = 1 << 20
EVERYTHING = "all"
WSLINK_SECRET = "wslink-secret"  # noqa: S105  trame's default; AccessControl keeps others out


class Routes:
    """The page's own routes.

    Args:
        access: tells whether a reviewer is there.
        folder: where uploads go.
        exported: returns the folder that was exported last; None before.
        client: folder of trame's client.
        thumbnail: returns the picture of a case of the worklist.
        limit: most bytes of an upload.
    """

    def __init__(
        self,
        access: AccessControl,
        folder: ReviewFolder,
        exported: Callable[[], Path | None],
        client: Path,
        *,
        thumbnail: Callable[[int], Path | None] = lambda _number: None,
        limit: int = LARGEST_UPLOAD,
    ) -> None:
        self._access = access
        self._folder = folder
        self._exported = exported
        self._client = client
        self._thumbnail = thumbnail
        self._limit = limit

    def table(self) -> list[web.RouteDef]:
        """Return the routes; they come before those of trame's files."""
        return [
            web.get("/index.html", self._frame),
            web.get("/occupied", self._occupied),
            web.post("/paraview/", self._session),
            web.get("/download/{name}", self._download),
            web.get("/thumbnail/{number:[0-9]{1,9}}", self._case_picture),
            web.post("/upload", self._upload),
        ]

    async def _frame(self, _request: web.Request) -> web.StreamResponse:
        return pages.frame(self._client)

    async def _occupied(self, _request: web.Request) -> web.StreamResponse:
        return web.json_response({"occupied": self._access.occupied})

    async def _session(self, request: web.Request) -> web.StreamResponse:
        """Answer trame's client, which asks a launcher of servers first, with the one there is."""
        return web.json_response({"sessionURL": f"ws://{request.host}{WEBSOCKET}", "secret": WSLINK_SECRET})

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        if (request.content_length or 0) > self._limit:
            return _refusal(f"The file is larger than {self._limit / 1024**2:.0f} MB; copy it into the folder.")
        try:
            name = await self._folder.save_upload(request.query.get("name", ""), _chunks(request), limit=self._limit)
        except CAMLocalizerError as error:
            return _refusal(f"{error}.")
        return web.json_response({"name": name})

    async def _case_picture(self, request: web.Request) -> web.StreamResponse:
        try:
            path = self._thumbnail(int(request.match_info["number"]))
            content = b"" if path is None else await asyncio.to_thread(small_picture, path)
        except (KeyError, OSError):
            content = b""
        if not content:
            return web.Response(status=web.HTTPNoContent.status_code)
        return web.Response(body=content, content_type="image/png")

    async def _download(self, request: web.Request) -> web.StreamResponse:
        folder, name = self._exported(), request.match_info["name"]
        if folder is None or not folder.is_dir():
            return web.Response(status=web.HTTPNotFound.status_code, text="Nothing was exported yet.")
        files = {path.name: path for path in folder.iterdir() if path.is_file()}
        if name == EVERYTHING:
            content = await asyncio.to_thread(_zipped, folder.name, files)
            return web.Response(body=content, content_type="application/zip", headers=_saved_as(f"{folder.name}.zip"))
        if name not in files:
            return web.Response(status=web.HTTPNotFound.status_code, text="The export holds no such file.")
        return web.FileResponse(files[name], headers=_saved_as(f"{folder.name}-{name}"))


async def _chunks(request: web.Request) -> AsyncIterator[bytes]:
    async for chunk in request.content.iter_chunked(CHUNK_BYTES):
        yield chunk


def _refusal(sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=web.HTTPBadRequest.status_code)


def _saved_as(name: str) -> dict[str, str]:
    """Return the header by which a browser saves a file instead of showing it."""
    plain = "".join(
        letter if letter.isascii() and letter.isprintable() and letter not in '"\\' else "_" for letter in name
    )
    return {"Content-Disposition": f'attachment; filename="{plain}"'}


def _zipped(folder: str, files: dict[str, Path]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:  # the volumes are compressed already
        for name, path in sorted(files.items()):
            archive.write(path, f"{folder}/{name}")
    return buffer.getvalue()
