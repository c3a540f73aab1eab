"""``neatfool audit`` on small runs: the card, its schema, its exit codes, and going on."""

import io
import json
import signal
from base64 import b64decode
from contextlib import closing, contextmanager
from hashlib import sha256
from html import unescape

import jsonschema
import numpy as np
import pytest
import torch
from commands import PAID, PLUGIN, neatfool, neatfool_process, write_experiment, write_target
from filelock import FileLock
from PIL import Image
from replicates_here import start_no_processes
from scipy.special import logit
from waiting import wait_until

from neatfool import ExperimentError, ImageSpec, make_target, open_run
from neatfool.measure import code
from neatfool.ood import simple_images
from neatfool.wording import among, percent
from neatfool_plugins.audit.card import ReportCard
from neatfool_plugins.audit.exports import Entry
from neatfool_plugins.audit.known_images import KnownImages, check_known_images, read_usual_images
from neatfool_plugins.audit.measure import audit as make_card

BUDGET = ("--images", "60", "--seeds", "1-2")
METERED = """
class PaidOptions(Options):
    metered: bool = True
""" + PAID.replace("options=Options", "options=PaidOptions")


@contextmanager
def no_waiting():
    """Search in this process: tests learn nothing more from another."""
    with pytest.MonkeyPatch.context() as patch:
        start_no_processes(patch)
        yield


def audit(*args, exit_code=None, **options):
    """Audit with the options, each of which is named as in Python."""
    given = [(f"--{name.replace('_', '-')}", value) for name, value in options.items()]
    with no_waiting():
        return neatfool(
            "audit", *args, *(part for each in given for part in each), exit_code=exit_code
        )


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Audit the small target; give the experiment's file and the card."""
    folder = tmp_path_factory.mktemp("small")
    file = write_experiment(folder)
    made = audit(
        file, *BUDGET, "--json", out=folder / "out", write=folder / "card.html", exit_code=0
    )
    return file, json.loads(made.stdout)


def test_the_card_says_how_many_images_are_rejected(tmp_path):
    file = write_experiment(tmp_path)
    (tmp_path / "patches.py").write_text(PLUGIN.replace("'dark'", "'background'"))
    folder, page = tmp_path / "out", tmp_path / "card.html"
    made = audit(file, "--json", images="40", seeds="1", out=folder, write=page, exit_code=0)
    card = json.loads(made.stdout)
    assert card["classifier"]["nothing"] == ["background"]
    assert card["classifier"]["classes"] == 3
    with closing(open_run(card["runs"][0])) as run:
        rejected = sum(elite.top[0][0] == "background" for elite in run) / 3
    assert card["rejected"]["median"] == rejected
    said = f"It rejects {100 * rejected:.0f} % of its images as background"
    assert said in audit(file, "--images", "40", "--seeds", "1", "--out", folder).stdout
    assert said.replace(" %", "\u00a0%") in page.read_text()


def test_a_card_without_such_a_class_says_nothing_of_it(small):
    assert small[1]["classifier"]["nothing"] == []
    assert small[1]["rejected"] is None


def test_the_card_fits_its_schema(small):
    schema = ReportCard.model_json_schema(mode="serialization")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(small[1], schema, cls=jsonschema.Draft202012Validator)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**small[1], "median": 0.5}, schema)


def test_an_entry_says_whose_network_it_is_and_has_images_to_verify(small, tmp_path):
    file, card = small
    about = {"network": "Patches", "licence": "MIT", "weights": "patches.py"}
    lines = [f"{key} = {value}" for key, value in about.items()]
    text = "\n".join([file.read_text(), "[about]", *lines, ""])
    named = file.with_name("named.ini")
    named.write_text(text)
    setting = "experiment.name=patches"
    audit(named, *BUDGET, set=setting, out=tmp_path, write=tmp_path / "entry.json", exit_code=0)
    entry = json.loads((tmp_path / "entry.json").read_text())
    assert Entry.model_validate(entry).about == about
    assert entry["sha256"] == sha256(file.with_name("patches.py").read_bytes()).hexdigest()
    assert entry["experiment"] == text
    again = f"neatfool audit {named} --images 60 --seeds 1-2 --set {setting}"
    assert entry["command"] == again
    assert entry["card"]["median"] == card["median"]
    scorer = make_target(named)
    for each in entry["images"]:
        with Image.open(io.BytesIO(b64decode(each["png"]))) as image:
            pixels = np.asarray(image)
        assert sha256(pixels.tobytes()).hexdigest() == each["sha256"]
        if each["log_odds"] is not None:
            shown = pixels.reshape(pixels.shape[0], pixels.shape[1], -1).transpose(2, 0, 1)[None]
            probability = scorer.score(shown).probs[0, each["index"]]
            assert logit(probability) == pytest.approx(each["log_odds"], abs=1e-4)
    assert any(each["log_odds"] is not None for each in entry["images"])


