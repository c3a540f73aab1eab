"""The engine: a cluster, its client and its workers, in a thread with a loop of their own."""

import asyncio
import logging
from concurrent.futures import Future
from contextlib import AsyncExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from typing import Any, Final
from uuid import uuid4

import dask
from dask.system import CPU_COUNT
from distributed import Client, Nanny, Scheduler, Security

from neatfool import Answer, Engine, Part, Setup, TargetUnavailable

from . import Options
from .workers import WorkerPool, leave

_log = logging.getLogger("neatfool.dask")

CONNECTING: Final = 10.0
"""Seconds that a scheduler may take to answer."""
_CLIENT: Final[dict[str, Any]] = {"asynchronous": True, "set_as_default": False}


class DaskEngine(Engine):
    """The engine ``dask``."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._loop = asyncio.new_event_loop()
        # Dask leaves futures behind when it parts from a scheduler; nobody waits for them.
        self._loop.set_exception_handler(lambda _, context: _log.debug("asyncio: %s", context))
        self._thread = Thread(target=self._loop.run_forever, name="neatfool-dask", daemon=True)
        self._ending = AsyncExitStack()
        self._pool: WorkerPool | None = None
        self._opening: Future[str] = Future()
        self._count = options.workers or CPU_COUNT

    @property
    def workers(self) -> int:  # type: ignore[override] # it says what is now
        """How many workers there are, at least 1."""
        return max(1, len(self._pool.members)) if self._pool is not None else 1

    def start(self, setup: Setup) -> str:
        """Open the cluster, and wait for the first worker."""
        self._thread.start()
        self._opening = asyncio.run_coroutine_threadsafe(self._open(setup), self._loop)
        return self._opening.result()

    def submit(self, part: Part) -> Future[Answer]:
        """Have a part done."""
        assert self._pool is not None
        future: Future[Answer] = Future()
        self._loop.call_soon_threadsafe(self._pool.take, part, future)
        return future

    def progress(self) -> str:
        """Say how fast the workers are."""
        return self._pool.progress() if self._pool is not None else ""

    def close(self) -> None:
        """End the work, and the workers if they are this engine's own."""
        if self._thread.is_alive():
            self._opening.cancel()
            asyncio.run_coroutine_threadsafe(self._ending.aclose(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    async def _open(self, setup: Setup) -> str:
        for name in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        here, address = self._options.scheduler is None, self._options.scheduler
        client = await (self._open_own(setup) if here else self._connect(str(address)))
        hint = (
            "Resume the run, with fewer workers if memory is short"
            if here
            else f"Start some (dask worker {address}), and resume the run"
        )
        run, patience = uuid4().hex[:12], self._options.patience
        self._pool = pool = WorkerPool(client, run, setup, patience=patience, hint=hint)
        if not here:

            async def part() -> None:
                """Let the workers of a cluster close the run's target."""
                with suppress(OSError, asyncio.TimeoutError):
                    async with asyncio.timeout(5):
                        await client.run(leave, run, on_error="ignore")

            self._ending.push_async_callback(part)
        self._ending.push_async_callback(_cancelled, asyncio.create_task(pool.watch()))
        self._ending.callback(lambda: pool.end(TargetUnavailable("the engine was closed")))
        await pool.first
        link = f"; watch them at {client.dashboard_link}" if find_spec("bokeh") else ""
        return f"Drawing and scoring by workers of {'this machine' if here else address}{link}"

    async def _open_own(self, setup: Setup) -> Client:
        """Start a scheduler and workers of this machine, one thread each."""
        # Networks on a CPU use one core a call. Another target has the threads that it has in the
        # run's process, as the last bits of its scores may depend on them.
        threads = {"OMP_NUM_THREADS": 1} if setup.scoring["device"] == "cpu" else {}
        dask.config.set({"distributed.nanny.pre-spawn-environ": threads})
        dask.config.set({"distributed.scheduler.reuse-broadcast-comm": True})
        own: dict[str, Any] = {
            "security": Security.temporary(),
            "protocol": "tls://",
            "host": "127.0.0.1",
            "dashboard_address": "127.0.0.1:0",
        }
        scheduler = await self._ending.enter_async_context(Scheduler(port=0, **own))
        workers = [
            asyncio.create_task(_keep_a_worker(scheduler.address, own)) for _ in range(self._count)
        ]
        self._ending.push_async_callback(_cancelled, *workers)
        given = {"security": own["security"], "timeout": CONNECTING, **_CLIENT}
        return await self._ending.enter_async_context(Client(scheduler.address, **given))

    async def _connect(self, address: str) -> Client:
        place = {"address": address} if "://" in address else {"scheduler_file": address}
        if "://" not in address and not Path(address).is_file():
            raise TargetUnavailable(
                f"[engine] scheduler = {address}: there is no such file; give the file of "
                "`dask scheduler --scheduler-file`, or an address like tcp://HOST:8786"
            )
        client = Client(**place, timeout=CONNECTING, **_CLIENT)
        try:
            return await self._ending.enter_async_context(client)
        except (OSError, ValueError, TypeError) as error:  # the last without certificates
            with suppress(Exception):
                await client.close()
            raise TargetUnavailable(
                f"[engine] scheduler = {address}: no scheduler answers there ({error}). Start one "
                "with `dask scheduler` and workers with `dask worker`, and resume the run"
            ) from error


async def _keep_a_worker(scheduler: str, own: dict[str, Any]) -> None:
    """Have a worker of this machine; where one ends, or cannot begin, there comes another."""
    # Ctrl-C and the end of a terminal are meant for the run's process alone.
    deaf = (
        "import signal; [signal.signal(getattr(signal, name), signal.SIG_IGN) "
        "for name in ('SIGINT', 'SIGHUP') if hasattr(signal, name)]"
    )
    quiet = {"silence_logs": logging.CRITICAL, "preload": [deaf]}
    while True:
        with suppress(OSError, RuntimeError):
            async with Nanny(scheduler, nthreads=1, **own, **quiet) as nanny:
                await nanny.finished()
        await asyncio.sleep(1)


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
