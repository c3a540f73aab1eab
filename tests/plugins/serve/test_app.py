"""What a service answers, and what it refuses."""

import asyncio
import json
import threading
import time
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
    assert answer["extensions"] == ["binary_tensor_data"]
    assert client.get("/v2/health/live").json() == {"live": True}
    assert client.get("/v2/health/ready").json() == {"ready": True}


def test_a_model_says_what_it_takes_and_gives(client):
    path = "/v2/models/toy"
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


def test_json_brings_every_bit_of_the_scores(client, target):
    images = random_images(7)
    response = client.post(INFER, json=body_of(images))
    assert response.status_code == 200
    assert_same_bits(tensors_of(response), scored(target, images))


def test_lists_may_be_flat(client):
    body = body_of(grey(0, 200))
    nested = client.post(INFER, json=body)
    body["inputs"][0]["data"] = grey(0, 200).ravel().tolist()
    assert client.post(INFER, json=body).content == nested.content


def test_raw_bytes_are_taken(client, target):
    images = random_images(5)
    headers, body = binary_request(images)
    response = client.post(INFER, content=body, headers=headers)
    assert_same_bits(tensors_of(response), scored(target, images))


def test_a_request_chooses_its_outputs_and_gets_its_id_back(client):
    wanted = [{"name": "logits"}, {"name": "probabilities"}, {"name": "logits"}]
    response = client.post(INFER, json=body_of(grey(9), id="a 9", outputs=wanted))
    assert response.json()["id"] == "a 9"
    assert [*tensors_of(response)] == ["logits", "probabilities"]


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


def test_the_logarithm_of_nothing_is_the_lowest_number(target):
    def score(images):
        return Scores(np.array([[0, 1.0]] * len(images)), np.array([[-np.inf, 0.0]] * len(images)))

    target.score = score
    with in_this_process(target) as client:
        response = client.post(INFER, json=body_of(grey(1)))
    assert tensors_of(response)["logits"].tolist() == [[np.finfo(float).min, 0.0]]


def test_the_target_is_called_with_batches_of_one_size(client, target):
    for count in (1, 3, 4, 9):
        client.post(INFER, json=body_of(random_images(count)))
    assert set(target.calls) == {4}


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
        ({"inputs": [{"name": "images"}]}, "inputs.0.shape: Field required"),
        (wrong(name="image"), "inputs.0.name: Input should be 'images'"),
        (wrong(datatype="INT64"), "inputs.0.datatype: Input should be 'UINT8'"),
        (wrong(shape=[1, 2, 3]), "shape is [1, 2, 3]; give [N, 1, 2, 3]"),
        (wrong(shape=[0, 1, 2, 3], data=[]), "at least one"),
        (wrong(shape=["1", 1, 2, 3]), "inputs.0.shape.0: "),
        (wrong(shape=[2**40, 1, 2, 3]), "images are too many"),
        (wrong(shape=[2, 1, 2, 3]), "data: give lists of 12 numbers, flat or nested"),
        (wrong(data=None), "data: give lists"),
        (wrong(data=[1, 2]), "data: give lists"),
        (wrong(data=[[[[1, 2, 3], [4, 5]]]]), "data: give lists"),
        (wrong(data=[[[[1, 2, 3], 4]]]), "data: give lists"),
        (wrong(data=[0, 0, 0, 0, 0, 256]), "from 0 to 255"),
        (wrong(data=[0, 0, 0, 0, 0, -1]), "from 0 to 255"),
        (wrong(data=[0, 0, 0, 0, 0, 1.5]), "whole numbers"),
        (wrong(data=[0, 0, 0, 0, 0, "1"]), "data: give lists"),
        (wrong(data=[0, 0, 0, 0, 0, None]), "data: give lists"),
        (wrong(data=[0, 0, 0, 0, 0, True]), "data: give lists"),
        (wrong(data=[[[[[[[1, 2, 3, 4, 5, 6]]]]]]]), "data: give lists"),
        (wrong(data=[0, 0, 0, 0, 0, 2**63]), "from 0 to 255"),
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
        ("right", 1, "binary_data_size is 6, 5 bytes follow"),
    ],
)
def test_lengths_that_do_not_fit_are_refused(client, length, cut, words):
    headers, body = binary_request(grey(5))
    if length != "right":
        headers = JSON if length is None else {JSON_LENGTH: length}
    response = client.post(INFER, content=body[: len(body) - cut], headers=headers)
    assert response.status_code == 400
    assert words in response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("GET", "/v2/models/else", 404),
        ("POST", "/v2/models/else/infer", 404),
        ("GET", INFER, 405),
    ],
)
def test_what_is_not_there_is_said_in_json(client, method, path, status):
    response = client.request(method, path)
    assert response.status_code == status
    assert [*response.json()] == ["error"]