def test_an_entry_says_what_a_longer_search_adds_and_the_card_stays(small, tmp_path):
    file, card = small
    (tmp_path / "runs").mkdir()
    longer = ("--longer", "200", "--write", tmp_path / "entry.json", "--out", tmp_path / "runs")
    named = ("--set", "about.network=Small")
    first, again = (audit(file, *BUDGET, *longer, *named) for _ in range(2))
    assert (first.exit_code, again.exit_code) == (0, 0), again.output
    assert first.stderr.count("are to be scored") == 2
    assert "are to be scored" not in again.stderr
    entry = Entry.model_validate_json((tmp_path / "entry.json").read_bytes())
    assert entry.card.images == 60
    assert entry.card.median.median == card["median"]["median"]
    assert "--longer 200" in entry.command
    assert entry.longer.images == 200
    assert entry.longer.median.median > entry.card.median.median
    for short, long in zip(entry.card.until, entry.longer.until, strict=True):
        for then, later in zip(short.by_seed, long.by_seed, strict=True):
            assert later == then if then else later is None or later > 60


def test_a_longer_search_is_longer(small):
    refused = audit(small[0], *BUDGET, "--longer", "60", exit_code=2)
    assert "--longer" in refused.output


def test_the_card_says_how_soon_half_of_the_classes_were_sure(small):
    card = small[1]
    assert [each["confidence"] for each in card["until"]] == [0.5, 0.9, 0.99]
    for place, folder in enumerate(card["runs"]):
        with closing(open_run(folder)) as run:
            for level, each in zip((0, 1, 2), card["until"], strict=True):
                for found, least in (("by_seed", 2), ("all_by_seed", 4)):
                    sure = [r.evaluations for r in run.history if r.classes_ge[level] >= least]
                    assert each[found][place] == (sure[0] if sure else None)


def test_the_card_says_what_the_runs_recorded(small):
    card = small[1]
    assert card["images"] == 60
    ends = []
    for each in card["runs"]:
        with closing(open_run(each)) as run:
            assert run.evaluations == 60
            ends.append(run.history[-1].median)
    assert card["median"]["by_seed"] == ends
    assert card["median"]["median"] == np.median(ends)
    names = {"dark", "bright", "[red]left[/]", "school bus"}
    assert {each["name"] for each in card["classes"]} == names
    kinds = {each["kind"]: each for each in card["acceptance"]["kinds"]}
    changes = ["jpeg=75", "blur=1", "move=3", "drawn=32"]
    simple = [each[0] for each in simple_images(ImageSpec(6, 8, 1, ("a", "b")), 1)]
    assert [*kinds] == ["evolved", *changes, *simple]
    assert [kinds[each]["images"] for each in ("evolved", "move=3", "blank")] == [8, 8, 100]
    assert card["defence"] is None
    assert card["fooled"] is None
    assert any("What a detector would have caught is not known" in note for note in card["notes"])


def test_a_verdict_of_few_images_says_so(small, tmp_path):
    file, card = small
    note = "The verdict rests on only 8 evolved images: too few; give more --images or --seeds."
    assert note in card["notes"]
    more = audit(file, "--json", images="60", seeds="1-4", out=tmp_path, exit_code=0)
    assert not any("rests on only" in each for each in json.loads(more.stdout)["notes"])


