"""``neatfool audit`` on small runs: the card, its schema, its exit codes, and going on."""

from __future__ import annotations

import json
import signal
from contextlib import closing, contextmanager
from html import unescape

import jsonschema
import numpy as np
import pytest
from commands import PLUGIN, neatfool, neatfool_process, write_experiment
from PIL import Image
from waiting import wait_until

from neatfool import open_run
from neatfool.wording import percent

pytestmark = pytest.mark.usefixtures("own_sys_path")

BUDGET = ("--images", "60", "--seeds", "1-2", "--sample", "3")
PAID = """
class Paid(Patches):
    def meter(self, ledger):
        self.ledger = ledger

    def score(self, images):
        number = self.ledger.debit(len(images))
        with (HERE / "asked").open("a") as asked:
            asked.write("." * len(images))
        self.ledger.settle(number, "answered")
        return super().score(images)

class PaidOptions(Options):
    metered: bool = True

@hookimpl(specname="neatfool_register_targets")
def paid_target(register) -> None:
    register("paid", Paid, options=PaidOptions)
"""


@contextmanager
def no_long_trial():
    """Estimate the time from a moment: a test that waits two seconds learns nothing more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend("")
        patch.setattr("neatfool_plugins.audit.searching.SECONDS_OF_TRIAL", 0.05)
        yield


def audit(*args):
    with no_long_trial():
        return neatfool("audit", *args)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Audit the small target; give the experiment's file and the card."""
    folder = tmp_path_factory.mktemp("small")
    file = write_experiment(folder)
    made = audit(file, *BUDGET, "--out", folder / "out", "--html", folder / "card.html", "--json")
    assert made.exit_code == 0, made.output
    return file, json.loads(made.stdout)


def test_the_card_says_how_many_images_are_rejected(tmp_path):
    file = write_experiment(tmp_path)
    (tmp_path / "patches.py").write_text(PLUGIN.replace("'dark'", "'background'"))
    folder, page = tmp_path / "out", tmp_path / "card.html"
    made = audit(file, "--images", "40", "--seeds", "1", "--out", folder, "--html", page, "--json")
    assert made.exit_code == 0, made.output
    card = json.loads(made.stdout)
    assert card["classifier"]["nothing"] == ["background"]
    assert card["classifier"]["classes"] == 3
    with closing(open_run(card["runs"][0]["path"])) as run:
        rejected = sum(elite.top[0][0] == "background" for elite in run) / 3
    assert card["rejected"]["median"] == rejected
    said = f"It rejects {100 * rejected:.0f} % of the images"
    assert said in audit(file, "--images", "40", "--seeds", "1", "--out", folder).stdout
    assert said.replace(" %", "\u00a0%") in page.read_text()


def test_a_card_without_such_a_class_says_nothing_of_it(small):
    assert small[1]["classifier"]["nothing"] == []
    assert small[1]["rejected"] is None


def test_the_card_fits_the_schema_that_the_command_prints(small):
    schema = json.loads(neatfool("audit", "--schema").stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(small[1], schema, cls=jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**small[1], "median": 0.5}, schema)


def test_the_card_says_what_the_runs_recorded(small):
    card = small[1]
    assert [run["images"] for run in card["runs"]] == [60, 60]
    ends, reached = [], []
    for each in card["runs"]:
        with closing(open_run(each["path"])) as run:
            ends.append(run.history[-1].median)
            reached.append([r.evaluations for r in run.history if r.classes_ge[0] >= 2][:1])
    assert card["median"]["by_seed"] == ends
    assert card["median"]["median"] == np.median(ends)
    assert card["until"][0]["images"]["by_seed"] == [each[0] if each else None for each in reached]
    assert card["course"][-1]["median"] == card["median"]["median"]
    assert {each["name"] for each in card["first"] + card["last"]} == {
        "dark",
        "bright",
        "[red]left[/]",
        "school bus",
    }
    kinds = [(each["kind"], each["strength"]) for each in card["survival"]["changes"]]
    assert kinds == [("jpeg", 75), ("blur", 1), ("move", 3), ("drawn", 32)]
    assert card["survival"]["sample"] == 3
    assert card["defence"] is None
    assert any("What a detector would have caught is not known" in note for note in card["notes"])


def test_detectors_are_asked_where_something_is_in_distribution(small):
    file, _ = small
    known = file.parent / "known"
    known.mkdir()
    for grey in range(0, 256, 64):
        Image.new("L", (8, 6), grey).save(known / f"{grey}.png")
    made = audit(file, *BUDGET, "--out", file.parent / "out", "--in-distribution", known, "--json")
    assert made.exit_code == 0, made.output
    defence = json.loads(made.stdout)["defence"]
    assert defence["few"]
    found = {each["name"]: each for each in defence["detectors"]}
    assert {"msp", "entropy"} <= found.keys()
    assert len(found["msp"]["auroc"]["by_seed"]) == 2


def test_the_page_needs_no_network(small):
    page = (small[0].parent / "card.html").read_text()
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "[red]left[/]" in page


