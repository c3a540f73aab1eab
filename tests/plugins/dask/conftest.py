"""Clusters of this machine, and runs that use them."""

import os

import pytest
from engines import write_shades

distributed = pytest.importorskip("distributed")


def cluster_of(workers):
    return distributed.LocalCluster(
        n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    )


@pytest.fixture(scope="package")
def cluster():
    """Give the address of a scheduler with two workers, which nobody may harm."""
    # They inherit it; the tests' own process has it from tox.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
        with cluster_of(2) as two:
            yield two.scheduler_address


@pytest.fixture
def own_cluster(request):
    """Give a cluster to do anything with, of two workers if the test does not say."""
    with cluster_of(getattr(request, "param", 2)) as own:
        yield own


@pytest.fixture
def file(tmp_path):
    """Give an experiment whose target obeys files, and lets the tests' own process alone."""
    (tmp_path / "process").write_text(str(os.getpid()))
    return write_shades(tmp_path)