def test_detectors_are_asked_where_something_is_in_distribution(small):
    file, _ = small
    known = file.parent / "known"
    known.mkdir()
    for grey in range(0, 256, 64):
        Image.new("L", (8, 6), grey).save(known / f"{grey}.png")
    made = audit(
        file, *BUDGET, "--json", out=file.parent / "out", in_distribution=known, exit_code=0
    )
    card = json.loads(made.stdout)
    assert card["fooled"] is None  # Four images cannot tell what 95 % of them pass.
    assert card["acceptance"]["kinds"][0]["images"] == 4
    found = {each["name"]: each for each in card["defence"]["detectors"]}
    assert {"msp", "entropy"} <= found.keys()
    assert found["msp"]["passing_95"] is None
    assert found["msp"]["auroc"]["low"] <= found["msp"]["auroc"]["value"]


def test_the_page_needs_no_network(small):
    page = (small[0].parent / "card.html").read_text()
    assert "default-src 'none'" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert "[red]left[/]" in page


def test_a_class_on_the_page_has_its_images_confidence_and_the_median(small):
    file, told = small
    page = unescape((file.parent / "card.html").read_text()).replace("\u00a0", " ")
    own = dict.fromkeys((each["name"] for each in told["classes"]), -1.0)
    for folder in told["runs"]:
        with closing(open_run(folder)) as run:
            first = [elite for elite in run if elite.top1 is not False]
            own |= {e.name: max(own[e.name], e.confidence) for e in first}
    assert told["classes"]
    for each in told["classes"][:2]:
        name, median = each["name"], percent(each["confidence"])
        shown = f'<bdi>{name}</bdi></span><span class="confidence">{percent(own[name])}</span>'
        assert f'{shown}<span class="quiet">median {median} (' in page


def test_what_is_finished_is_not_done_again(small):
    file, card = small
    audit(file, *BUDGET, "--out", file.parent / "out")  # Others asked with images of their own.
    kept = file.parent / "out" / "measured" / "sureness.json"
    told = json.loads(kept.read_text())
    told["result"]["kinds"][-1]["log_odds"] = [0.0] * 100
    before = kept.read_text()
    kept.write_text(json.dumps(told))
    try:
        again = audit(file, *BUDGET, "--out", file.parent / "out", "--json")
    finally:
        kept.write_text(before)
    assert "are to be scored" not in again.stderr
    made = json.loads(again.stdout)
    assert made.pop("acceptance")["kinds"][-1]["median"] == 0.5
    assert made == {key: value for key, value in card.items() if key != "acceptance"}


def test_what_other_code_measured_is_measured_anew(small, monkeypatch):
    file, card = small
    kept = file.parent / "out" / "measured" / "sureness.json"
    audit(file, *BUDGET, "--out", file.parent / "out")
    told = json.loads(kept.read_text())
    told["result"]["kinds"][-1]["log_odds"] = [0.0] * 100
    kept.write_text(json.dumps(told))
    monkeypatch.setattr(code, "versions", lambda: {"neatfool": "of another day"})
    code.measuring_code.cache_clear()
    again = audit(file, *BUDGET, "--out", file.parent / "out", "--json")
    code.measuring_code.cache_clear()
    assert json.loads(again.stdout)["acceptance"] == card["acceptance"]


def test_a_second_audit_in_the_folder_says_that_there_is_one_before_it_begins(small, tmp_path):
    first = FileLock(tmp_path / ".lock")
    with first:
        second = audit(small[0], *BUDGET, "--out", tmp_path)
    assert second.exit_code == 5
    assert f"{tmp_path}: another process is running it; wait for it" in second.stderr
    assert not (tmp_path / "small-1").exists()
    assert "are to be scored" not in second.stderr
    assert audit(small[0], *BUDGET, "--out", tmp_path).exit_code == 0


def test_runs_of_another_search_are_refused(small):
    file, _ = small
    result = audit(
        file, *BUDGET, "--out", file.parent / "out", "--set", "scheme.batch=7", exit_code=5
    )
    assert "holds a run of another experiment ([scheme] batch" in result.stderr


