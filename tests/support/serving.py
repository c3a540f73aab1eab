"""Requests to a target that is served, and such a target in this process."""

import json
import re
from contextlib import contextmanager
from threading import Thread

import numpy as np
from commands import neatfool_process
from starlette.testclient import TestClient

from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool.server import listen, make_server
from neatfool_plugins.serve.app import make_app
from neatfool_plugins.serve.requests import RequestLimits
from neatfool_plugins.serve.target import ServedTarget, TargetThread, outputs_of

JSON_LENGTH = "Inference-Header-Content-Length"


@contextmanager
def in_this_process(target, batch=4, limits=None, key=None):
    """Serve a target to the client that is given."""

    def make():
        about = {"name": "target 'toy'", "fingerprint": "a fingerprint"}
        scorer = Scorer(target, plan=ScoringPlan(batch), **about)
        return ServedTarget("toy", scorer, outputs_of(scorer))

    thread = TargetThread(make)
    names = ["localhost", "testserver", "here"]
    app = make_app(thread.served(), thread, limits or RequestLimits(), names=names, key=key)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
    assert thread.stop(5)


@contextmanager
def on_loopback(app):
    """Serve an application over real connections, from a thread; give the port."""
    listening = listen("127.0.0.1", 0)
    port = listening.getsockname()[1]
    server = make_server(app)
    thread = Thread(target=server.run, args=([listening],))
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def in_a_process(*args, port=0):
    """Serve an experiment by the program; give the process, its ``url`` and what it ``said``."""
    process = neatfool_process("serve", *args, "--port", port)
    try:
        process.said = ""
        while "Ctrl-C ends it" not in process.said:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            process.said += line
        process.url = re.search(r"url = (\S+)", process.said)[1]
        yield process
    finally:
        process.kill()
        process.communicate()


def body_of(images, datatype="UINT8", **more):
    """Write a request as JSON, its data nested."""
    tensor = {"name": "images", "shape": [*images.shape], "datatype": datatype}
    return {"inputs": [{**tensor, "data": images.tolist()}], **more}


def binary_request(images):
    """Write a request as JSON and raw bytes: (headers, body)."""
    raw = images.astype("u1").tobytes()
    tensor = {
        "name": "images",
        "shape": [*images.shape],
        "datatype": "UINT8",
        "parameters": {"binary_data_size": len(raw)},
    }
    text = json.dumps({"inputs": [tensor]}).encode()
    return {JSON_LENGTH: str(len(text))}, text + raw


def tensors_of(response):
    """Read the tensors of an answer by their names; None becomes NaN."""
    tensors = {}
    for output in response.json()["outputs"]:
        dtype = {"FP32": np.float32, "FP64": np.float64}[output["datatype"]]
        values = np.array(output["data"], np.float64).astype(dtype)
        tensors[output["name"]] = values.reshape(output["shape"])
    return tensors
