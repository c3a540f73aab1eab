"""A language model that is asked a quiz, over real connections to a server on this machine."""

import base64
import csv
import io
import json
import re
from contextlib import contextmanager

import numpy as np
import pytest
from commands import neatfool, run_small
from PIL import Image
from serving import on_loopback
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from neatfool import analysis
from neatfool_plugins.quiz.language_model import ModelEndpoint

NOTHING = "nothing at all"
KEY = "sk-test-4f1d8c02a9"


class Model:
    """A stand-in for a model: it names the first choice of what it sees, and else nothing."""

    def __init__(self):
        self.seen, self.faults, self.headers = [], [], []
        self.blind = NOTHING

    async def answer(self, request):
        """Answer a request, perhaps by the next fault."""
        self.headers.append(request.headers)
        if self.faults and (fault := self.faults.pop(0)) is not None:
            return fault
        body = await request.json()
        assert body["model"] == "eyes-1"
        text, *images = body["messages"][0]["content"]
        choices = re.findall(r"^- (.*)$", text["text"], re.MULTILINE)
        picture = None
        if images:
            kind, data = images[0]["image_url"]["url"].split(",")
            assert kind == "data:image/png;base64"
            with Image.open(io.BytesIO(base64.b64decode(data))) as opened:
                picture = np.asarray(opened)
        self.seen.append((choices, picture))
        said = json.dumps({"answer": choices[0] if images else self.blind, "sure": 3})
        return completion(f"Let me see. ```json\n{said}\n```")


def completion(text):
    return JSONResponse({"choices": [{"message": {"role": "assistant", "content": text}}]})


@contextmanager
def served(model):
    app = Starlette(routes=[Route("/v1/chat/completions", model.answer, methods=["POST"])])
    with on_loopback(app) as port:
        yield f"http://127.0.0.1:{port}/v1"


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def url(model):
    with served(model) as address:
        yield address


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return run_small(tmp_path_factory.mktemp("small"))


@pytest.fixture
def asking(small, tmp_path, monkeypatch):
    """Ask the model about four evolved images and two of noise: ten requests."""
    monkeypatch.setattr("neatfool_plugins.quiz.language_model.FIRST_WAIT", 0.001)

    def ask(url, *options, queries=10, exit_code=0):
        settings = ("--photographs", 0, "--noise", 2, "--model", "eyes-1", *options)
        limit = ("--max-queries", queries) if queries else ()
        page = tmp_path / "quiz.html"
        said = neatfool("quiz", small, "-o", page, *settings, "--ask", url, *limit)
        assert said.exit_code == exit_code, said.output
        return said.stdout + said.stderr

    ask.file = tmp_path / "answers-quiz-eyes-1.csv"
    return ask


def test_the_model_is_asked_what_people_are_and_again_without_the_image(asking, url, model):
    asking(url)
    assert [picture is not None for _, picture in model.seen] == [True] * 6 + [False] * 4
    for choices, picture in model.seen:
        assert len(choices) == 5
        assert choices[-1] == NOTHING
        assert picture is None or picture.shape == (336, 448)
    found = analysis.recognise(asking.file, design=asking.file.with_name("quiz.design.json"))
    names = ("evolved images", "noise", "questions without their image")
    assert sorted(kind.name for kind in found.kinds) == [f"{name}, model eyes-1" for name in names]
    by_name = {kind.name.partition(",")[0]: kind for kind in found.kinds}
    assert by_name["noise"].right.value == 0
    assert by_name[names[2]].nothing.value == 1
    said = neatfool("recognise", asking.file, exit_code=0).stdout
    assert (
        "The model eyes-1 names a class for 100 % of evolved images (sure 3.0 of 4), 100 % of "
        "noise (sure 3.0 of 4) and 0 % of questions without their image (sure 3.0 of 4)."
    ) in said
    assert "The answers of a model are no evidence of what people see." in said


def test_a_mirage_shows(asking, url, model):
    model.blind = "dark"
    asking(url)
    (blind,) = [k for k in analysis.recognise(asking.file).kinds if k.name.startswith("questions")]
    assert (blind.nothing.value, blind.right.value) == (0, 0.25)


@pytest.mark.parametrize("queries", [None, 9])
def test_nothing_is_asked_beyond_the_budget(asking, url, model, queries):
    said = asking(url, queries=queries, exit_code=8)
    assert (
        "10 questions are to be asked; nothing was asked. Allow them with --max-queries 10" in said
    )
    assert model.headers == []


def test_repeated_requests_count(asking, url, model):
    model.faults = [None, Response(status_code=500), Response(status_code=429)]
    assert "10 of 10 queries (max_queries) are spent" in asking(url, exit_code=8)
    assert len(model.headers) == 10
    assert len(model.seen) == 8


def test_an_interrupted_asking_goes_on_without_asking_again(asking, url, model):
    model.faults = [None] * 3 + [Response(status_code=503)] * 6
    assert "did not answer 6 times; last, it answered 503" in asking(url, queries=50, exit_code=4)
    assert len(model.seen) == 3
    kept = asking.file.read_text()
    asking(url, queries=7)
    assert len(model.seen) == 10
    shown = {
        (*choices, picture.tobytes()) for choices, picture in model.seen if picture is not None
    }
    assert len(shown) == 6
    assert asking.file.read_text().startswith(kept)
    asking(url, queries=None)  # all are answered
    assert len(model.seen) == 10


