"""Workers to submit to: processes of this machine, or those of a scheduler that runs already."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import BatchError
from .worker_plan import WorkerPlan

if TYPE_CHECKING:
    from distributed import Client

LOOPBACK = "127.0.0.1"
ANSWER_S = 10.0
COUNTED_EVERY_S = 5.0
LEAST_ASKED = 16
LOGGERS = ("distributed", "distributed.client")
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)


@dataclass
class Workers:
    """A connection to workers.

    Args:
        client: the connection.
        own: whether they were started for this batch.
    """

    client: Client
    own: bool
    _counted: int = field(default=0, init=False)
    _counted_at: float = field(default=float("-inf"), init=False)

    @property
    def count(self) -> int:
        """Threads that cases run in now; of a remote scheduler as counted some seconds ago."""
        if self.own:
            return len(self.client.cluster.scheduler.workers)
        if time.monotonic() - self._counted_at > COUNTED_EVERY_S:
            self._counted = sum(self.client.nthreads().values())
            self._counted_at = time.monotonic()
        return self._counted

    def in_flight(self) -> int:
        """Cases to be asked for at once.

        Own workers that live have one each, so that none waits on a worker that dies of another. A cluster has some
        more: it grows by what waits.
        """
        return max(1, self.count) if self.own else max(LEAST_ASKED, 2 * self.count)


@contextmanager
def own_workers(plan: WorkerPlan) -> Iterator[Workers]:
    """Start workers on this machine, reachable from this machine only, and end them.

    Raises:
        BatchError: they do not start.
    """
    import dask
    from distributed import Client, Nanny, Scheduler, SpecCluster

    threads = {name: str(plan.threads) for name in THREAD_VARIABLES}
    config = {
        "distributed.nanny.pre-spawn-environ": {**threads, "DASK_LOGGING__DISTRIBUTED": "critical"},
        "distributed.scheduler.worker-ttl": None,  # a worker with a long case is not dead
        "distributed.scheduler.worker-saturation": 1.0,
    }
    listening = {"host": LOOPBACK, "dashboard": False, "dashboard_address": f"{LOOPBACK}:0"}
    with _quiet(), tempfile.TemporaryDirectory(prefix="camlocalizer-", ignore_cleanup_errors=True) as scratch:
        options = {
            **listening,
            "nthreads": 1,
            "memory_limit": 0,
            "local_directory": scratch,
            "preload": ["CAMLocalizerLib.batch.preload"],
        }
        workers = {
            index: {"cls": Nanny, "options": {**options, "env": dict(environment)}}
            for index, environment in enumerate(plan.environments)
        }
        scheduler = {"cls": Scheduler, "options": {**listening, "allowed_failures": 0}}
        with dask.config.set(config):
            try:
                cluster = SpecCluster(workers=workers, scheduler=scheduler, silence_logs=logging.CRITICAL)
            except (OSError, RuntimeError) as error:
                raise BatchError(f"the worker processes did not start ({error}); try fewer --workers") from error
            with cluster, Client(cluster, set_as_default=False) as client:
                yield Workers(client, own=True)


@contextmanager
def remote_workers(address: str, *, answer_s: float = ANSWER_S) -> Iterator[Workers]:
    """Connect to a scheduler.

    Args:
        address: such as ``tcp://node1:8786``.
        answer_s: how long to wait for it.

    Raises:
        BatchError: it does not answer.
    """
    from distributed import Client

    with _quiet():
        if asyncio.run(_kind(address, answer_s)) != "Scheduler":
            raise BatchError(f"no scheduler answers at {address}; give the address that dask-scheduler shows")
        with Client(address, timeout=answer_s, set_as_default=False) as client:
            yield Workers(client, own=False)


async def _kind(address: str, answer_s: float) -> str:
    """Ask who is at an address; empty if nobody answers in time, not even that the connection is one of Dask."""
    from distributed import Security
    from distributed.core import rpc

    async def ask() -> str:
        async with rpc(address, connection_args=Security().get_connection_args("client"), timeout=answer_s) as peer:
            return (await peer.identity())["type"]

    question = asyncio.ensure_future(ask())
    done, _ = await asyncio.wait({question}, timeout=answer_s)
    question.cancel()
    failed = not done or question.exception() is not None
    return "" if failed else question.result()


def require_distributed() -> None:
    """See that Dask is installed.

    Raises:
        BatchError: it is not; the message says how to install it.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise BatchError("a batch needs Dask; install it with: pip install 'camlocalizer[batch]'") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Dask's own remarks on workers that come and go from the terminal; failures are told by us."""
    import distributed  # noqa: F401  sets the levels

    former = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in former.items():
            logging.getLogger(name).setLevel(level)