def test_a_class_on_the_page_has_its_images_confidence_and_the_median(small):
    file, told = small
    page = unescape((file.parent / "card.html").read_text()).replace("\u00a0", " ")
    with closing(open_run(told["runs"][0]["path"])) as run:
        own = {elite.name: percent(elite.confidence) for elite in run.elites}
    assert told["first"]
    for each in told["first"]:
        name, median = each["name"], percent(each["confidence"])
        shown = f'<bdi>{name}</bdi></span><span class="confidence">{own[name]}</span>'
        assert f'{shown}<span class="quiet">median {median} (' in page


def test_what_is_finished_is_not_done_again(small):
    file, card = small
    kept = file.parent / "out" / "measured" / "survival.json"
    told = json.loads(kept.read_text())
    told["result"]["saved"]["median"] = 0.125
    before = kept.read_text()
    kept.write_text(json.dumps(told))
    try:
        again = audit(file, *BUDGET, "--out", file.parent / "out", "--json")
    finally:
        kept.write_text(before)
    assert "are to be scored" not in again.stderr
    made = json.loads(again.stdout)
    assert made.pop("survival")["saved"]["median"] == 0.125
    assert made == {key: value for key, value in card.items() if key != "survival"}


def test_a_run_that_went_on_beyond_the_budget_is_refused(small):
    file, _ = small
    made = audit(file, *BUDGET, "--images", "40", "--out", file.parent / "out")
    assert made.exit_code == 5
    assert "more than the budget of 40; give --images 60" in made.stderr


@pytest.mark.parametrize(("limit", "code", "said"), [(0, 9, "FAILED"), (1, 0, "Passed")])
def test_a_median_above_the_threshold_is_an_exit_code(small, limit, code, said):
    file, _ = small
    folder = file.parent / "out"
    made = audit(file, *BUDGET, "--out", folder, "--fail-if-median-above", limit)
    assert made.exit_code == code
    assert said in made.output
    assert "How soon" in made.stdout
    saved = json.loads((folder / "card.json").read_text())
    assert saved["check"] == {"above": limit, "failed": code == 9}


def test_other_networks_see_the_images(small):
    file, _ = small
    other = file.parent / "other"
    other.mkdir(exist_ok=True)
    (other / "patches.py").write_text(PLUGIN.replace("ImageSpec(6, 8", "ImageSpec(12, 16"))
    to = other / "other.ini"
    to.write_text("[plugins]\npath = patches.py\n[target]\nplugin = patches\n")
    made = audit(file, *BUDGET, "--out", file.parent / "out", "--to", to, "--json")
    (network,) = json.loads(made.stdout)["transfer"]["networks"]
    assert network["experiment"] == str(to)
    assert network["images"] == 6


def test_a_file_with_only_a_target_is_searched_in_the_way_that_serves_best(tmp_path):
    (tmp_path / "patches.py").write_text(PLUGIN)
    file = tmp_path / "mine.ini"
    file.write_text("[plugins]\npath = patches.py\n[target]\nplugin = patches\n")
    budget = ("--images", "60", "--seeds", "4", "--sample", "2", "--out", tmp_path / "out")
    made = audit(file, *budget, "--json")
    assert made.exit_code == 0, made.output
    card = json.loads(made.stdout)
    assert [card["name"], card["search"]["encoding"]["inputs"]] == ["mine", "normalised"]
    assert card["search"]["scheme"]["batch"] == 200
    assert any("has no section [encoding] and [scheme]" in note for note in card["notes"])


def test_a_target_that_costs_something_is_asked_only_what_is_allowed(tmp_path):
    file = write_experiment(tmp_path)
    (tmp_path / "patches.py").write_text(PLUGIN + PAID)
    file.write_text(file.read_text().replace("plugin = patches", "plugin = paid"))
    budget = (file, "--images", "40", "--seeds", "1", "--sample", "2", "--out", tmp_path / "out")
    refused = audit(*budget)
    assert refused.exit_code == 8
    assert "--max-queries 50" in refused.stderr
    assert not (tmp_path / "asked").exists()
    made = audit(*budget, "--max-queries", "50", "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["runs"][0]["images"] == 40
    asked = (tmp_path / "asked").read_text()
    assert 40 < len(asked) <= 50
    again = audit(*budget, "--max-queries", "50", "--json")
    assert again.stdout == made.stdout
    assert (tmp_path / "asked").read_text() == asked


@pytest.mark.slow
@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_an_interrupted_audit_goes_on_and_ends_with_the_same_card(small, tmp_path, end, code):
    def held():
        return (tmp_path / "held").exists()

    file = write_experiment(tmp_path)
    out = tmp_path / "out"
    process = neatfool_process("audit", file, *BUDGET, "--out", out, "--json")
    # It has tried its speed, and the first run is under way: it, or the second one, stops.
    wait_until((out / "small-1").exists, process=process)
    (tmp_path / "hold").touch()
    wait_until(held, process=process)
    process.send_signal(end)
    (tmp_path / "hold").unlink()
    process.communicate(timeout=60)
    assert process.returncode == code
    made = audit(file, *BUDGET, "--out", out, "--json")
    card, whole = json.loads(made.stdout), dict(small[1])
    for each in (card, whole):
        del each["runs"], each["classifier"]  # they name the folder
    assert card == whole


def test_a_page_that_cannot_be_written_is_refused_before_the_work(tmp_path):
    result = neatfool("audit", write_experiment(tmp_path), "--html", tmp_path / "no" / "card.html")
    assert result.exit_code == 6
    assert "its folder does not exist" in result.stderr
