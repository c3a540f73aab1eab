"""The page's server: whom it answers, and what it does with actions."""

import json
import threading
from http.client import HTTPConnection
from urllib.parse import urlsplit

import numpy as np
import pytest
import torch
from breeding import breed, choose

from neatfool import make_target, open_scorer
from neatfool_plugins.breed.app import PersonAtPage


class Session:
    """A session in this process, whose page is asked by HTTP."""

    def __init__(self, person, folder):
        self.person, place = person, urlsplit(person.address)
        self.host, self.path = place.netloc, place.path
        self.thread = threading.Thread(target=breed, args=(person, folder))

    def ask(self, path, body=None, **headers):
        connection = HTTPConnection(self.host, timeout=60)
        data = None if body is None else json.dumps(body).encode()
        connection.request("POST" if data else "GET", self.path + path, data, headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        is_json = response.getheader("content-type") == "application/json"
        return response.status, json.loads(text) if is_json else text.decode()

    def act(self, version, **action):
        return self.ask("act", action | {"version": version})


@pytest.fixture
def session(tmp_path):
    person = PersonAtPage(3, 12, 12)
    session = Session(person, tmp_path / "run")
    with person.serving():
        session.thread.start()
        yield session
        person._actions.put(None)  # the end: Ctrl-C comes to main threads only
        session.thread.join()


def test_an_action_is_answered_with_the_pictures_after_it(session):
    status, first = session.ask("shown")
    assert (status, first["version"], len(first["pictures"])) == (200, 1, 16)
    status, then = session.act(1, **choose(0, 2))
    assert (status, then["version"]) == (200, 2)
    assert session.ask("shown")[1] == then


def test_a_second_window_that_is_behind_changes_nothing_and_is_told(session):
    _, then = session.act(1, **choose(0))
    status, told = session.act(1, **choose(5))
    assert (status, told) == (409, then)


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ({"kind": "next", "places": []}, 409),
        ({"kind": "next", "places": [16]}, 409),
        ({"kind": "keep", "places": [-1]}, 409),
        ({"kind": "keep", "places": [1, 1]}, 409),
        ({"kind": "back"}, 409),
        ({"kind": "forward"}, 409),
        ({"kind": "fly"}, 400),
        ({"kind": "next", "places": [0], "strength": 1e9}, 400),
        ({"kind": "keep", "places": [0], "name": "a" * 61}, 400),
        ({"kind": "keep", "places": [0], "name": "a" * 20_000}, 413),
    ],
)
def test_what_is_impossible_is_refused_and_changes_nothing(session, action, status):
    session.ask("shown")
    assert session.act(1, **action)[0] == status
    assert session.ask("shown")[1]["version"] == 1


def test_strangers_are_refused(session):
    session.ask("shown")
    assert session.ask("shown", origin="http://elsewhere.example")[0] == 403
    assert session.ask("act", choose(0), **{"sec-fetch-site": "cross-site"})[0] == 403
    assert session.ask("shown", host="elsewhere.example")[0] == 400
    session.path = "/wrong/"
    assert session.ask("shown")[0] == 403


def test_an_onlooker_says_what_it_takes_each_picture_for(tmp_path):
    digits = make_target("mnist").photographs()
    images = torch.from_numpy(np.stack([np.asarray(each)[None] for each in digits.values()]))
    with open_scorer("mnist") as onlooker:
        said = PersonAtPage(3, 56, 56, onlooker=onlooker).look(images.repeat(1, 3, 2, 2))
        assert len(said) == len(digits)
        said = PersonAtPage(1, 28, 28, onlooker=onlooker).look(images)
    right = [text[0] == name[0] for text, name in zip(said, digits, strict=True)]
    assert sum(right) > 0.9 * len(right)
    assert all(text.endswith("%") for text in said)
