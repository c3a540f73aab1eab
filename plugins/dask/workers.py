"""Workers that come and go, the parts that each has, and what to do if one fails.

Parts are given out here and not by Dask's scheduler, two to a worker: it does one and has the next.
What runs in a worker's process stands at the end.
"""

import asyncio
import logging
import socket
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from neatfool import Answer, NeatfoolError, Part, Setup, TargetError, TargetUnavailable, Workplace
from neatfool.wording import counted

DEPTH: Final = 2
"""How many parts a worker has: one to do, and one to go on with at once."""
TRIES: Final = 3
"""A part that so many workers died of, or failed at, is given up."""
BORN_IN_VAIN: Final = 10
"""If so many workers in a row die before they have a target, no more are waited for."""
_log = logging.getLogger("neatfool.dask")


@dataclass(eq=False)
class _Job:
    """A part to be done."""

    part: Part
    future: Future[Answer]
    failures: int = 0


@dataclass(eq=False)
class _Worker:
    """A worker that is used, and the parts that it has, the first of which it does."""

    address: str
    host: str
    jobs: dict[_Job, asyncio.Task[None]] = field(default_factory=dict)
    images: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.address} on {self.host}"


class WorkerPool:
    """The workers of a run. All of it is for the thread of the client's loop."""

    def __init__(self, client: Any, run: str, setup: Setup, *, patience: float, hint: str) -> None:
        """Take the run's name among the workers, and how one gets workers, in words."""
        self.members: dict[str, _Worker] = {}
        self.first = asyncio.get_running_loop().create_future()
        self._client, self._run, self._setup = client, run, setup
        self._patience, self._hint = patience, hint
        self._waiting: deque[_Job] = deque()
        self._joining: dict[str, asyncio.Task[None]] = {}
        self._refused: dict[str, NeatfoolError] = {}
        self._died = 0
        self._alone_since = time.monotonic()
        self._warned: set[str] = set()
        self._over: NeatfoolError | None = None

    def take(self, part: Part, future: Future[Answer]) -> None:
        """Take a part, whose answer goes to ``future``."""
        job, loop = _Job(part, future), asyncio.get_running_loop()
        if self._over is not None:
            return _settle(job, self._over)
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(self._withdraw, job))
        self._waiting.append(job)
        return self._feed()

    async def watch(self) -> None:
        """See who comes and who has gone, again and again."""
        try:
            while True:
                try:
                    present = {*await self._client.scheduler.ncores()}
                except OSError:
                    present = set()
                self._look(present)
                await asyncio.sleep(0.25)
        except Exception as error:
            self.end(TargetUnavailable(f"the engine failed: {type(error).__name__}: {error}"))

    def end(self, error: NeatfoolError) -> None:
        """Give up: nobody is left."""
        self._over = error
        if not self.first.done():
            self.first.set_exception(error)
        for job in [*self._waiting, *(job for m in self.members.values() for job in m.jobs)]:
            _settle(job, error)
        self._waiting.clear()

    def progress(self) -> str:
        """Say how many images a second the workers do."""
        speeds = [member.images / max(member.seconds, 1e-9) for member in self.members.values()]
        return f"{counted(len(speeds), 'worker', 'workers')}: {sum(speeds):,.0f} images/s"

    def _look(self, present: set[str]) -> None:
        for address in present - {*self.members, *self._joining, *self._refused}:
            self._joining[address] = asyncio.create_task(self._join(address))
        for address in {*self.members, *self._joining} - present:
            self._lose(address)
        for address in {*self._refused} - present:
            del self._refused[address]
        now, reasons = time.monotonic(), "; ".join(dict.fromkeys(map(str, self._refused.values())))
        if self.members or (self._joining and self._died < BORN_IN_VAIN):
            self._alone_since = now
        elif self._refused and not self.first.done():
            self.end(TargetError(f"no worker can be used: {reasons}"))
        elif now - self._alone_since > self._patience or self._died >= BORN_IN_VAIN:
            why = f" ({reasons})" if reasons else ""
            died = f"; {self._died} ended as they began" if self._died else ""
            self.end(TargetUnavailable(f"no worker is left{why}{died}. {self._hint}"))

    async def _join(self, address: str) -> None:
        """Let a worker make the run's target, and use it if its answers to the probes are right."""
        try:
            host, refusal = await self._ask(address, join, self._setup)
        except OSError:
            # If it has died, the scheduler will know; else it is asked again.
            await asyncio.sleep(1)
            self._joining.pop(address, None)
            return
        except Exception as error:
            host = "another machine"
            refusal = TargetError(f"it cannot be used ({_first_line(error)})")
        self._joining.pop(address, None)
        if refusal is not None:
            self._refused[address] = refusal
            self._say(f"worker {address} on {host} is left out: {refusal}", str(refusal))
            return
        self._died = 0
        self.members[address] = _Worker(address, host)
        if not self.first.done():
            self.first.set_result(None)
        self._feed()

    def _lose(self, address: str) -> None:
        """Go on without a worker."""
        if (joining := self._joining.pop(address, None)) is not None:
            joining.cancel()
            self._died += 1
            return
        member = self.members.pop(address)
        for number, (job, task) in enumerate([*member.jobs.items()]):
            task.cancel()
            self._fail(job, f"worker {member} died", counts=number == 0)
        self._say(f"worker {member} is gone; the others do its part", "gone")
        self._feed()

    def _fail(self, job: _Job, why: str, *, counts: bool = True) -> None:
        """Have a part done again, first of all, unless it has failed too often."""
        job.failures += counts
        if job.failures >= TRIES:
            message = (
                f"a part of {len(job.part.genomes)} images was given up after {TRIES} failures, "
                f"the last: {why}. If they ran out of memory, use fewer workers or a smaller "
                "[target] batch_size; the generations before are kept"
            )
            _settle(job, TargetUnavailable(message))
        elif not job.future.done():
            self._waiting.appendleft(job)

    def _feed(self) -> None:
        """Give parts to whoever has fewest."""
        while self._waiting:
            member = min(self.members.values(), key=lambda m: len(m.jobs), default=None)
            if member is None or len(member.jobs) >= DEPTH:
                return
            job = self._waiting.popleft()
            if not job.future.done():
                member.jobs[job] = asyncio.create_task(self._do(member, job))

    async def _do(self, member: _Worker, job: _Job) -> None:
        try:
            result, seconds = await self._ask(member.address, answer, job.part)
        except OSError:
            if self.members.get(member.address) is member:
                self._lose(member.address)
            return
        except Exception as error:
            member.jobs.pop(job, None)
            if member.address in self.members:
                cause = _first_line(error)
                self._say(f"worker {member} failed ({cause}); its part is done again", cause)
                self._fail(job, cause)
        else:
            member.jobs.pop(job, None)
            member.images += len(job.part.genomes)
            member.seconds += seconds
            _settle(job, result)
        self._feed()

    async def _ask(self, address: str, function: Any, given: Any) -> Any:
        # By way of the scheduler, but not as one of its tasks: that takes ten times as long.
        answers = await self._client.run(function, self._run, given, workers=[address])
        return answers[address]

    def _withdraw(self, job: _Job) -> None:
        """Take back a part that nobody waits for any more."""
        for member in self.members.values():
            if job in member.jobs:
                member.jobs.pop(job).cancel()
        self._feed()

    def _say(self, message: str, once: str) -> None:
        """Warn; of more of the kind only a log tells."""
        level = logging.INFO if once in self._warned else logging.WARNING
        _log.log(level, "[engine]: %s", message)
        self._warned.add(once)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".split("\n", 1)[0]


