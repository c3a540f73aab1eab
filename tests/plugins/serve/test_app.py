"""What a service answers, and what it refuses."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from serving import JSON_LENGTH, binary_request, body_of, in_this_process, tensors_of

from neatfool import ImageSpec, Scores, Target
from neatfool_plugins.serve.app import MOST_AT_A_TIME
from neatfool_plugins.serve.requests import RequestLimits
from neatfool_plugins.serve.target import write_answer

INFER = "/v2/models/toy/infer"
JSON = {"Content-Type": "application/json"}
SPEC = ImageSpec(2, 3, 1, ("dark", "bright"))


class Light(Target):
    """Tells dark from bright; waits, fails, or finds no score, where told to."""

    spec = SPEC
    dtype = np.float32
    broken_by, unscorable = 254, 253

    def __init__(self):
        self.calls = []
        self.gate = threading.Event()
        self.gate.set()

    def score(self, images):
        self.gate.wait(10)
        self.calls.append(len(images))
        if (images == self.broken_by).any():
            raise ValueError("a secret of the target")
        light = images.mean((1, 2, 3)).astype(self.dtype) / 255
        logits = np.stack([-9 * light, 9 * light], 1)
        weights = np.exp(logits)
        probs = weights / weights.sum(1, keepdims=True)
        probs[(images == self.unscorable).any((1, 2, 3))] = np.nan
        return Scores(probs, logits)


@pytest.fixture
def target():
    return Light()


@pytest.fixture
def client(target):
    with in_this_process(target) as client:
        yield client
        target.gate.set()


def grey(*levels):
    return np.repeat(np.array(levels, np.uint8), 6).reshape(-1, 1, 2, 3)


def random_images(count):
    return np.random.default_rng(1).integers(0, 250, (count, 1, 2, 3), dtype=np.uint8)


def scored(target, images):
    """Score images as the service should, with what it pads by."""
    answer = target.score(images)
    return {"probabilities": answer.probs, "logits": answer.logits}


def assert_same_bits(tensors, expected):
    assert tensors.keys() == expected.keys()
    for name, values in tensors.items():
        assert values.dtype == expected[name].dtype
        assert values.tobytes() == expected[name].tobytes()


def test_it_says_what_it_is(client):
    answer = client.get("/v2").json()
    assert answer["name"] == "neatfool"
    assert answer["extensions"] == ["binary_tensor_data", "model_configuration", "statistics"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


@pytest.mark.parametrize("path", ["/v2/models/toy", "/v2/models/toy/versions/1"])
def test_a_model_says_what_it_takes_and_gives(client, path):
    about = {"classes": ["dark", "bright"], "sums_to_one": True}
    output = {"datatype": "FP32", "shape": [-1, 2], "parameters": about}
    assert client.get(path).json() == {
        "name": "toy",
        "versions": ["1"],
        "platform": "neatfool",
        "inputs": [
            {
                "name": "images",
                "datatype": "UINT8",
                "shape": [-1, 1, 2, 3],
                "parameters": {"max_batch_size": 4096},
            }
        ],
        "outputs": [{"name": "probabilities", **output}, {"name": "logits", **output}],
        "parameters": {"fingerprint": "a fingerprint"},
    }
    assert client.get(f"{path}/ready").json() == {"name": "toy", "ready": True}


@pytest.mark.parametrize("path", [INFER, "/v2/models/toy/versions/1/infer"])
@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
def test_json_brings_every_bit_of_the_scores(client, target, path, datatype):
    images = random_images(7)
    response = client.post(path, json=body_of(images, datatype))
    assert response.status_code == 200
    assert_same_bits(tensors_of(response), scored(target, images))


def test_lists_may_be_flat(client):
    body = body_of(grey(0, 200))
    nested = client.post(INFER, json=body)
    body["inputs"][0]["data"] = grey(0, 200).ravel().tolist()
    assert client.post(INFER, json=body).content == nested.content


@pytest.mark.parametrize("datatype", ["UINT8", "FP32"])
def test_raw_bytes_are_taken_and_given(client, target, datatype):
    images = random_images(5)
    headers, body = binary_request(images, datatype)
    response = client.post(INFER, content=body, headers=headers)
    assert JSON_LENGTH in response.headers
    assert_same_bits(tensors_of(response), scored(target, images))


def test_a_request_chooses_its_outputs_and_gets_its_id_back(client):
    wanted = [{"name": "logits", "parameters": {"binary_data": True}}, {"name": "probabilities"}]
    response = client.post(INFER, json=body_of(grey(9), id="a 9", outputs=wanted))
    length = int(response.headers[JSON_LENGTH])
    assert b'"id":"a 9"' in response.content[:length]
    assert [*tensors_of(response)] == ["logits", "probabilities"]
    assert len(response.content) == length + 8


def test_float64_scores_lose_nothing(target):
    target.dtype = np.float64
    with in_this_process(target) as client:
        metadata = client.get("/v2/models/toy").json()
        response = client.post(INFER, json=body_of(random_images(3)))
    assert [output["datatype"] for output in metadata["outputs"]] == ["FP64", "FP64"]
    assert_same_bits(tensors_of(response), scored(target, random_images(3)))


def test_an_image_without_a_score_is_null_and_the_others_are_not(client):
    response = client.post(INFER, json=body_of(grey(1, Light.unscorable, 3)))
    for output in response.json()["outputs"]:
        assert [value is None for value in output["data"]] == [False] * 2 + [True] * 2 + [False] * 2
    headers, body = binary_request(grey(1, Light.unscorable))
    for values in tensors_of(client.post(INFER, content=body, headers=headers)).values():
        assert np.isnan(values).tolist() == [[False] * 2, [True] * 2]


def test_the_logarithm_of_nothing_is_the_lowest_number(target):
    def score(images):
        return Scores(np.array([[0, 1.0]] * len(images)), np.array([[-np.inf, 0.0]] * len(images)))

    target.score = score
    with in_this_process(target) as client:
        as_json = client.post(INFER, json=body_of(grey(1)))
        headers, body = binary_request(grey(1))
        raw = client.post(INFER, content=body, headers=headers)
    for response in (as_json, raw):
        assert tensors_of(response)["logits"].tolist() == [[np.finfo(float).min, 0.0]]


def test_the_target_is_called_with_batches_of_one_size(client, target):
    for count in (1, 3, 4, 9):
        client.post(INFER, json=body_of(random_images(count)))
    assert set(target.calls) == {4}
    assert (client.count.durations["success"]["count"], client.count.images) == (4, 17)


def test_requests_that_wait_are_scored_together(client, target):
    target.gate.clear()
    answers = [None] * 5

    def post(number):
        answers[number] = client.post(INFER, json=body_of(grey(number)))

    threads = [threading.Thread(target=post, args=(number,)) for number in range(5)]
    target.calls.clear()
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    assert client.get("/v2/health/live").status_code == 200, "nothing waits for the target"
    target.gate.set()
    for thread in threads:
        thread.join()
    assert target.calls == [4, 4], "the first alone, then the four that waited"
    for number, answer in enumerate(answers):
        assert_same_bits(tensors_of(answer), scored(target, grey(number)))


def test_a_request_that_breaks_the_target_disturbs_no_other(client, target):
    target.gate.clear()
    statuses = {}

    def post(level):
        statuses[level] = client.post(INFER, json=body_of(grey(level))).status_code

    threads = [threading.Thread(target=post, args=(each,)) for each in (1, 2, 254, 3)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    target.gate.set()
    for thread in threads:
        thread.join()
    assert statuses == {1: 200, 2: 200, 254: 500, 3: 200}


def test_a_failure_is_told_in_words(client, caplog):
    response = client.post(INFER, json=body_of(grey(254)))
    assert response.status_code == 500
    assert response.json()["error"].startswith("target 'toy': score() failed on 4x1x2x3 images")
    assert "target 'toy': score() failed" in caplog.text


def wrong(**changes):
    body = body_of(grey(5))
    body["inputs"][0].update(changes)
    return body


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "inputs: Field required"),
        ([], "the body: "),
        ({"inputs": []}, "inputs: List should have at least 1 item"),
        ({"inputs": [{"name": "images"}]}, "inputs[0].shape: Field required"),
        (wrong(name="image"), "inputs[0].name: Input should be 'images'"),
        (wrong(datatype="INT64"), "inputs[0].datatype: Input should be 'UINT8' or 'FP32'"),
        (wrong(shape=[1, 2, 3]), "shape is [1, 2, 3]; give [N, 1, 2, 3]"),
        (wrong(shape=[0, 1, 2, 3], data=[]), "at least one"),
        (wrong(shape=["1", 1, 2, 3]), "inputs[0].shape[0]: "),
        (wrong(shape=[2**40, 1, 2, 3]), "images are too many"),
        (
            wrong(shape=[2, 1, 2, 3]),
            "flat or nested as [2, 1, 2, 3]",
        ),
        (wrong(data=None), "data: give lists"),
        (wrong(data=[1, 2]), "flat or nested as [1, 1, 2, 3]"),
        (wrong(data=[[[[1, 2, 3], [4, 5]]]]), "data: give lists"),
        (wrong(data=[[[[1, 2, 3], 4]]]), "data: give lists"),
        (wrong(data=[0, 0, 0, 0, 0, 256]), "from 0 to 255"),
        (wrong(data=[0, 0, 0, 0, 0, -1]), "from 0 to 255"),
        (wrong(data=[0, 0, 0, 0, 0, 1.5]), "whole numbers"),
        (wrong(data=[0, 0, 0, 0, 0, "1"]), "whole numbers"),
        (wrong(data=[0, 0, 0, 0, 0, None]), "whole numbers"),
        (wrong(data=[0, 0, 0, 0, 0, [1]]), "data: give lists"),
        (wrong(datatype="FP32", data=[0, 0, 0, 0, 0, 0.5]), "do not scale or normalise"),
        (wrong(datatype="FP32", data=[0, 0, 0, 0, 0, 256.0]), "from 0 to 255"),
        (wrong(datatype="FP32", data=[0, 0, 0, 0, 0, -1.0]), "from 0 to 255"),
        (wrong(datatype="FP32", data=[0, 0, 0, 0, 0, "1"]), "whole numbers"),
        (wrong(datatype="FP32", data=[0, 0, 0, 0, 0, None]), "whole numbers"),
        (wrong(datatype="FP32", data=[0, 0, 0, 0, 0, [1]]), "data: give lists"),
        (wrong(parameters={"binary_data_size": 6}), "data and binary_data_size are both given"),
        (body_of(grey(5), outputs=[{"name": "logit"}]), "did you mean 'logits'?"),
        (body_of(grey(5), id=7), "id: "),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(client, target, body, words):
    before = len(target.calls)
    response = client.post(INFER, json=body)
    assert response.status_code == 400
    assert words in response.json()["error"]
    assert len(target.calls) == before


@pytest.mark.parametrize(
    ("length", "cut", "words"),
    [
        ("x", 0, "is not a length of JSON"),
        ("-1", 0, "is not a length of JSON"),
        ("99999", 0, "is not a length of JSON"),
        ("9" * 5000, 0, "is not a length of JSON"),
        ("7", 0, "is not JSON"),
        (None, 0, "is not JSON"),
        ("right", 1, "binary_data_size is 6, but 5 bytes follow"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(client, length, cut, words):
    headers, body = binary_request(grey(5))
    if length != "right":
        headers = JSON if length is None else {JSON_LENGTH: length}
    response = client.post(INFER, content=body[: len(body) - cut], headers=headers)
    assert response.status_code == 400
    assert words in response.json()["error"]


def test_raw_bytes_of_another_size_than_the_shape_s_are_refused(client):
    headers, body = binary_request(grey(5, 6))
    body = body.replace(b'"shape": [2,', b'"shape": [1,')
    response = client.post(INFER, content=body, headers=headers)
    assert "binary_data_size is 12; UINT8 of shape [1, 1, 2, 3]" in response.json()["error"]


def test_numbers_that_json_lacks_are_refused(client):
    body = (
        b'{"inputs": [{"name": "images", "shape": [1,1,2,3], "datatype": "FP32", "data": [NaN]}]}'
    )
    response = client.post(INFER, content=body, headers=JSON)
    assert response.status_code == 400
    assert "the body is not JSON" in response.json()["error"]


def test_nan_among_raw_floats_is_refused(client):
    images = grey(5).astype(np.float32)
    images[0, 0, 0, 0] = np.nan
    headers, body = binary_request(images, "FP32")
    assert client.post(INFER, content=body, headers=headers).status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/models/else", 404),
        ("POST", "/v2/models/else/infer", 404),
        ("GET", "/v2/models/toy/versions/2", 404),
        ("GET", INFER, 405),
    ],
)
def test_what_is_not_there_is_said_in_json(client, method, path, status):
    response = client.request(method, path)
    assert response.status_code == status
    assert [*response.json()] == ["error"]


def test_more_than_the_limits_is_refused(target):
    with in_this_process(target, limits=RequestLimits(body=3000, images=3)) as client:
        many = client.post(INFER, json=body_of(random_images(4)))
        long = client.post(INFER, json=body_of(grey(1), id="x" * 3000))
        fine = client.post(INFER, json=body_of(random_images(3)))
        assert client.get("/v2/models/toy").json()["inputs"][0]["parameters"] == {
            "max_batch_size": 3
        }
    assert (many.status_code, long.status_code, fine.status_code) == (400, 413, 200)
    assert "at most 3" in many.json()["error"]
    assert "more than 3000 bytes" in long.json()["error"]


def test_the_advised_size_of_a_request_is_within_the_limits_however_it_is_written(target):
    with in_this_process(target, limits=RequestLimits(body=20_000, images=99)) as client:
        (tensor,) = client.get("/v2/models/toy").json()["inputs"]
        most = tensor["parameters"]["max_batch_size"]
        assert 10 < most < 99
        # As long as it can be.
        body = body_of(np.full((most, 1, 2, 3), 250.0), "FP32")
        body["inputs"][0]["data"] = np.array(body["inputs"][0]["data"]).ravel().tolist()
        assert client.post(INFER, content=json.dumps(body), headers=JSON).status_code == 200


def test_of_many_classes_fewer_images_are_advised(target):
    target.spec = ImageSpec(2, 3, 1, tuple(map(str, range(50_000))))
    target.score = lambda images: Scores(np.full((len(images), 50_000), 1 / 50_000))
    with in_this_process(target) as client:
        (tensor,) = client.get("/v2/models/toy").json()["inputs"]
        images = random_images(tensor["parameters"]["max_batch_size"])
        answer = client.post(INFER, json=body_of(images))
    assert len(images) == 3
    assert len(answer.content) < 4 * 2**20


async def posted(app, *, body=None):
    """Post a request whose body stays away if there is none: its status and headers."""
    answers = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": INFER,
        "query_string": b"",
        "headers": [(b"host", b"here"), (b"content-type", b"application/json")],
    }

    async def receive():
        if body is None:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message):
        answers.append(message)

    await app(scope, receive, send)
    return answers[0]["status"], dict(answers[0]["headers"])


def test_requests_whose_bodies_stay_away_keep_nobody_out(client):
    async def ask():
        stalled = [asyncio.create_task(posted(client.app)) for _ in range(MOST_AT_A_TIME)]
        await asyncio.sleep(0.05)
        status, _ = await posted(client.app, body=body_of(grey(1)))
        for task in stalled:
            assert not task.done()
            task.cancel()
        await asyncio.gather(*stalled, return_exceptions=True)
        return status

    assert asyncio.run(ask()) == 200


def test_a_body_that_stays_away_is_given_up(target):
    with in_this_process(target, limits=RequestLimits(seconds=0.05)) as client:
        status, headers = asyncio.run(posted(client.app))
        assert (status, headers[b"connection"]) == (408, b"close")


def test_more_requests_at_a_time_than_there_may_be_are_told_to_come_again(client, target):
    async def ask():
        bodies = [body_of(grey(1))] * (MOST_AT_A_TIME + 1)
        tasks = [asyncio.create_task(posted(client.app, body=body)) for body in bodies]
        done, waiting = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        assert len(waiting) == MOST_AT_A_TIME
        target.gate.set()
        statuses = [status for status, _ in await asyncio.gather(*waiting)]
        return done.pop().result(), statuses

    target.gate.clear()
    (status, headers), others = asyncio.run(ask())
    assert (status, headers[b"retry-after"]) == (503, b"1")
    assert set(others) == {200}


@pytest.mark.parametrize(("packing", "pack"), [("gzip", gzip.compress), ("Deflate", zlib.compress)])
def test_packed_bodies_are_unpacked(client, target, packing, pack):
    headers, body = binary_request(random_images(5))
    headers = headers | {"Content-Encoding": packing}
    response = client.post(INFER, content=pack(body), headers=headers)
    assert_same_bits(tensors_of(response), scored(target, random_images(5)))


@pytest.mark.parametrize(
    ("packing", "body", "status", "words"),
    [
        ("br", b"...", 415, "send bodies without one, or use gzip or deflate"),
        ("gzip", b"...", 400, "cannot be unpacked"),
        ("gzip", gzip.compress(b"{}", mtime=0)[:-1], 400, "not complete"),
        ("gzip", gzip.compress(b"{}", mtime=0) + b"more", 400, "something follows"),
        ("gzip", gzip.compress(bytes(2001), mtime=0), 413, "more than 2000 bytes"),
    ],
)
def test_packed_bodies_that_are_wrong_are_refused(target, packing, body, status, words):
    with in_this_process(target, limits=RequestLimits(body=2000)) as client:
        response = client.post(INFER, content=body, headers=JSON | {"Content-Encoding": packing})
    assert response.status_code == status
    assert words in response.json()["error"]


def test_an_unpacked_body_is_bounded_while_it_is_unpacked(target):
    packed = gzip.compress(bytes(100 * 2**20), 1)
    tracemalloc.start()
    with in_this_process(target, limits=RequestLimits(body=2**20)) as client:
        response = client.post(INFER, content=packed, headers=JSON | {"Content-Encoding": "gzip"})
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert response.status_code == 413
    assert most < 20 * 2**20


def test_an_output_that_is_named_twice_is_refused(client):
    body = body_of(grey(1), outputs=[{"name": "logits"}] * 2)
    response = client.post(INFER, json=body)
    assert response.status_code == 400
    assert "a name occurs twice" in response.json()["error"]


def many_classes(target, count):
    target.spec = ImageSpec(2, 3, 1, tuple(map(str, range(count))))
    table = np.full((1, count), 1 / count, np.float32)
    target.score = lambda images: Scores(table.repeat(len(images), 0), table.repeat(len(images), 0))


def test_images_with_too_many_scores_for_an_answer_are_refused(target):
    """JSON may take 25 bytes a score; raw bytes take four."""
    many_classes(target, 1000)
    with in_this_process(target, limits=RequestLimits(body=1_600_000)) as client:
        both = [{"name": "logits"}, {"name": "probabilities"}]
        answers = [
            client.post(INFER, json=body_of(random_images(count), outputs=outputs))
            for count, outputs in [(4, both), (5, both), (5, both[:1]), (9, both[:1])]
        ]
        headers, body = binary_request(random_images(9))
        raw = client.post(INFER, content=body, headers=headers)
    assert [answer.status_code for answer in answers] == [200, 400, 200, 400]
    assert "at most 4" in answers[1].json()["error"]
    assert raw.status_code == 200


def test_while_a_large_answer_is_written_others_are_answered(target, monkeypatch):
    many_classes(target, 50_000)
    writing, go_on = threading.Event(), threading.Event()

    def write(*args):
        writing.set()
        assert go_on.wait(10)
        return write_answer(*args)

    monkeypatch.setattr("neatfool_plugins.serve.app.write_answer", write)
    with in_this_process(target) as client, ThreadPoolExecutor() as threads:
        answer = threads.submit(client.post, INFER, json=body_of(grey(1)))
        assert writing.wait(10)
        live = threads.submit(client.get, "/v2/health/live")
        assert live.result(5).status_code == 200
        go_on.set()
        assert answer.result().status_code == 200


def test_statistics_are_those_of_triton_s_clients(client):
    for count in (1, 3):
        client.post(INFER, json=body_of(random_images(count)))
    client.post(INFER, json={})
    (stats,) = client.get("/v2/models/toy/stats").json()["model_stats"]
    assert (stats["name"], stats["version"]) == ("toy", "1")
    assert (stats["inference_count"], stats["execution_count"]) == (4, 2)
    assert abs(stats["last_inference"] / 1000 - time.time()) < 60
    counts = {name: each["count"] for name, each in stats["inference_stats"].items()}
    assert counts == {
        "success": 2,
        "fail": 1,
        "queue": 2,
        "compute_input": 2,
        "compute_infer": 2,
        "compute_output": 2,
        "cache_hit": 0,
    }
    took = {name: each["ns"] for name, each in stats["inference_stats"].items()}
    assert took["success"] > took["compute_infer"] > 0


def test_the_configuration_is_that_of_triton_s_clients(client):
    assert client.get("/v2/models/toy/versions/1/config").json() == {
        "name": "toy",
        "platform": "neatfool",
        "backend": "neatfool",
        "max_batch_size": 4096,
        "input": [{"name": "images", "data_type": "TYPE_UINT8", "dims": [1, 2, 3]}],
        "output": [
            {"name": name, "data_type": "TYPE_FP32", "dims": [2]}
            for name in ("probabilities", "logits")
        ],
    }


def test_with_a_key_nothing_is_answered_without_it(target):
    with in_this_process(target, key="abra") as client:
        for header in (None, "Bearer", "Bearer abr", "abra", "Basic abra"):
            headers = {} if header is None else {"Authorization": header}
            for method, path in (("GET", "/v2/models/toy"), ("POST", INFER), ("GET", "/v2")):
                response = client.request(method, path, headers=headers)
                assert response.status_code == 401
                assert "abra" not in response.text
        for scheme in ("Bearer", "bearer", "BEARER"):
            headers = {"Authorization": f"{scheme} abra"}
            assert client.post(INFER, json=body_of(grey(1)), headers=headers).status_code == 200


def test_a_bug_shows_no_traceback(client, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("inner workings")

    monkeypatch.setattr("neatfool_plugins.serve.app.write_answer", broken)
    response = client.post(INFER, json=body_of(grey(1)))
    assert response.status_code == 500
    assert response.json() == {"error": "ZeroDivisionError in the service, which has logged it"}


def text_of(numbers, count=1, **more):
    """Write a request whose numbers are given as text."""
    body = body_of(grey(*[1] * count), **more)
    body["inputs"][0]["data"] = "HERE"
    return json.dumps(body).encode().replace(b'"HERE"', numbers)


@pytest.mark.parametrize(
    "numbers",
    [
        b"[1,2,3,4,5,6]",
        b" [ 1.0 , 2e0,\n3,4,5,\t6 ] ",
        b"[[[[1,2,3],[4,5,6]]]]",
        b"[ [\n[[1,2,3] ,[4, 5,6]]] ]",
    ],
)
def test_numbers_are_read_flat_or_nested_with_any_space(client, numbers):
    images = np.arange(1, 7, dtype=np.uint8).reshape(1, 1, 2, 3)
    given = client.post(INFER, content=text_of(numbers, id='a "data": [9] \\'), headers=JSON)
    wanted = client.post(INFER, json=body_of(images))
    assert given.json()["outputs"] == wanted.json()["outputs"]


def test_numbers_that_are_read_in_many_pieces_are_the_same(client, target):
    images = random_images(4000)
    for data in (images, images.reshape(-1)):
        body = body_of(images)
        body["inputs"][0]["data"] = data.tolist()
        response = client.post(INFER, content=json.dumps(body, indent=1), headers=JSON)
        assert_same_bits(tensors_of(response), scored(target, images))


@pytest.mark.parametrize(
    "numbers",
    [
        b"[1,2,3,4,5,6]]",
        b"[[1,2,3,4,5,6]",
        b"[1,2,3,4,5]6",
        b"[1,2,3,4,5,6,]",
        b"[,1,2,3,4,5]",
        b"[1,2,3,4,5 6]",
        b"[1,2,3,4,5,06]",
        b"[1,2,3,4,5,+6]",
        b"[1,2,3,4,5,6.]",
        b"[[[[1,2,3]],[[4,5,6]]]]",
        b"[[[[1,2],[3,4],[5,6]]]]",
        b"[[[1[,2,3],[4,5,6]]]]",
        b"[[[[1,2,3],[4,5,]6]]]",
        b"[1,2,3,4,5,6,7]",
        b"[" + b" " * 200_000 + b"1,2,3,4,5,6]",
        b"[1,2,3,4,5," + b"6" * 200_000 + b"]",
        b"[" * 200_000,
        b'["' + b"\\" * 200_001,
    ],
)
def test_what_is_no_list_of_numbers_of_the_shape_is_refused(client, numbers):
    response = client.post(INFER, content=text_of(numbers), headers=JSON)
    assert response.status_code == 400, response.text


def test_data_that_is_given_twice_is_refused(client):
    numbers = b'[1,2,3,4,5,6], "data": [1,2,3,4,5,6]'
    response = client.post(INFER, content=text_of(numbers), headers=JSON)
    assert "data is given twice" in response.json()["error"]


@pytest.mark.parametrize(
    "numbers",
    [
        b'["' + b"x" * 2_000_000 + b'"]',
        b'["",' + b'"",' * 700_000 + b"1]",
        b"[" + b"1," * 1_000_000 + b"1]",
        b"[" + b"[]," * 700_000 + b"1]",
        b"[" + b"{}," * 700_000 + b"1]",
        b"[" * 2_000_000 + b"]",
    ],
    ids=["text", "texts", "numbers", "lists", "objects", "depth"],
)
def test_a_body_costs_no_more_memory_than_its_length(client, numbers):
    content = text_of(numbers)
    tracemalloc.start()
    try:
        response = client.post(INFER, content=content, headers=JSON)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert response.status_code == 400
    # The client's own copies of what it sends are among them.
    assert most < 5 * len(content)


async def halted(app, size, pause=60.0):
    """Post the beginning of a body; the client leaves after so many seconds."""
    pieces, answers = [b" " * size], []
    scope = {
        "type": "http",
        "method": "POST",
        "path": INFER,
        "query_string": b"",
        "headers": [(b"host", b"here"), (b"content-type", b"application/json")],
    }

    async def receive():
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": True}
        await asyncio.sleep(pause)
        return {"type": "http.disconnect"}

    async def send(message):
        answers.append(message)

    await app(scope, receive, send)
    return answers[0]["status"] if answers else None


def test_bodies_that_halt_make_room_for_others(target, monkeypatch):
    monkeypatch.setattr("neatfool_plugins.serve.app.SILENT", 0.0)

    async def ask(app):
        begun = [asyncio.create_task(halted(app, 1900)) for _ in range(3)]
        await asyncio.sleep(0.1)
        statuses = []
        for _ in range(2):
            statuses.append((await posted(app, body=body_of(grey(1))))[0])
            await asyncio.sleep(0.1)
        ended = [task.result() for task in begun if task.done()]
        for task in begun:
            task.cancel()
        await asyncio.gather(*begun, return_exceptions=True)
        return statuses, ended

    with in_this_process(target, limits=RequestLimits(body=2000)) as client:
        statuses, ended = asyncio.run(ask(client.app))
    assert statuses == [503, 200]
    assert ended == [408]


def test_memory_is_free_again_whatever_became_of_the_requests(target):
    with in_this_process(target, limits=RequestLimits(body=2000)) as client:
        for _ in range(20):
            assert asyncio.run(halted(client.app, 1900, pause=0)) is not None
            assert client.post(INFER, content=b" " * 1900, headers=JSON).status_code == 400
            assert client.post(INFER, content=b" " * 2100, headers=JSON).status_code == 413
        assert client.post(INFER, json=body_of(grey(1))).status_code == 200


def test_a_client_that_leaves_in_the_middle_of_a_body_is_one_line(target, caplog):
    with in_this_process(target) as client:
        asyncio.run(halted(client.app, 1900, pause=0))
    (record,) = caplog.records
    assert "a client left in the middle of a body" in record.getMessage()
    assert record.exc_info is None
