"""Transfer, measured on small runs: what it finds, prints, writes and refuses."""

import csv
import io
import json
import re
from contextlib import closing

import jsonschema
import numpy as np
import pytest
import torch
from commands import CLASSES, PAID, PLUGIN, neatfool, run_small, write_target
from PIL import Image

from neatfool import fit_images, fool, open_run, open_scorer
from neatfool_plugins.transfer.finding import TransferMatrix

# Twice the size, in colours, less sure; of the names one is another, two are written otherwise.
OTHER = (
    PLUGIN.replace("ImageSpec(6, 8", "ImageSpec(12, 16")
    .replace("'school bus'", "'School_Bus, coach'")
    .replace("'bright'", "'light, BRIGHT'")
    .replace("'dark'", "'night'")
)
LESS_SURE = "gain = 4\nchannels = 3"
OFFERED = """
    def photographs(self):
        from PIL import Image
        return {f"grey {n}": Image.new("L", (20, 10), n) for n in (0, 60, 90)}
"""
# It names its best two classes, one of which nobody has heard of before.
NAMES_TWO = """
from neatfool import Labels

class NamesTwo(Paid):
    def __init__(self, options):
        super().__init__(options)
        self.spec = ImageSpec(6, 8, 1, (), open=True)

    def score(self, images):
        best = super().score(images).probs.argmax(1)
        return Labels([{self.names[place]: 0.5, "grey": 0.25} for place in best])

    names = ("gloom", "Bright", "[red]left[/]", "school_bus")

@hookimpl(specname="neatfool_register_targets")
def target_that_names_two(register) -> None:
    register("names_two", NamesTwo, options=Options)
"""


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    return write_target(tmp_path_factory.mktemp("other"), OTHER, LESS_SURE)


def transfer(*args):
    result = neatfool("transfer", *args, "--json", exit_code=0)
    return json.loads(result.stdout)


def test_transfer_to_itself_equals_verify(finished):
    verified = json.loads(neatfool("verify", finished, "--json").stdout)
    told = transfer(finished, "--to", finished.parent / "small.ini")
    (network,) = told["networks"]  # the run's own and that of the file are one
    assert network["runs"] == [str(finished)]
    (run,) = told["runs"]
    assert [run["own"], run["others"], run["fool_any_other"]] == ["A", 0, None]
    assert run["networks"][0]["shown"] == "as saved"
    assert run["networks"][0]["median"] == verified["median"]
    measured = {each["name"]: each["networks"][0]["confidence"] for each in run["classes"]}
    assert measured == {each["name"]: each["measured"] for each in verified["classes"]}


def scored(run, file, make):
    """Score what is made of each elite; give (confidence, rank) by class, as numpy has them."""
    with closing(open_run(run)) as opened, closing(open_scorer(file)) as scorer:
        images = torch.cat([fit_images(make(elite), scorer.spec) for elite in opened])
        probs = scorer.score(images).probs
        return {
            elite.name: (row[elite.index], 1 + (row > row[elite.index]).sum())
            for elite, row in zip(opened, probs, strict=True)
        }


def test_images_are_drawn_anew_at_the_other_size(finished, other):
    (run,) = transfer(finished, "--to", other)["runs"]
    expected = scored(finished, other, lambda elite: torch.from_numpy(elite.pixels((12, 16)))[None])
    assert run["networks"][1]["shown"] == "drawn anew"
    found = {each["name"]: each["networks"][1] for each in run["classes"]}
    assert found.pop("dark") == {"key": "B", "their_class": None, "confidence": None, "rank": None}
    assert found["school bus"]["their_class"] == "School_Bus, coach"
    for name, each in found.items():
        assert (each["confidence"], each["rank"]) == pytest.approx(expected[name])
    figures = run["networks"][1]
    assert figures["images"] == 3
    assert figures["classes_not_found"] == ["dark"]
    assert figures["top1"] == pytest.approx(np.mean([each["rank"] == 1 for each in found.values()]))
    assert figures["top5"] == 1
    assert figures["median"] == pytest.approx(np.median([e["confidence"] for e in found.values()]))
    assert run["fool_any_other"] == run["fool_all_others"] == figures["top1"]


def test_runs_see_each_others_networks_and_files_may_stand_among_them(finished, other, tmp_path):
    """One --to takes several files, as a shell writes them for a pattern."""
    third = write_target(tmp_path / "third", PLUGIN, "gain = 2", name="third")
    place = tmp_path / "runs"
    file = finished.with_name("small.ini")
    neatfool("run", file, "--seed", 5, "--out", place, "--no-report", exit_code=0)
    told = transfer(finished, place, "--to", other, third)
    assert [each["label"] for each in told["networks"]] == ["small", "other", "third"]
    assert [each["runs"] for each in told["networks"]] == [[str(finished), str(place)], [], []]
    assert [(run["seed"], run["own"], run["others"]) for run in told["runs"]] == [
        (3, "A", 2),
        (5, "A", 2),
    ]
    for run in told["runs"]:
        assert run["fool_all_others"] <= run["fool_any_other"]