def test_a_run_that_went_on_beyond_the_budget_is_refused(small):
    file, _ = small
    made = audit(file, *BUDGET, "--images", "40", "--out", file.parent / "out", exit_code=5)
    assert "more than the budget of 40; give --images 60" in made.stderr


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Make forty in-distribution images: dark and bright ones, in a folder for each."""
    folder = tmp_path_factory.mktemp("labelled")
    for name, grey in (("dark", 40), ("bright", 200)):
        (folder / name).mkdir()
        for number in range(20):
            Image.new("L", (8, 6), grey + number).save(folder / name / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def known(small, labelled, tmp_path_factory):
    """Audit the small target again, with these and a threshold."""
    file, _ = small
    out = tmp_path_factory.mktemp("known")
    options = ("--in-distribution", labelled, "--operating-point", "0.7")
    made = audit(
        file, *BUDGET, *options, "--json", out=out / "out", write=out / "card.html", exit_code=0
    )
    return json.loads(made.stdout), out


def test_the_card_leads_with_what_is_accepted_at_your_threshold(known):
    card, folder = known
    first, *_ = card["acceptance"]["kinds"]
    names = [each["name"] for each in card["acceptance"]["thresholds"]]
    assert names == ["yours", "usual", "recommended"]
    assert (first["group"], first["images"]) == ("in-distribution", 40)
    assert first["right"] > 0.5
    assert first["accepted"][names.index("usual")] >= 38
    evolved = card["acceptance"]["kinds"][1]
    with_image = [odds for each in card["classes"] for odds in each["log_odds"] if odds is not None]
    sure = sum(1 / (1 + np.exp(-odds)) >= 0.7 for odds in with_image)
    assert evolved["accepted"][0] == sure == sum(sum(c["accepted"]) for c in card["classes"])
    page = unescape((folder / "card.html").read_text()).replace("\u00a0", " ")
    assert (
        f"At your threshold, 70 %, it accepts {among(sure, 8, 'evolved image', 'evolved images')}"
        in page
    )
    kept = among(first["accepted"][0], 40, "in-distribution image", "in-distribution images")
    assert kept in page


def test_an_image_that_a_detector_in_front_rejects_is_accepted_at_no_threshold(tmp_path):
    (tmp_path / "lenet.ini").write_text("[target]\nplugin = mnist\n")
    lines = ["[target]", "plugin = guarded", "guards = lenet.ini", "detector = msp", "keeps = 0.8"]
    (tmp_path / "guarded.ini").write_text("\n".join([*lines, ""]))
    made = audit(
        tmp_path / "guarded.ini", *BUDGET, "--out", tmp_path / "out", "--json", exit_code=0
    )
    acceptance = json.loads(made.stdout)["acceptance"]
    usual = next(each for each in acceptance["thresholds"] if each["name"] == "usual")
    assert usual["passing"] == pytest.approx(0.8, abs=0.05)
    assert usual["confidence"] > 0.5


def test_only_classes_that_in_distribution_images_reach_count(known):
    card, _ = known
    reached = {each["name"] for each in card["classes"] if each["reached"]}
    assert "bright" in reached
    assert "school bus" not in reached
    assert card["fooled"]["classes"] == len(reached)
    assert len(reached & {*card["fooled"]["unreached"]}) == 0
    usual = card["acceptance"]["thresholds"][1]["log_odds"]
    for seed, part in enumerate(card["fooled"]["by_seed"]):
        beyond = [each["log_odds"][seed] for each in card["classes"] if each["reached"]]
        assert part == np.mean([odds is not None and odds >= usual for odds in beyond])
        assert (card["fooled"]["until_half_by_seed"][seed] is not None) == (part >= 0.5)


@pytest.mark.parametrize(("most", "code"), [("0", 9), ("0.99", 0)])
def test_too_many_accepted_are_an_exit_code(known, small, labelled, most, code):
    _, folder = known
    options = ("--in-distribution", labelled, "--operating-point", "0.7", "--max-accepted", most)
    made = audit(small[0], *BUDGET, "--out", folder / "out", *options, exit_code=code)
    assert "the largest share accepted at 70 % is" in made.stderr


def test_a_check_needs_a_threshold_and_says_so_before_the_search(tmp_path):
    made = audit(
        write_experiment(tmp_path), "--out", tmp_path / "out", "--max-accepted", "0.1", exit_code=2
    )
    assert "give --operating-point, or --in-distribution" in made.stderr
    assert not (tmp_path / "out").exists()


def test_a_network_that_changed_since_is_not_given_the_old_card(tmp_path):
    file = write_experiment(tmp_path)
    given = (file, "--images", "60", "--seeds", "1", "--out", tmp_path / "out")
    audit(*given, exit_code=0)
    (code,) = tmp_path.glob("*.py")
    code.write_text(f"{code.read_text()}\nCHANGED = True\n")
    second = audit(*given)
    assert second.exit_code != 0
    assert "the target is not the one that was searched" in second.stderr
    audit(*given[:3], "--seeds", "2", *given[5:], exit_code=0)


def test_what_cannot_be_read_is_refused_before_the_search(tmp_path):
    (tmp_path / "empty").mkdir()
    file = write_experiment(tmp_path)
    made = audit(
        file, *BUDGET, out=tmp_path / "out", in_distribution=tmp_path / "empty", exit_code=2
    )
    assert str(tmp_path / "empty") in made.stderr
    assert not (tmp_path / "out").exists()


def test_other_networks_see_the_images(small):
    file, _ = small
    larger = PLUGIN.replace("ImageSpec(6, 8", "ImageSpec(12, 16")
    to = write_target(file.parent / "other", larger)
    made = audit(file, *BUDGET, "--out", file.parent / "out", "--to", to, "--json")
    (network,) = json.loads(made.stdout)["transfer"]["networks"]
    assert network["experiment"] == str(to)
    assert network["images"] == 8


def test_a_file_with_only_a_target_is_searched_in_the_way_that_serves_best(tmp_path):
    file = write_target(tmp_path, name="mine")
    budget = ("--images", "60", "--seeds", "4", "--out", tmp_path / "out")
    made = audit(file, *budget, "--json", exit_code=0)
    card = json.loads(made.stdout)
    assert [card["name"], card["search"]["encoding"]["inputs"]] == ["mine", "normalised"]
    assert card["search"]["scheme"]["batch"] == 200
    assert any("has no section [encoding] and [scheme]" in note for note in card["notes"])


def test_a_target_that_costs_something_is_asked_only_what_is_allowed(tmp_path):
    file = write_experiment(tmp_path)
    (tmp_path / "patches.py").write_text(PLUGIN + METERED)
    file.write_text(file.read_text().replace("plugin = patches", "plugin = paid"))
    budget = (file, "--images", "40", "--seeds", "1", "--out", tmp_path / "out")
    refused = audit(*budget, exit_code=8)
    assert "--max-queries 1340" in refused.stderr
    assert not (tmp_path / "asked").exists()
    made = audit(*budget, "--max-queries", "1340", "--json", exit_code=0)
    assert json.loads(made.stdout)["images"] == 40
    asked = (tmp_path / "asked").read_text()
    assert 40 < len(asked) <= 1340
    again = audit(*budget, "--max-queries", "1340", "--json")
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


@pytest.mark.parametrize(
    ("name", "code", "said"),
    [("no/card.html", 6, "its folder does not exist"), ("card.docx", 2, ".csv, .md, .sarif")],
)
def test_a_file_that_cannot_be_written_is_refused_before_the_work(tmp_path, name, code, said):
    result = neatfool(
        "audit", write_experiment(tmp_path), "--write", tmp_path / name, exit_code=code
    )
    assert said in result.stderr


def test_in_distribution_images_that_are_not_there_are_refused_in_words(small, tmp_path):
    missing = {"in_distribution": tmp_path / "missing", "keep": tmp_path / "kept"}
    with pytest.raises(ExperimentError, match="missing"):
        make_card(small[1]["runs"], sample=2, **missing)


def test_the_card_has_the_hash_of_each_in_distribution_image_and_how_many_are_right(
    known, labelled
):
    card, folder = known
    images = [Image.open(file).convert("RGB") for file in labelled.rglob("*.png")]
    hashes = sorted(sha256(each.tobytes()).hexdigest()[:16] for each in images)
    assert card["known"]["images"] == hashes
    listed = "".join(f"{each}\n" for each in hashes).encode()
    assert card["known"]["sha256"] == sha256(listed).hexdigest()
    right = card["acceptance"]["kinds"][0]["right"] * 40
    assert card["known"]["right"] == round(right)
    assert f"of which {right:.0f} are classified correctly" in (folder / "card.html").read_text()


def test_an_entry_has_its_images_hashes_in_a_file_beside_it(small, labelled, tmp_path):
    options = ("--in-distribution", labelled, "--set", "about.network=Small", "--out", tmp_path)
    audit(small[0], *BUDGET, *options, "--write", tmp_path / "entry.json", exit_code=0)
    known = Entry.model_validate_json((tmp_path / "entry.json").read_bytes()).card.known
    assert known.images == []
    listed = (tmp_path / f"{known.sha256}.txt").read_bytes()
    assert sha256(listed).hexdigest() == known.sha256
    assert len(listed.split()) == known.number == 40


def test_digits_of_which_the_least_sure_are_left_out_are_told_first(tmp_path):
    file = tmp_path / "lenet.ini"
    file.write_text("[target]\nplugin = mnist\n")
    target = make_target(file)
    digits = [*target.photographs().values()]
    images = np.stack([np.asarray(each)[None] for each in digits])
    sure = np.asarray(target.score(torch.from_numpy(images)).probs).max(1)
    chosen, every = tmp_path / "chosen", tmp_path / "every"
    for folder, places in ((chosen, np.argsort(sure)[75:]), (every, range(300))):
        folder.mkdir()
        for place in places:
            digits[place].save(folder / f"{place}.png")
    told = []
    for folder in (chosen, every):
        given = ("--in-distribution", folder, "--out", tmp_path / "out", "--json")
        told.append(json.loads(audit(file, *BUDGET, *given).stdout)["warnings"])
    ((warning,), none) = told
    assert "differ from the usual 300 of LeNet: " in warning
    assert "of them, rather than half, are above the usual median" in warning
    assert "75 of these were left out" in warning
    assert none == []


@pytest.mark.parametrize("told", [True, False])
def test_an_accuracy_that_is_out_of_line_with_the_stated_one_is_told_first(
    known, small, labelled, told
):
    stated = 0.02 if told else known[0]["known"]["right"] / 40
    options = ("--in-distribution", labelled, "--set", f"about.accuracy={stated}")
    made = audit(small[0], *BUDGET, "--out", known[1] / "out", *options, exit_code=0)
    first = " ".join(made.stdout.split())[:300]
    assert ("do not fit the accuracy that [about] gives" in first) == told


def test_a_stated_accuracy_is_a_share(small, tmp_path):
    made = audit(
        small[0], *BUDGET, "--set", "about.accuracy=98 %", "--out", tmp_path / "out", exit_code=2
    )
    assert "[about] accuracy = 98 %: is no share; write a number from 0 to 1" in made.stderr


def test_images_that_a_known_network_names_rightly_too_often_are_told():
    lite0 = next(each for each in read_usual_images() if each.name == "efficientnet-lite0")
    odds = [-1.0, 9.0] * 375
    as_usual = KnownImages(images=[], sha256="", number=750, right=662)
    easier = as_usual.model_copy(update={"right": 728})
    assert [*check_known_images(as_usual, odds, lite0.fingerprint, None)] == []
    (told,) = check_known_images(easier, odds, lite0.fingerprint, None)
    assert "97.1 % of them, rather than 88.3 %, are classified correctly" in told


def test_a_longer_search_judges_the_recommended_threshold_too(small, tmp_path):
    made = audit(small[0], *BUDGET, "--longer", "200", "--out", tmp_path, "--json", exit_code=0)
    acceptance = json.loads(made.stdout)["acceptance"]
    best = next(each for each in acceptance["thresholds"] if each["name"] == "recommended")
    for part, folder in (("held_out", ""), ("longer", "longer")):
        with closing(open_run(tmp_path / folder / "small-2")) as run:
            sure = sum(elite.confidence >= best["confidence"] for elite in run)
        assert acceptance[part]["seeds"] == [2]
        assert acceptance[part]["accepted"]["evolved"] == [sure, 4]
    assert acceptance["longer_images"] == 200
