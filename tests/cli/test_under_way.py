"""Runs that are read while another process goes on with them."""

import pytest
from commands import neatfool, neatfool_process
from waiting import wait_until

from neatfool import open_run


@pytest.fixture(scope="module")
def under_way(experiment, tmp_path_factory):
    """Give the folder of a run that another process goes on with."""
    folder, plenty = tmp_path_factory.mktemp("under-way") / "run", "experiment.generations=1000000"
    process = neatfool_process("run", experiment, "--out", folder, "--set", plenty)
    try:
        wait_until(lambda: (folder / "run.db").exists() and len(open_run(folder)), process=process)
        yield folder
        assert process.poll() is None, "the run ended before the test"
    finally:
        process.kill()
        process.communicate()


def test_a_run_under_way_is_read_as_it_was_at_one_instant(under_way):
    run = open_run(under_way)
    before = run.generation
    assert neatfool("show", under_way).exit_code == 0
    for _ in range(2):
        assert neatfool("report", under_way).exit_code == 0
        for elite in open_run(under_way):
            assert elite.png.startswith(b"\x89PNG")
    assert run.generation == before == run.history[-1].generation
    run.refresh()
    assert run.generation > before + 2


def test_a_run_under_way_is_not_verified(under_way):
    (next(iter(open_run(under_way))).file).unlink(missing_ok=True)
    result = neatfool("verify", under_way)
    assert (result.exit_code, result.stdout) == (5, "")
    assert f"{under_way}: another process is running it; wait for it or stop it" in result.stderr
