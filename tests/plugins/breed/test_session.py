"""The command: what a session begins with, how it ends, and how one goes on."""

import signal
from contextlib import closing
from pathlib import Path

import pytest
from commands import neatfool
from picbreeder_files import coloured

from neatfool import cppn, open_run
from neatfool_plugins.breed.app import PersonAtPage
from neatfool_plugins.breed.scheme import UserAction


@pytest.fixture
def shown(monkeypatch, tmp_path):
    """Let everybody keep the first picture, and go; give what they were shown."""
    seen = []

    def act(person, shown):
        seen.append(shown)
        keep = UserAction(kind="keep", places=[0], name="mine")
        return keep if len(seen) % 2 else None

    monkeypatch.setattr(PersonAtPage, "act", act)
    monkeypatch.chdir(tmp_path)
    return seen


def colour_of(folder):
    with closing(open_run(folder)) as run:
        return run.elite("mine").picture().look.colours.name


def command(*words):
    result = neatfool("breed", *words, exit_code=0)
    return result.output


def test_a_seed_gives_the_same_first_pictures(shown):
    for out in ("a", "b"):
        command("--seed", 5, "--out", out)
    assert shown[0]["pictures"] == shown[2]["pictures"]


def test_each_new_session_has_a_folder_and_pictures_of_its_own(shown):
    said = command()
    assert "Go on with: neatfool breed runs/breed-1" in said
    assert "1 picture kept: mine" in said
    command()
    assert Path("runs/breed-2/run.db").exists()
    assert shown[0]["pictures"] != shown[2]["pictures"]
    assert colour_of("runs/breed-1") == "oklab"


def test_a_session_goes_on_where_it_ended(shown):
    command("--size", 40)
    command("runs/breed-1")
    _, last, *again = shown
    assert again[0] == last
    assert [each["name"] for each in again[1]["kept"]] == ["mine", "mine 2"]
    result = neatfool("breed", "runs/breed-1", "--size", 50, exit_code=2)
    assert "--size is for a new session" in result.output


def test_an_interrupted_session_says_how_the_command_goes_on(shown, monkeypatch, caplog):
    def interrupt(person, shown):
        signal.raise_signal(signal.SIGINT)
        return UserAction(kind="keep", places=[0], name="mine")

    monkeypatch.setattr(PersonAtPage, "act", interrupt)
    assert "Go on with: neatfool breed runs/breed-1" in command()
    assert not caplog.records


def test_an_elite_of_any_run_can_be_the_beginning(shown):
    assert neatfool("run", "mnist", "--generations", 2, "--no-report").exit_code == 0
    said = neatfool("breed", "runs/mnist-1", exit_code=2)
    assert "neatfool breed runs/mnist-1 CLASS" in said.output
    command("runs/mnist-1", "3")
    with closing(open_run("runs/mnist-1")) as run, closing(open_run("runs/breed-1")) as session:
        look = run.elite("3").picture().look
        assert session.elite("mine").picture().look == look
        assert look.colours.name == "grey"
        ancestor = session.lineage("mine")[-1]
        assert ancestor.genome_text == run.elite("3").genome_text


@pytest.mark.parametrize("colour", ["grey", "rgb"])
def test_a_genome_in_a_file_can_be_the_beginning(shown, colour):
    outputs = cppn.COLOUR_MAPS[colour].outputs
    preset = cppn.PRESETS["paper"]
    config = cppn.genome_config(cppn.resolve(cppn.GenomeOptions(), preset), outputs)
    (genome,) = cppn.Breeder(preset, config).create([1])
    Path("genome.json").write_text(cppn.dumps(genome), encoding="utf-8")
    command("genome.json", *(["--colour", colour] if colour != "grey" else []))
    assert colour_of("runs/breed-1") == colour
    with closing(open_run("runs/breed-1")) as run:
        assert run.lineage("mine")[-1].genome_text == cppn.dumps(genome)


def test_a_genome_of_picbreeders_can_be_the_beginning(shown):
    data = coloured()
    Path("skull.xml").write_bytes(data)
    command("skull.xml")
    assert colour_of("runs/breed-1") == "hsv"
    with closing(open_run("runs/breed-1")) as run:
        elite = run.elite("mine")
        genome = cppn.read(data, look=elite.picture().look).genome
        assert run.lineage("mine")[-1].genome_text == cppn.dumps(genome)


def test_a_file_without_a_genome_is_refused_by_name(shown):
    Path("no.json").write_text("{}", encoding="utf-8")
    result = neatfool("breed", "no.json", exit_code=2)
    assert "no.json: " in result.output


def test_the_run_is_read_like_any_other(shown):
    command()
    for words in (("graph", "mine"), ("render", "mine", "--size", 32), ("gallery",), ("ancestry",)):
        name, *more = words
        neatfool(name, "runs/breed-1", *more, exit_code=0)
    neatfool("export", "runs/breed-1", "out", "--no-verify", exit_code=0)