def test_photographs_show_how_far_networks_agree(finished, other, tmp_path):
    folder = tmp_path / "photographs"
    (folder / "deeper").mkdir(parents=True)
    left = np.zeros((40, 60, 3), np.uint8)
    left[:, :30] = 255
    Image.fromarray(left).save(folder / "left.png")
    Image.fromarray(left).rotate(180).convert("L").save(folder / "deeper" / "right.JPG", "JPEG")
    Image.new("RGB", (50, 30), (250, 250, 250)).save(folder / "deeper" / "light.webp")
    (folder / "notes.txt").write_text("no image")
    found = transfer(finished, "--to", other, "--in-distribution", folder)
    jsonschema.validate(found, TransferMatrix.model_json_schema(mode="serialization"))
    told = found["in_distribution"]
    assert told["number"] == 3
    assert told["source"] == f"in {folder}"
    figures = {each["first_of"] + each["key"]: each for each in told["agreement"]}
    assert list(figures) == ["AA", "AB", "BA", "BB"]
    assert all(each["top1"] == 1 for each in figures.values())
    assert figures["AA"]["images"] == 3
    assert figures["AA"]["median"] > figures["AB"]["median"]


def test_targets_may_offer_photographs(finished, tmp_path):
    offering = write_target(
        tmp_path, PLUGIN.replace("\n@hookimpl", OFFERED + "\n@hookimpl"), LESS_SURE
    )
    told = transfer(finished, "--to", offering)
    assert told["in_distribution"]["number"] == 3
    assert all(each["top1"] == 1 for each in told["in_distribution"]["agreement"])
    listing = PLUGIN.replace(
        "\n@hookimpl", "    def photographs(self):\n        return []\n\n@hookimpl"
    )
    refused = neatfool("transfer", finished, "--to", write_target(tmp_path / "wrong", listing))
    assert "photographs() must give Pillow images by name, and gave list" in refused.stderr
    assert transfer(finished)["in_distribution"] is None
    other = write_target(tmp_path / "other", OTHER)
    assert "with --in-distribution" in neatfool("transfer", finished, "--to", other).stdout


def test_the_tables_can_be_read_without_colour(finished, other):
    result = neatfool("transfer", finished, "--to", other, exit_code=0)
    assert "\x1b" not in result.stdout
    text = re.sub(" +", " ", result.stdout)
    assert re.search(r"│ B │ other │ [^│]+ │ 16x12 │ 4 │", text)
    assert re.search(r"│ small \(seed 3\) │ A │ 100 % │ 100 % │", text)
    assert re.search(r"│ │ B │ \d+ % │", text)
    assert re.search(r"│ dark │ [\d.]+ % │ [\d.]+ % │ - │", text)
    assert re.search(r"\d+ % of the images of small \(seed 3\) fool the other network\.", text)
    assert "other was shown the images of small (seed 3) drawn anew" in text
    assert "other lacks the classes of 1 of 4 images of small (seed 3), such as 'dark'" in text
    alone = neatfool("transfer", finished).stdout
    assert "name another network with --to EXPERIMENT" in alone


def test_each_image_is_in_the_csv(finished, other, tmp_path):
    file = tmp_path / "all.csv"
    told = transfer(finished, "--to", other, "--csv", file)
    rows = [*csv.DictReader(io.StringIO(file.read_text()))]
    assert len(rows) == 2 * len(CLASSES)
    (run,) = told["runs"]
    for elite in run["classes"]:
        own, theirs = (row for row in rows if row["class"] == elite["name"])
        assert float(own["confidence"]) == elite["networks"][0]["confidence"]
        assert [own["own"], own["shown"], own["top1"]] == ["1", "as saved", "1"]
        assert theirs["their_class"] == (elite["networks"][1]["their_class"] or "")
        assert theirs["rank"] == str(elite["networks"][1]["rank"] or "")


def test_a_network_without_any_of_the_classes_is_refused(finished, tmp_path):
    names = repr(CLASSES)
    alien = write_target(tmp_path, PLUGIN.replace(names, "('a', 'b', 'c', 'd')"))
    result = neatfool("transfer", finished, "--to", alien, exit_code=2)
    assert "other.ini: has none of the classes, such as 'dark'; its own are called 'a'" in (
        result.stderr
    )


def test_a_run_whose_classes_no_other_network_has_is_told(finished, tmp_path):
    plugin = PLUGIN.replace(repr(CLASSES), repr((*"abc", CLASSES[-1])))
    run = run_small(tmp_path, "scheme.classes=a, b", plugin=plugin)
    told = neatfool("transfer", finished, run, exit_code=0)
    assert "None of the other networks has a class of small" in told.output


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        (["--classes", "scool bus"], 2, "there is no class 'scool bus'; did you mean 'school bus'"),
        (["--least", "1"], 5, "no elite has a confidence of 1 or more; the highest is 0.9"),
        (["--to", "nowhere.ini"], 2, "nowhere.ini"),
        (["--in-distribution", "."], 2, "there is no image in it"),
    ],
)
def test_what_is_wrong_is_told(finished, tmp_path, monkeypatch, options, code, message):
    monkeypatch.chdir(tmp_path)
    result = neatfool("transfer", finished, *options, exit_code=code)
    assert re.search(message, result.stderr), result.stderr


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\x89PNG no more", "cannot identify"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n", "a program"),
    ],
)
def test_a_photograph_that_cannot_be_read_is_named(finished, tmp_path, data, fault):
    (tmp_path / "broken.png").write_bytes(data)
    result = neatfool("transfer", finished, "--in-distribution", tmp_path, exit_code=2)
    assert re.search(f"broken.png: cannot be read as an image .*{fault}", result.stderr)


