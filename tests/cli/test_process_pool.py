import os
import signal
import sys
import threading
import time

import pytest
from waiting import wait_until

from neatfool.cli.replicates import ProcessPool

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of another kind")

POLITE = """
import signal, sys, time
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
print("ready", flush=True)
while len(heard) < {presses}:
    time.sleep(0.01)
print("bye", flush=True)
sys.exit(130)
"""


class Witness:
    """Notes all it is told of; presses Ctrl-C when it has heard a word so many times."""

    def __init__(self, word="", times=0, presses=1):
        self.lines, self.asked = [], []
        self._word, self._times, self._presses = word, times, presses

    def crew(self, jobs):
        return ProcessPool(jobs, {**os.environ}, on_line=self.say, on_stop=self.asked.append)

    def said_by(self, key):
        return [line for each, line in self.lines if each == key]

    def say(self, key, line):
        self.lines.append((key, line))
        if self._word and [said for _, said in self.lines].count(self._word) == self._times:
            self._word = ""
            threading.Thread(target=self.press, daemon=True).start()

    def press(self):
        for _ in range(self._presses):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.5)


def python(program):
    return [sys.executable, "-c", program]


def test_all_are_run_in_order_and_heard_on_both_outputs():
    witness = Witness()
    program = "import sys; print('out'); sys.stderr.write('err\\n'); sys.exit({})"
    codes = witness.crew(1).run({n: python(program.format(n)) for n in (2, 0, 3)})
    assert codes == {2: 2, 0: 0, 3: 3}
    assert [key for key, _ in witness.lines] == [2, 2, 0, 0, 3, 3]
    assert sorted(witness.said_by(2)) == ["err", "out"]


def test_so_many_are_run_at_a_time():
    witness = Witness()
    program = "import time; print('begin', flush=True); time.sleep(0.3); print('end')"
    codes = witness.crew(2).run({n: python(program) for n in range(4)})
    assert set(codes.values()) == {0}
    said = [line for _, line in witness.lines]
    running = [said[:n].count("begin") - said[:n].count("end") for n in range(len(said) + 1)]
    assert max(running) == 2


def test_a_stop_is_passed_on_once_to_each_and_no_other_begins():
    witness = Witness("ready", times=2)
    before = signal.getsignal(signal.SIGINT)
    codes = witness.crew(2).run({n: python(POLITE.format(presses=1)) for n in range(4)})
    assert codes == {0: 130, 1: 130}
    assert witness.asked == [1]
    assert witness.said_by(0) == ["ready", "bye"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_stop_is_passed_on_too():
    witness = Witness("ready", times=1, presses=2)
    assert witness.crew(1).run({"a": python(POLITE.format(presses=2))}) == {"a": 130}
    assert witness.asked == [1, 2]


def test_a_third_stop_kills():
    witness = Witness("ready", times=1, presses=3)
    assert witness.crew(1).run({"a": python(POLITE.format(presses=99))}) == {"a": -signal.SIGKILL}
    assert witness.said_by("a") == ["ready"]


def test_a_signal_that_was_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        os.kill(os.getpid(), signal.SIGHUP)
        program = "import os, signal; os.kill(os.getppid(), signal.SIGHUP)"
        witness = Witness()
        assert witness.crew(1).run({"a": python(program), "b": python("")}) == {"a": 0, "b": 0}
        assert witness.asked == []
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_goes_wrong_here_stops_those_that_run(tmp_path):
    def fail(key, line):
        raise RuntimeError(line)

    witness = Witness()
    witness.say = fail
    program = POLITE.format(presses=1).replace('print("bye"', 'open("stopped", "w"); print("bye"')
    program = f"import os; os.chdir({str(tmp_path)!r})\n{program}"
    with pytest.raises(RuntimeError, match="ready"):
        witness.crew(1).run({"a": python(program)})
    wait_until((tmp_path / "stopped").exists, "it goes on")