def test_answers_to_another_quiz_are_not_added_to(asking, url):
    asking(url)
    assert "holds answers to another quiz" in asking(url, "--seed", 2, exit_code=2)


def test_a_reply_that_names_no_choice_counts_as_wrong_and_is_not_asked_again(asking, url, model):
    texts = ("I cannot say.", '{"answer": "zebra", "sure": 4}', "{broken}", None)
    model.faults = [completion(text) for text in texts]
    told = "4 of 10 replies could not be read and count as “no answer”"
    assert told in asking(url)
    assert len(model.seen) == 6
    found = analysis.recognise(asking.file)
    assert (found.answers, found.skipped, sum(kind.unread for kind in found.kinds)) == (10, 0, 4)
    for kind in found.kinds:
        rows = [row for row in found.rows if row.kind == kind.name.partition(",")[0].split()[0]]
        if rows:
            named = [row for row in rows if row.answer not in (NOTHING, "no answer")]
            said = f"{100 * len(named) / len(rows):.0f} % of {kind.name.partition(',')[0]}"
            assert said in neatfool("recognise", asking.file).stdout
    assert told in asking(url, queries=None)
    assert len(model.seen) == 6


def test_a_model_that_never_names_a_choice_is_reported(asking, url, model):
    model.faults = [completion("Prose.")] * 10
    asking(url)
    said = neatfool("recognise", asking.file, exit_code=0).stdout
    assert "The model eyes-1 names a class for 0 % of evolved images, 0 % of noise and 0 %" in said
    assert "10 replies of models could not be read, which counts as wrong." in said


def test_a_wait_and_the_way_are_told(asking, url, model):
    model.faults = [Response(status_code=429, headers={"Retry-After": "1"})]
    said = asking(url, queries=11)
    assert "asking eyes-1 10 questions" in said
    assert "127.0.0.1: it answered 429; trying again in 1 s" in said


def test_whoever_interrupts_learns_that_the_same_command_goes_on(asking, url, monkeypatch):
    seen = []

    def interrupt(endpoint, question, *, shown):
        seen.append(question)
        if len(seen) == 3:
            raise KeyboardInterrupt
        return NOTHING, 1

    with monkeypatch.context() as patched:
        patched.setattr(ModelEndpoint, "ask", interrupt)
        said = asking(url, exit_code=130)
    assert f"2 answers are kept in {asking.file}; the same command asks the rest" in said
    asking(url, queries=8)


def test_nothing_is_written_where_the_model_cannot_be_asked(asking, url):
    asking(url, queries=9, exit_code=8)
    assert not [*asking.file.parent.glob("*.html"), *asking.file.parent.glob("*.json")]


def test_a_key_is_sent_and_shown_nowhere(asking, url, model, tmp_path, monkeypatch):
    monkeypatch.setenv("EYES_KEY", KEY)
    said = asking(url, "--key-env", "EYES_KEY")
    assert {each["authorization"] for each in model.headers} == {f"Bearer {KEY}"}
    asking.file.unlink()
    echo = JSONResponse({"error": f"no such key: {KEY}"}, 401)
    model.faults = [completion(f'{{"answer": "{KEY}"}}'), echo]
    said += asking(url, "--key-env", "EYES_KEY", exit_code=4)
    assert "127.0.0.1 answered 401; check the address, --model and the key" in said
    assert KEY not in said
    for file in tmp_path.iterdir():
        assert KEY.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--key-env", KEY], "must be the name of an environment variable"),
        (["--key-env", "ABSENT_KEY"], "ABSENT_KEY holds no key"),
        (["--key-env", "EYES_KEY", "--ask", "http://example.org/v1"], "sent by https only"),
        (["--ask", f"https://me:{KEY}@example.org/v1"], "is no address of an API"),
        (["--ask", f"https://example.org/v1?key={KEY}"], "is no address of an API"),
        (["--ask", "ftp://example.org"], "is no address of an API"),
    ],
)
def test_what_would_leak_a_key_is_refused(small, tmp_path, monkeypatch, options, said):
    monkeypatch.setenv("EYES_KEY", f"{KEY}\n")
    usual = ("--photographs", 0, "--ask", "https://127.0.0.1:1/v1", "--model", "eyes-1")
    page = tmp_path / "quiz.html"
    result = neatfool("quiz", small, "-o", page, *usual, *options, exit_code=2)
    assert said in result.stderr
    assert KEY not in result.output


def test_a_redirection_is_not_followed(asking, url, model):
    model.faults = [RedirectResponse(f"{url}/elsewhere")]
    assert "answered 307" in asking(url, exit_code=4)
    assert len(model.headers) == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"choices": []}', b"[" * 100_000])
def test_what_is_no_completion_is_refused(asking, url, model, body):
    model.faults = [Response(body)]
    assert "gave no chat completion" in asking(url, exit_code=4)


def test_a_model_and_its_address_belong_together(small, tmp_path):
    options = ("-o", tmp_path / "quiz.html", "--model", "eyes-1")
    assert "give both" in neatfool("quiz", small, *options, exit_code=2).stderr


def test_its_answers_are_a_table_like_a_players(asking, url):
    asking(url)
    rows = [*csv.DictReader(asking.file.open())]
    assert {row["player"] for row in rows} == {"model eyes-1"}
    assert [row["kind"] for row in rows].count("no image") == 4
    assert {row["sure"] for row in rows} == {"3"}
