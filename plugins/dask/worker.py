"""What runs in a worker's process."""

from concurrent.futures import ThreadPoolExecutor
from socket import gethostname

from distributed import Worker, WorkerPlugin, get_worker

from neatfool import Answer, NeatfoolError, Part, Setup, TargetError, Workplace


class RunWorkplace(WorkerPlugin):  # type: ignore[misc] # distributed has no types
    """A run's workplace, made by the first part, in a thread of its own: some targets allow one."""

    def __init__(self, of_run: Setup) -> None:
        self._of_run = of_run
        self._place: Workplace | None = None

    def setup(self, worker: Worker) -> None:
        """Begin the thread, in the worker's process."""
        self._thread = ThreadPoolExecutor(1, "neatfool-workplace")

    def teardown(self, worker: Worker) -> None:
        """Close the workplace."""
        if self._place is not None:
            self._thread.submit(self._place.close)
        self._thread.shutdown(wait=False)

    def answer(self, part: Part | None) -> Answer | None:
        """Draw and score a part; make the workplace if there is none."""
        return self._thread.submit(self._answer, part).result()

    def _answer(self, part: Part | None) -> Answer | None:
        if self._place is None:
            try:
                self._place = Workplace(self._of_run)
            except NeatfoolError as error:
                fault = f"the worker on {gethostname()} cannot be used: {error}"
                raise TargetError(fault) from error
        return None if part is None else self._place.answer(part)


def answer(run: str, part: Part | None) -> Answer | None:
    """Have a part done by a run's workplace in this worker."""
    place: RunWorkplace = get_worker().plugins[run]
    return place.answer(part)
