"""Waiting for what another thread or process does."""

import time


def wait_until(condition, words="it takes too long", *, process=None):
    """Wait for something, for a minute at most; a process that ends before has failed."""
    deadline = time.monotonic() + 60
    while not condition():
        assert process is None or process.poll() is None, process.communicate()
        assert time.monotonic() < deadline, words
        time.sleep(0.01)
