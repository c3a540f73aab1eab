"""Requests to a target that is served, and such a target in this process."""

from __future__ import annotations

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
        client.count = thread.statistics
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


def binary_request(images, datatype="UINT8"):
    """Write a request as JSON and raw bytes, to be answered likewise: (headers, body)."""
    raw = images.astype({"UINT8": "u1", "FP32": "<f4"}[datatype]).tobytes()
    tensor = {
        "name": "images",
        "shape": [*images.shape],
        "datatype": datatype,
        "parameters": {"binary_data_size": len(raw)},
    }
    text = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return {JSON_LENGTH: str(len(text))}, text + raw


def tensors_of(response):
    """Read the tensors of an answer, of JSON or raw bytes, by their names; None becomes NaN."""
    content = response.content
    length = int(response.headers.get(JSON_LENGTH, len(content)))
    answer, raw = json.loads(content[:length]), content[length:]
    tensors = {}
    for output in answer["outputs"]:
        dtype = {"FP32": np.dtype("<f4"), "FP64": np.dtype("<f8")}[output["datatype"]]
        if "data" in output:
            values = np.array(output["data"], np.float64).astype(dtype)
        else:
            size = output["parameters"]["binary_data_size"]
            values, raw = np.frombuffer(raw[:size], dtype), raw[size:]
        tensors[output["name"]] = values.reshape(output["shape"])
    assert not raw
    return tensors