def test_files_alone_are_no_runs(other):
    result = neatfool("transfer", other, exit_code=2)
    assert "name at least one run" in result.stderr


def test_networks_that_cost_something_are_asked_within_the_budget_only(finished, tmp_path):
    one, two = (
        write_target(tmp_path / name, PLUGIN + PAID, f"gain = {gain}", name=name, of="paid")
        for name, gain in (("one", 4), ("two", 3))
    )
    asked = [tmp_path / name / "asked" for name in ("one", "two")]
    for options in ([], ["--max-queries", "7"]):
        result = neatfool("transfer", finished, "--to", one, two, *options, exit_code=8)
        assert "this takes up to 8 queries of a target that costs something" in result.stderr
        assert not any(file.exists() for file in asked)
    result = neatfool("transfer", finished, "--to", one, two, "--max-queries", "8", exit_code=0)
    assert result.stderr.count("this takes up to 4 queries") == 2
    assert [len(file.read_text()) for file in asked] == [4, 4]


@pytest.mark.parametrize(
    "command", [["transfer", "--to"], ["survive", "--target"], ["ablate", "--target"]]
)
def test_a_service_is_not_even_connected_to_without_a_budget(finished, tmp_path, command):
    """What says in its options that it costs something, as the plugin http does."""
    plugin = PLUGIN.replace(
        "    gain: float", "    metered: ClassVar[bool] = True\n    gain: float"
    )
    plugin = plugin.replace(
        "        self.gain =", "        (HERE / 'connected').touch()\n        self.gain ="
    )
    file = write_target(tmp_path, f"from typing import ClassVar\n{plugin}")
    for options in ([], ["--max-queries", "3"]):
        result = neatfool(command[0], finished, command[1], file, *options, exit_code=8)
        assert "nothing was asked" in result.stderr
        assert not (tmp_path / "connected").exists()


def test_classes_that_a_network_does_not_name_have_no_rank_there(finished, tmp_path):
    file = write_target(tmp_path, PLUGIN + PAID + NAMES_TWO, of="names_two")
    told = transfer(finished, "--to", file, "--max-queries", 4)
    (run,) = told["runs"]
    theirs = run["networks"][1]
    assert theirs["images"] == 4
    assert theirs["classes_not_found"] == []
    found = {each["name"]: each["networks"][1] for each in run["classes"]}
    assert found["dark"] == {"key": "B", "their_class": None, "confidence": 0, "rank": None}
    assert found["bright"] == {"key": "B", "their_class": "Bright", "confidence": 0.5, "rank": 1}
    assert theirs["top5"] == 0.75


def test_a_run_that_only_python_can_score_has_no_network_of_its_own(tmp_path):
    def model(images):
        light = images.mean((1, 2, 3)) / 255
        return np.stack([1 - light, light], 1)

    names = ("dark", "bright")
    fool(model, image=(1, 6, 8), classes=names, images=40, out=tmp_path / "p", progress=False)
    alone = neatfool("transfer", tmp_path / "p", exit_code=5)
    assert "only Python has its target" in alone.stderr
    told = transfer(tmp_path / "p", "--to", write_target(tmp_path))
    assert told["runs"][0]["own"] is None
    assert told["runs"][0]["others"] == 1
    assert any("Its own network is left out" in note for note in told["notes"])


@pytest.fixture(scope="module")
def page(two_runs, tmp_path_factory):
    """Write the page of two runs, three networks and two photographs."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "photographs").mkdir()
    for light in (30, 220):
        Image.new("L", (30, 20), light).save(folder / "photographs" / f"{light}.png")
    larger = write_target(folder / "0", PLUGIN.replace("ImageSpec(6, 8", "ImageSpec(12, 16"))
    named = PLUGIN.replace("'dark'", "'night'")
    stranger = write_target(folder / "1", named, name="<b>stranger<-b>")
    result = neatfool(
        *("transfer", two_runs, "--to", larger, stranger),
        *("--in-distribution", folder / "photographs", "--html", folder / "page.html"),
        exit_code=0,
    )
    assert f"Look at {folder / 'page.html'}" in result.stdout
    return (folder / "page.html").read_text(encoding="utf-8")


def test_it_shows_two_matrices_and_each_image_in_each_network(page):
    assert page.count('class="curve"') == 2
    assert page.count('<img class="pixels"') == 2 * len(CLASSES)
    assert "in-distribution images" in page
    assert "&lt;b&gt;stranger" in page
    assert "(own)" in page
    bare = re.sub(r'src="[^"]*"', "", page)
    assert "http://" not in bare
    assert "nan" not in bare
    assert "\\xa0" not in bare