def _settle(job: _Job, answer: Answer | Exception) -> None:
    """Give an answer, or an error, to whoever waits, unless it has come or is no longer wanted."""
    if job.future.done() or not job.future.set_running_or_notify_cancel():
        return
    if isinstance(answer, Exception):
        job.future.set_exception(answer)
    else:
        job.future.set_result(answer)


class _WorkerPlace:
    """A workplace, and the thread that it is made and used in: some targets allow only one."""

    def __init__(self) -> None:
        self.thread = ThreadPoolExecutor(1, "neatfool-workplace")
        self.workplace: Workplace | None = None
        self.used = time.monotonic()

    def close(self) -> None:
        if self.workplace is not None:
            self.workplace.close()


_places: dict[str, _WorkerPlace] = {}


async def join(run: str, setup: Setup) -> tuple[str, NeatfoolError | None]:
    """Make the workplace of a run; give the machine's name, and why it cannot be used, if so."""
    for other, place in [*_places.items()]:
        if time.monotonic() - place.used > 3600:  # its run was killed, perhaps
            await leave(other)
    place = _places.setdefault(run, _WorkerPlace())

    def make() -> None:
        place.workplace = place.workplace or Workplace(setup)

    try:
        await asyncio.wrap_future(place.thread.submit(make))
    except NeatfoolError as error:
        await leave(run)
        return socket.gethostname(), error
    return socket.gethostname(), None


async def answer(run: str, part: Part) -> tuple[Answer | Exception, float]:
    """Draw and score a part; give the answer, or what that raised, and the seconds it took."""
    place = _places[run]

    def work() -> tuple[Answer | Exception, float]:
        assert place.workplace is not None
        began = time.monotonic()
        try:
            result: Answer | Exception = place.workplace.answer(part)
        except Exception as error:  # it belongs to whoever waits for the part
            result = error
        place.used = time.monotonic()
        return result, place.used - began

    return await asyncio.wrap_future(place.thread.submit(work))


async def leave(run: str) -> None:
    """Close the workplace of a run."""
    if place := _places.pop(run, None):
        place.thread.submit(place.close)
        place.thread.shutdown(wait=False)
