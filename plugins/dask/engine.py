"""The engine: a cluster, perhaps one of this machine, and its client.

Dask gives parts to workers, and has them done again by others if one dies.
"""

import asyncio
import logging
import time
from concurrent.futures import CancelledError, Future
from contextlib import AsyncExitStack, ExitStack, suppress
from importlib.util import find_spec
from pathlib import Path
from threading import Event, Thread
from typing import Any, Final
from uuid import uuid4

import dask
from dask.system import CPU_COUNT
from distributed import Client, KilledWorker, Nanny, Scheduler, Security
from distributed import Future as Task

from neatfool import Answer, Engine, Part, Setup, TargetError, TargetUnavailable
from neatfool.wording import counted

from . import Options
from .worker import RunWorkplace, answer

CONNECTING: Final = 10.0
"""Seconds that a scheduler may take to answer."""

_log = logging.getLogger("neatfool.dask")
_DEAF: Final = (
    "import signal; [signal.signal(getattr(signal, name), signal.SIG_IGN) "
    "for name in ('SIGINT', 'SIGHUP') if hasattr(signal, name)]"
)
"""Ctrl-C and the end of a terminal are meant for the run's process alone."""


class DaskEngine(Engine):
    """The engine ``dask``."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._client: Any = None
        self._ending, self._ended = ExitStack(), Event()
        self._run = f"neatfool-{uuid4().hex[:12]}"
        self._tasks: set[Task] = set()
        self._present = 0
        self._why = "the engine was closed"

    @property
    def workers(self) -> int:  # type: ignore[override] # it says what is now
        """How many workers there are, at least 1."""
        return max(1, self._count())

    def start(self, setup: Setup) -> str:
        """Open the cluster, and wait until a worker has made the run's target."""
        for name in ("distributed", "tornado"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        address = self._options.scheduler
        self._client = client = self._open_own(setup) if address is None else self._connect(address)
        try:
            client.register_plugin(RunWorkplace(setup), name=self._run)
        except Exception as error:
            cause = f"{type(error).__name__}: {error}".split("\n", 1)[0]
            raise TargetError(f"a worker cannot be used ({cause})") from error
        if address is not None:
            self._ending.callback(self._part)
        self._ending.callback(self._ended.set)
        Thread(target=self._watch, name="neatfool-dask", daemon=True).start()
        self.submit(None).result()
        link = f"; watch them at {client.dashboard_link}" if find_spec("bokeh") else ""
        return f"Drawing and scoring by workers of {address or 'this machine'}{link}"

    def submit(self, part: Part | None) -> Future[Answer]:
        """Have a part done; None: have a worker make the target."""
        done: Future[Answer] = Future()
        task = self._client.submit(answer, self._run, part, pure=False)
        self._tasks.add(task)

        def finish(task: Task) -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                # If its worker has died since, another does it now, or it is given up.
                done.set_result(task.result())
            except KilledWorker as error:
                done.set_exception(TargetUnavailable(f"a part was given up: {error}"))
            except CancelledError:
                done.set_exception(TargetUnavailable(self._why))
            except BaseException as error:
                done.set_exception(error)
            finally:
                self._tasks.discard(task)

        task.add_done_callback(finish)
        done.add_done_callback(lambda _: done.cancelled() and task.cancel())
        return done

    def progress(self) -> str:
        """Say how many workers there are, or were at last."""
        return counted(self._present, "worker", "workers") if self._present else ""

    def close(self) -> None:
        """End the work, and the workers if they are this engine's own."""
        for task in [*self._tasks]:
            task.cancel()
        self._ending.close()

    def _part(self) -> None:
        """Let the workers of a cluster close the run's target."""
        with suppress(Exception):  # They may be gone.
            self._client.unregister_worker_plugin(self._run)

    def _count(self) -> int:
        try:
            self._present = len(self._client.ncores())
        except (OSError, AttributeError, TypeError):  # before it is open, and without a scheduler
            return 0
        return self._present

    def _watch(self) -> None:
        """Give up what nobody is there to do."""
        seen = time.monotonic()
        while not self._ended.wait(0.25):
            if self._count():
                seen = time.monotonic()
            elif time.monotonic() - seen > self._options.patience:
                where = self._options.scheduler
                start = f"Start some (dask worker {where}), and resume" if where else "Resume"
                self._why = f"no worker is left. {start} the run"
                for task in [*self._tasks]:
                    task.cancel()

    def _open_own(self, setup: Setup) -> Client:
        """Start a scheduler and workers of this machine, one thread each."""
        # Networks on a CPU use one core a call. Another target has the threads that it has in the
        # run's process, as the last bits of its scores may depend on them.
        threads = {"OMP_NUM_THREADS": 1} if setup.scoring["device"] == "cpu" else {}
        dask.config.set({"distributed.nanny.pre-spawn-environ": threads})
        cluster = OwnCluster(self._options.workers or CPU_COUNT)
        address = self._ending.enter_context(cluster)
        given = {"security": cluster.security, "timeout": CONNECTING, "set_as_default": False}
        return self._ending.enter_context(Client(address, **given))

    def _connect(self, address: str) -> Client:
        place = {"address": address} if "://" in address else {"scheduler_file": address}
        if "://" not in address and not Path(address).is_file():
            raise TargetUnavailable(
                f"[engine] scheduler = {address}: there is no such file; give the file of "
                "`dask scheduler --scheduler-file`, or an address like tcp://HOST:8786"
            )
        try:
            client = Client(**place, timeout=CONNECTING, set_as_default=False)
            return self._ending.enter_context(client)
        except (OSError, ValueError, TypeError) as error:  # the last without certificates
            raise TargetUnavailable(
                f"[engine] scheduler = {address}: no scheduler answers there ({error}). Start one "
                "with `dask scheduler` and workers with `dask worker`, and resume the run"
            ) from error


class OwnCluster:
    """A scheduler and workers of this machine, one thread each; entered, it gives the address."""

    def __init__(self, workers: int) -> None:
        self.security = Security.temporary()
        self._workers = workers
        self._loop = asyncio.new_event_loop()
        # Dask leaves futures behind when it parts from a scheduler; nobody waits for them.
        self._loop.set_exception_handler(lambda _, context: _log.debug("asyncio: %s", context))
        self._thread = Thread(target=self._loop.run_forever, name="neatfool-dask", daemon=True)
        self._ending = AsyncExitStack()

    def __enter__(self) -> str:
        self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._ending.aclose(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> str:
        host = "127.0.0.1"
        own = {"protocol": "tls://", "host": host, "dashboard_address": f"{host}:0"}
        own |= {"security": self.security}
        scheduler = await self._ending.enter_async_context(Scheduler(port=0, **own))
        workers = [
            asyncio.create_task(_keep_a_worker(scheduler.address, own))
            for _ in range(self._workers)
        ]
        self._ending.push_async_callback(_cancel, workers)
        address: str = scheduler.address
        return address


async def _keep_a_worker(scheduler: str, own: dict[str, Any]) -> None:
    """Have a worker of this machine; where one ends, or cannot begin, there comes another."""
    while True:
        with suppress(OSError, RuntimeError):
            settings = {"silence_logs": logging.CRITICAL, "preload": [_DEAF]}
            async with Nanny(scheduler, nthreads=1, **own, **settings) as nanny:
                await nanny.finished()
        await asyncio.sleep(1)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
