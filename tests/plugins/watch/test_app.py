"""Who may see the page, and what it does to the run's folder."""

import shutil
from hashlib import sha256
from urllib.parse import quote

import pytest
from commands import write_experiment
from watching import ask, events, search, served

from neatfool import open_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("small")
    search(write_experiment(folder), folder / "run")
    return folder / "run"


@pytest.fixture(scope="module")
def address(finished):
    with served(finished) as address:
        yield address


def test_the_token_is_needed_everywhere(address):
    for place in ("", "watch.js", "events", "0/0.png"):
        assert ask(address.replace("secret", "guess") + place)[0] == 403
    assert ask(address.removesuffix("secret/"))[0] == 403
    status, page = ask(address)
    assert (status, page[:15]) == (200, b"<!doctype html>")


def test_images_are_those_of_the_elites(address, finished):
    elite = open_run(finished)[1]
    assert ask(f"{address}0/1.png") == (200, elite.png)
    assert ask(f"{address}0/99.png")[0] == 404
    assert ask(f"{address}7/1.png")[0] == 404
    assert ask(f"{address}../../etc/passwd")[0] in {403, 404}


@pytest.mark.parametrize("number", ["7" * 5000, "7" * 4000, "7" * 30, "-1", "\u0663", ""])
def test_a_number_that_nothing_has_is_not_found(address, number):
    number = quote(number)
    assert ask(f"{address}0/{number}.png")[0] == 404
    assert ask(f"{address}{number}/0.png")[0] == 404


def test_a_run_that_begins_later_is_shown(finished, tmp_path):
    shutil.copytree(finished, tmp_path / "first")
    with served(tmp_path) as address:
        coming = events(address)
        assert next(coming)[1]["run"] == 0
        shutil.copytree(finished, tmp_path / "a later one")
        later = next(event for _, event in coming if event["run"] == 1)
        assert later["news"]["about"]["path"] == str(tmp_path / "a later one")
        assert ask(f"{address}1/1.png")[0] == 200


def fingerprint(folder):
    return {
        str(path): (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_watching_writes_nothing(finished):
    before = fingerprint(finished)
    other = shutil.copytree(finished, finished.with_name("other"))
    with served(finished, other) as address:
        first, second = (news for _, news in zip(range(2), events(address), strict=False))
        assert [first[1]["run"], second[1]["run"]] == [0, 1]
        ask(f"{address}1/2.png")
    assert fingerprint(finished) == before


def test_an_open_page_is_told_of_the_end(finished):
    with served(finished) as address:
        coming = events(address)
        next(coming)
    assert [name for name, _ in coming][-1] == "end"
