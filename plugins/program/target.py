"""The target ``program``: runs a program for each image, several side by side."""

import json
import logging
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Lock, Timer
from typing import Any, Final, TypeAlias

import numpy as np
from scipy.special import expit, softmax

from neatfool import ExperimentError, Scores, Target, TargetError, encode_png

from . import Options
from .output import UnusableOutput, make_reader

LARGEST: Final = 8 * 2**20
"""The most bytes that a program may print."""
SHOWN: Final = 500
"""The most characters of a program's errors in a message."""
FAILURES: Final = 20
"""After so many images in a row without a score, the program is out of order."""
ONE_THREAD: Final = {"OMP_NUM_THREADS": "1", "OMP_THREAD_LIMIT": "1"}
"""Processes that run side by side use a core each, unless the environment says otherwise."""
Answer: TypeAlias = list[float] | str
"""An image's numbers, or why there are none."""
_log = logging.getLogger("neatfool.target.program")


class ProgramTarget(Target):
    """A program on this machine, which is given PNG files and prints scores."""

    def __init__(self, options: Options) -> None:
        """Find the program; it is first run when images are scored."""
        self._options, self._read = options, make_reader(options)
        self._program = _find(options)
        self.spec = options.spec()
        auto = options.concurrency == "auto"
        self._most = int(os.cpu_count() or 1 if auto else options.concurrency)
        self._threads = ThreadPoolExecutor(self._most, "neatfool-program")
        # Other users of the machine cannot look into it.
        self._folder = TemporaryDirectory(prefix="neatfool-", ignore_cleanup_errors=True)
        self._running: set[subprocess.Popen[bytes]] = set()
        self._lock, self._closed = Lock(), False
        self._scored, self._failed, self._warned = 0, 0, False

    def score(self, images: np.ndarray) -> Scores:
        """Run the program for each different image; those whose scores it lacks are not ``ok``."""
        keys = [image.tobytes() for image in np.asarray(images)]
        different = dict(zip(keys, images, strict=True))
        size = -(-len(different) // self._most) if self._options.takes_many else 1
        queue = [*different.values()]
        parts = [queue[start : start + size] for start in range(0, len(queue), size)]
        calls = [self._threads.submit(self._ask, part) for part in parts]
        try:
            answers = [answer for call in calls for answer in call.result()]
        except BaseException:
            for call in calls:
                call.cancel()
            self._kill_all()
            raise
        self._check(answers)
        by_key = dict(zip(different, answers, strict=True))
        rows, none = [by_key[key] for key in keys], [0.0] * len(self.spec.classes)
        ok = np.array([isinstance(row, list) for row in rows])
        table = np.array([row if isinstance(row, list) else none for row in rows])
        if self.spec.is_objective:
            return Scores(table, ok=ok)
        if self._options.scores_are == "probabilities":
            return Scores(np.clip(table, 0, 1), ok=ok)
        return Scores(softmax(table, 1) if self.spec.sums_to_one else expit(table), table, ok)

    def _ask(self, images: Sequence[np.ndarray]) -> list[Answer]:
        """Run the program; give each image's numbers, or why there are none."""
        with TemporaryDirectory(dir=self._folder.name, ignore_cleanup_errors=True) as folder:
            files = [Path(folder, f"{number}.png") for number in range(len(images))]
            for file, image in zip(files, images, strict=True):
                file.write_bytes(encode_png(image))
            try:
                text = self._run(self._options.arguments([*map(str, files)]), Path(folder))
                return [*self._read(text, len(images))]
            except UnusableOutput as error:
                return [str(error)] * len(images)

    def _run(self, arguments: Sequence[str], folder: Path) -> str:
        printed, errors = folder / "printed", folder / "errors"
        late = Event()
        with printed.open("wb") as out, errors.open("wb") as err:
            process = self._start(arguments, out, err)
        timer = Timer(self._options.timeout, _expire, [process, late])
        timer.daemon = True
        timer.start()
        try:
            status = process.wait()
        finally:
            timer.cancel()
            with self._lock:
                self._running.discard(process)
        if self._closed:
            raise TargetError("program: the target was closed while it scored")
        if late.is_set():
            raise UnusableOutput(f"took longer than {self._options.timeout:g} s, and was killed")
        if status:
            raise UnusableOutput(_describe_failure(status, errors))
        if printed.stat().st_size > LARGEST:
            raise UnusableOutput(f"printed more than {LARGEST:,} bytes")
        return printed.read_text("utf-8", "replace")

    def _start(self, arguments: Sequence[str], out: Any, err: Any) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise TargetError("program: the target is closed")
            try:
                # In a group of its own: Ctrl-C lets it finish, and what it starts is killed, too.
                process = subprocess.Popen(  # noqa: S603 - what the user's experiment names
                    [self._program, *arguments[1:]],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=err,
                    cwd=self._options.folder,
                    env=ONE_THREAD | os.environ,
                    start_new_session=True,
                )
            except OSError as error:
                fault = f"{self._program} cannot be run: {error.strerror or error}"
                raise TargetError(f"program: {fault}; check [target] command") from error
            self._running.add(process)
            return process

    def _check(self, answers: Sequence[Answer]) -> None:
        """Raise a TargetError if the program never gives scores; warn of the first it lacks."""
        faults = [answer for answer in answers if isinstance(answer, str)]
        scored = len(answers) - len(faults)
        self._scored += scored
        self._failed = 0 if scored else self._failed + len(faults)
        if not faults:
            return
        words = f"program {shlex.join(self._options.command)}: {faults[0]}"
        if not self._scored or self._failed >= FAILURES:
            of = "the first images" if not self._scored else f"{self._failed} images in a row"
            raise TargetError(f"{words}. It scored none of {of}; try it in a terminal")
        if not self._warned:
            self._warned = True
            _log.warning("%s. The image is left out; the end of the run counts these", words)

    def describe(self) -> str:
        """Say what is run, and how it is read."""
        options = self._options
        many = "several images" if options.takes_many else "one image"
        return (
            f"Runs {shlex.join([self._program, *options.command[1:]])}\n"
            f"Each process gets {many} and {options.timeout:g} s; at most {self._most} run side by "
            f"side; scores are read as {options.parser}"
        )

    def fingerprint(self) -> str:
        """Hash the program's path and bytes, its arguments and their files, and how it is read."""
        options, root = self._options, self._options.folder or Path()
        files = [Path(self._program), *(root / each for each in options.command[1:])]
        hashes = [sha256(each.read_bytes()).hexdigest() for each in files if each.is_file()]
        read = options.model_dump(mode="json", exclude={"folder", "concurrency", "timeout"})
        return sha256(json.dumps([self._program, hashes, read]).encode()).hexdigest()

    def close(self) -> None:
        """Kill what is running, and delete the images' files."""
        with self._lock:
            self._closed = True
        self._kill_all()
        self._threads.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def _kill_all(self) -> None:
        with self._lock:
            for process in self._running:
                _kill(process)


def _find(options: Options) -> str:
    """Find the program on the path, or by its own path."""
    name = options.command[0]
    given = name if Path(name).name == name else str((options.folder or Path()) / name)
    if (found := shutil.which(given)) is None:
        where = "on PATH" if given == name else "that can be run"
        advice = "install it, or give its path, which starts from [target] folder"
        raise ExperimentError(f"[target] command: there is no program {name!r} {where}; {advice}")
    return str(Path(found).absolute())


def _expire(process: subprocess.Popen[bytes], late: Event) -> None:
    late.set()
    _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process, and those that it started."""
    with suppress(ProcessLookupError, PermissionError):
        if process.returncode is None:
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def _describe_failure(status: int, errors: Path) -> str:
    with errors.open("rb") as file:
        file.seek(max(0, errors.stat().st_size - 4 * SHOWN))
        said = " ".join(file.read().decode("utf-8", "replace").split())[-SHOWN:]
    how = f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
    return f"{how}{': ' if said else ', and wrote no error'}{said}"
