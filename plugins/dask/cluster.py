"""Workers of this machine: a scheduler, and processes that are started again when they die."""

import asyncio
import logging
from contextlib import AsyncExitStack, suppress
from threading import Thread
from typing import Any, Final

from distributed import Nanny, Scheduler, Security

_log = logging.getLogger("neatfool.dask")
_DEAF: Final = (
    "import signal; [signal.signal(getattr(signal, name), signal.SIG_IGN) "
    "for name in ('SIGINT', 'SIGHUP') if hasattr(signal, name)]"
)
"""Ctrl-C and the end of a terminal are meant for the run's process alone."""


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
        own: dict[str, Any] = {
            "security": self.security,
            "protocol": "tls://",
            "host": "127.0.0.1",
            "dashboard_address": "127.0.0.1:0",
        }
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
