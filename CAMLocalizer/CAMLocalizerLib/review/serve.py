"""The review as a web server of this machine, from the first address to Ctrl+C."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import Any

from trame.app import get_server

from ..core import OutputError, Volume
from .access_control import AccessControl
from .app import ReviewApp
from .review_options import HOST, ReviewOptions
from .routes import Routes
from .worklist_options import OpenedWorklist, WorklistOptions

CLIENT = files("trame_client") / "module" / "vue3-www"


def serve(
    options: ReviewOptions | WorklistOptions,
    opened: Volume | OpenedWorklist,
    announce: Callable[[str], None],
    *,
    prepare: Callable[[ReviewApp], None] | None = None,
) -> None:
    """Serve a review until Ctrl+C or a request to terminate.

    Args:
        options: what it is started with.
        opened: the volume or the worklist that it is started with.
        announce: called with the address of the page, which carries the token, when it answers.
        prepare: called with the app when its volume is open, before it is announced.

    Raises:
        InputError: no such folder.
        ModelError: no such model.
        OutputError: the port is taken.
    """
    asyncio.run(_serve(options, opened, announce, prepare))


async def _serve(
    options: ReviewOptions | WorklistOptions,
    opened: Volume | OpenedWorklist,
    announce: Callable[[str], None],
    prepare: Callable[[ReviewApp], None] | None,
) -> None:
    asyncio.get_running_loop().set_exception_handler(_report)
    folder = options.open_folder()
    server = get_server("camlocalizer-review", client_type="vue3")
    worklist = opened if isinstance(opened, OpenedWorklist) else None
    app = ReviewApp(server, options, folder, worklist)
    access = AccessControl(app.forget_notice)
    routes = Routes(access, folder, lambda: app.exports.folder, Path(str(CLIENT)), thumbnail=app.thumbnail)
    server.controller.on_server_bind.add(lambda bound: _bind(bound.app, access, routes))
    try:
        app.open(opened if isinstance(opened, Volume) else None)
        if prepare is not None:
            prepare(app)
        with _stop_asked() as stop:
            serving = _start(server, options.port)
            await _first(server.ready, serving)
            access.port = server.port
            announce(access.address)
            if options.browser:
                asyncio.get_running_loop().run_in_executor(None, webbrowser.open, access.address)  # may take its time
            await stop.wait()
            await server.stop()
            with suppress(asyncio.CancelledError):
                await asyncio.wait([serving], timeout=2)
    finally:
        app.close()


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report errors outside of actions; a page that was closed while it was written to is not an error."""
    if not isinstance(context.get("exception"), ConnectionError):
        loop.default_exception_handler(context)


def _bind(application: Any, access: AccessControl, routes: Routes) -> None:
    application.middlewares.append(access.middleware())
    application.router.add_routes(routes.table())


def _start(server: Any, port: int) -> asyncio.Task[None]:
    """Let trame serve in this event loop."""
    logging.getLogger("wslink").setLevel(logging.CRITICAL)
    os.environ["WSLINK_READY_MSG"] = ""  # it would be printed
    with _hidden_arguments():
        task: asyncio.Task[None] = server.start(
            port=port,
            host=HOST,
            thread=True,  # signals are ours
            open_browser=False,
            show_connection_info=False,
            disable_logging=True,
            timeout=0,
            exec_mode="task",
        )
    return task


async def _first(ready: Any, serving: asyncio.Task[None]) -> None:
    """Wait until the server is ready; say so where it cannot be."""
    await asyncio.wait([ready, serving], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        error = serving.exception()
        raise OutputError(f"the review cannot listen on this machine ({error}); choose another --port") from error


@contextmanager
def _hidden_arguments() -> Iterator[None]:
    """Keep the command line from trame, which would read it as its own."""
    kept, sys.argv = sys.argv, sys.argv[:1]
    try:
        yield
    finally:
        sys.argv = kept


@contextmanager
def _stop_asked() -> Iterator[asyncio.Event]:
    """Yield an event that Ctrl+C and a request to terminate set."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    former = {number: signal.getsignal(number) for number in signals}
    for number in signals:
        with suppress(ValueError):
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop.set))
    try:
        yield stop
    finally:
        for number, handler in former.items():
            with suppress(ValueError):
                signal.signal(number, handler)
