"""A run against MLServer, a server of others, in an environment of its own."""

import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import venv
from contextlib import ExitStack
from pathlib import Path

import httpx2
import numpy as np
import pytest
import torch
from commands import neatfool
from serving import body_of, tensors_of

from neatfool import load_experiment, open_scorer
from tests.support.databases import contents

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
MNIST = ROOT / "experiments" / "mnist.ini"
REQUIREMENT = "mlserver==1.7.1"
BATCH = 25
"""What the custom model of tests/support/mlserver_lenet.py has, too."""
SETTINGS = tuple(
    f"target.{setting}"
    for setting in ("precision=fp32", "graph=eager", f"batch_size={BATCH}", "device=cpu")
)
UNREACHABLE = ("from versions: none", "ConnectionError", "Temporary failure", "timed out")
TARGET = """
[target]
plugin = http
url = {url}
model = lenet
allow_private = true
batch_size = 60
"""


def output(name):
    parameters = {"classes": [*"0123456789"]}
    return {"name": name, "datatype": "FP32", "shape": [-1, 10], "parameters": parameters}


@pytest.fixture(scope="module")
def environment(request, tmp_path_factory):
    """Make MLServer's environment, which borrows torch and neatfool from this one; or keep it."""
    if sys.version_info >= (3, 13):
        pytest.skip(f"{REQUIREMENT} needs Python 3.9 to 3.12")
    cache = getattr(request.config, "cache", None)
    parent = Path(cache.mkdir("mlserver")) if cache else tmp_path_factory.mktemp("mlserver")
    folder = parent / f"{REQUIREMENT}-{sysconfig.get_python_version()}"
    complete = folder / "complete"
    if not complete.exists():
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        command = [folder / "bin" / "python", "-m", "pip", "install", "-q", "--no-compile"]
        command.append(REQUIREMENT)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if any(words in done.stderr for words in UNREACHABLE):
            pytest.skip("the package index cannot be reached, and MLServer is not installed")
        assert done.returncode == 0, done.stderr
        complete.touch()
    # What MLServer brought comes first, and what it did not bring from here.
    (site,) = folder.glob("lib/python*/site-packages")
    here = sysconfig.get_paths()["purelib"]
    (site / "borrowed.pth").write_text(f"import site; site.addsitedir({here!r})\n")
    return folder


@pytest.fixture(scope="module")
def server(environment, tmp_path_factory):
    """Start MLServer; give its address."""
    folder = tmp_path_factory.mktemp("models")
    with ExitStack() as stack:
        free = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        http, grpc, metrics = (each.getsockname()[1] for each in free)
    ports = {"http_port": http, "grpc_port": grpc, "metrics_port": metrics}
    settings = {"host": "127.0.0.1", "parallel_workers": 0, "debug": False, **ports}
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {
        "name": "lenet",
        "implementation": "mlserver_lenet.LeNet",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, 1, 28, 28]}],
        "outputs": [output("probabilities"), output("logits")],
    }
    (folder / "model-settings.json").write_text(json.dumps(model))
    log = folder / "log"
    paths = os.pathsep.join(map(str, (ROOT / "tests" / "support", ROOT)))
    with log.open("w") as file:
        process = subprocess.Popen(
            [environment / "bin" / "mlserver", "start", folder],
            stdout=file,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        )
    try:
        url = f"http://127.0.0.1:{http}"
        wait_for(f"{url}/v2/models/lenet/ready", process, log)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_for(url, process, log, seconds=120):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, log.read_text()
        try:
            if httpx2.get(url).status_code == 200:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.2)
    pytest.fail(f"MLServer was not ready in {seconds} s:\n{log.read_text()}")


def run(file, folder, *overrides):
    settings = [word for each in overrides for word in ("--set", each)]
    settings += ["--set", "experiment.generations=50"]
    neatfool("run", file, "--out", folder, "--no-report", *settings, exit_code=0)


def found(folder):
    """Give all that a run found and each step to it, but not what it asked and of whom."""
    tables = contents(folder / "run.db")
    tables = {name: rows for name, rows in tables.items() if name not in {"answer", "info"}}
    ((_, state),) = tables.pop("state")
    answered = {"answers"}  # how many there are, which is recorded only where they cost something
    return tables | {"state": {k: v for k, v in json.loads(state).items() if k not in answered}}


def test_the_server_s_own_numbers_are_the_network_s(server):
    images = np.random.default_rng(1).integers(0, 256, (30, 1, 28, 28), dtype=np.uint8)
    answer = httpx2.post(f"{server}/v2/models/lenet/infer", json=body_of(images))
    scorer = open_scorer(load_experiment(MNIST, overrides=SETTINGS))
    expected = scorer.score(torch.from_numpy(images))
    scorer.close()
    for name, values in tensors_of(answer).items():
        ours = expected.probs if name == "probabilities" else expected.logits
        assert values.astype(np.float32).tobytes() == ours.tobytes()


def test_mlserver_s_lenet_is_fooled_as_the_same_one_in_process(server, tmp_path):
    run(MNIST, tmp_path / "here", *SETTINGS)
    before, rest = MNIST.read_text(encoding="utf-8").split("[target]")
    file = tmp_path / "there.ini"
    after = rest[rest.index("[encoding]") :]
    file.write_text(before + TARGET.format(url=server) + after, encoding="utf-8")
    run(file, tmp_path / "there")
    here = found(tmp_path / "here")
    assert len(here["elite"]) == len(here["image"]) == 10
    assert here["request"] == []
    assert found(tmp_path / "there") == here