def test_more_than_the_limits_is_refused(target):
    with in_this_process(target, limits=RequestLimits(body=32_000, images=3)) as client:
        many = client.post(INFER, json=body_of(random_images(4)))
        long = client.post(INFER, json=body_of(grey(1), id="x" * 2000))
        headers, body = binary_request(random_images(4))
        raw = client.post(INFER, content=body + bytes(32_000), headers=headers)
        fine = client.post(INFER, json=body_of(random_images(3)))
        assert client.get("/v2/models/toy").json()["inputs"][0]["parameters"] == {
            "max_batch_size": 3
        }
    statuses = [response.status_code for response in (many, long, raw, fine)]
    assert statuses == [400, 413, 413, 200]
    assert "at most 3" in many.json()["error"]
    assert "more than 2000 bytes" in long.json()["error"]
    assert "more than 32000 bytes" in raw.json()["error"]


@pytest.mark.parametrize(("body", "classes", "most"), [(20_000, 2, 25), (2**26, 20_000, 4)])
def test_the_advised_size_of_a_request_is_within_the_limits(target, body, classes, most):
    many_classes(target, classes)
    with in_this_process(target, limits=RequestLimits(body=body)) as client:
        (tensor,) = client.get("/v2/models/toy").json()["inputs"]
        images = random_images(tensor["parameters"]["max_batch_size"])
        headers, sent = binary_request(images)
        answer = client.post(INFER, content=sent, headers=headers)
    assert len(images) == most
    assert answer.status_code == 200
    assert len(answer.content) < 4 * 2**20


async def answers_to(app, receive):
    """Post what ``receive`` gives; give what is answered."""
    answers = []
    scope = {
        "type": "http",
        "method": "POST",
        "path": INFER,
        "query_string": b"",
        "headers": [(b"host", b"here"), (b"content-type", b"application/json")],
    }

    async def send(message):
        answers.append(message)

    await app(scope, receive, send)
    return answers


async def posted(app, *, body=None):
    """Post a request whose body stays away if there is none: its status and headers."""

    async def receive():
        if body is None:
            await asyncio.sleep(60)
        return {"type": "http.request", "body": json.dumps(body).encode()}

    head, *_ = await answers_to(app, receive)
    return head["status"], dict(head["headers"])


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


def many_classes(target, count):
    target.spec = ImageSpec(2, 3, 1, tuple(map(str, range(count))))
    table = np.full((1, count), 1 / count, np.float32)
    target.score = lambda images: Scores(table.repeat(len(images), 0), table.repeat(len(images), 0))


def test_images_with_too_many_scores_for_an_answer_are_refused(target):
    """A score may take 25 bytes."""
    many_classes(target, 1000)
    with in_this_process(target, limits=RequestLimits(body=1_600_000)) as client:
        both = [{"name": "logits"}, {"name": "probabilities"}]
        answers = [
            client.post(INFER, json=body_of(random_images(count), outputs=outputs))
            for count, outputs in [(4, both), (5, both), (5, both[:1]), (9, both[:1])]
        ]
    assert [answer.status_code for answer in answers] == [200, 400, 200, 400]
    assert "at most 4" in answers[1].json()["error"]


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


async def halted(app, size, pause=60.0):
    """Post the beginning of a body; the client leaves after so many seconds."""
    pieces = [b" " * size]

    async def receive():
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": True}
        await asyncio.sleep(pause)
        return {"type": "http.disconnect"}

    answers = await answers_to(app, receive)
    return answers[0]["status"] if answers else None


def test_memory_is_free_again_whatever_became_of_the_requests(target):
    with in_this_process(target, limits=RequestLimits(body=32_000)) as client:
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
