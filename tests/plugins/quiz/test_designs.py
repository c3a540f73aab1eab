"""The designs of a quiz: what each offers, its file, and what is made of answers to it."""

import base64
import json
import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from commands import CLASSES, neatfool, run_small

from neatfool import analysis, errors, open_run
from neatfool_plugins.quiz.answers import QuizAnswer, records_of
from neatfool_plugins.quiz.recognition import Agreement


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    return [run_small(folder, f"experiment.seed={seed}", out=f"run-{seed}") for seed in (3, 4)]


def asked(runs, page, design, *options, exit_code=0):
    """Write a quiz; give its rows, and its preregistered design."""
    neatfool("quiz", *runs, "-o", page, "--design", design, *options, exit_code=exit_code)
    told = json.loads(re.search(r'id="told">(.*?)</script>', page.read_text())[1])
    rows = json.loads(base64.b64decode(told["key"]))
    plan = json.loads(page.with_suffix(".design.json").read_text())
    assert told["quiz"] == plan["quiz"]
    return [row | {"quiz": told["quiz"]} for row in rows], plan


def choices(row):
    return [row[name] for name in row if name.startswith("choice_")]


def answers(rows, agree, players, seed=1):
    """Let simulated players answer: each agrees with the network as often as ``agree`` says."""
    chance, given = np.random.default_rng(seed), []
    for player in range(players):
        for row in rows:
            others = [name for name in choices(row) if name != row["class"]]
            right = chance.random() < agree(row)
            said = row["class"] if right else str(chance.choice(others))
            told = row | {"image": str(row["image"]), "player": str(player), "answer": said}
            given.append(QuizAnswer.model_validate(told))
    return given


def save(file, given):
    file.write_text(records_of(given).csv())
    return file


def test_two_choices_are_the_class_and_another(runs, tmp_path):
    rows, _ = asked(runs, tmp_path / "q.html", "two-choices")
    assert {row["kind"] for row in rows} == {"evolved"}
    for row in rows:
        assert len({*choices(row)}) == 2
        assert row["class"] in choices(row)
    assert len({tuple(choices(row)) for row in rows}) > 2


def test_the_near_choice_is_the_class_that_the_network_ranks_next(runs, tmp_path):
    rows, _ = asked(runs, tmp_path / "q.html", "near-choices")
    opened = {run.seed: run for run in map(open_run, runs)}
    assert len(rows) == 8
    for row in rows:
        (first, _), (second, _), *_ = opened[row["seed"]][row["class"]].top
        assert {*choices(row)} == {first, second}


def test_many_choices_are_all_classes_of_the_images_in_one_order(runs, tmp_path):
    rows, _ = asked(runs, tmp_path / "q.html", "many-choices", "--classes", "0,1,3")
    assert len(rows) == 6
    for row in rows:
        assert choices(row) == sorted([CLASSES[0], CLASSES[1], CLASSES[3]])


def test_encodings_are_compared_by_images_of_the_same_classes(runs, tmp_path):
    direct = run_small(tmp_path, "encoding.plugin=direct", "experiment.generations=60")
    options = ("--sample", 4, "--least", 0)
    rows, _ = asked([runs[0], direct], tmp_path / "q.html", "encodings", *options)
    classes = defaultdict(set)
    for row in rows:
        classes[row["condition"]].add(row["class"])
    assert {*classes} == {"cppn, patches", "direct, patches"}
    assert len(classes["cppn, patches"]) == 2
    assert classes["cppn, patches"] == classes["direct, patches"]
    assert {tuple(choices(row)) for row in rows} == {tuple(sorted(classes["cppn, patches"]))}


def test_encodings_of_one_kind_are_not_compared(runs, tmp_path):
    said = neatfool("quiz", *runs, "-o", tmp_path / "q.html", "--design", "encodings", exit_code=2)
    assert "all runs are of cppn, patches; give runs of two" in said.output


def test_the_best_image_of_a_class_is_the_one_that_was_named_most_often(runs, tmp_path):
    rows, _ = asked(runs, tmp_path / "first.html", "two-choices")
    given = answers(rows, lambda row: row["seed"] == 4, players=3)
    file = save(tmp_path / "answers.csv", given)
    rows, _ = asked(runs, tmp_path / "q.html", "best-images", "--prestudy", file)
    seeds = {"best": 4, "typical": 3}
    assert Counter(row["class"] for row in rows) == dict.fromkeys(CLASSES, 2)
    assert {(row["condition"], row["seed"]) for row in rows} == {*seeds.items()}
    assert {len(choices(row)) for row in rows} == {4}
    parts = []
    for seed in (3, 4):
        part = [each for each in given if each.seed == seed]
        parts += ["--prestudy", save(tmp_path / f"{seed}.csv", part)]
    assert asked(runs, tmp_path / "parts.html", "best-images", *parts)[0] == rows
    refused = neatfool("quiz", *runs, "--design", "best-images", exit_code=2)
    assert "give --prestudy" in refused.stderr
    lonely = neatfool("quiz", runs[0], "--design", "best-images", "--prestudy", file, exit_code=2)
    assert "answers to two images of no class" in lonely.stderr


def test_a_design_is_read_again_and_other_images_are_refused(runs, tmp_path):
    options = ("--seed", 7, "--sample", 4, "--players", 12)
    rows, plan = asked(runs, tmp_path / "q.html", "near-choices", *options)
    file = tmp_path / "q.design.json"
    assert plan["settings"]["players"] == 12
    again = asked(runs, tmp_path / "again.html", file)
    assert again == (rows, plan)
    refused = neatfool("quiz", runs[0], "-o", tmp_path / "x.html", "--design", file, exit_code=2)
    assert "these runs give other questions than the design" in refused.stderr
    assert not (tmp_path / "x.html").exists()
    file.write_text("{")
    refused = neatfool("quiz", *runs, "--design", file, exit_code=2)
    assert "is no design (Invalid JSON" in refused.stderr
    file.write_text(json.dumps(plan).replace("near-choices", "far-choices"))
    refused = neatfool("quiz", *runs, "--design", file, exit_code=2)
    assert "there is no design 'far-choices'" in refused.stderr
    assert "No such file" in neatfool("quiz", *runs, "--design", "far", exit_code=2).stderr


def test_answers_are_checked_against_the_design(runs, tmp_path):
    rows, _ = asked(runs, tmp_path / "q.html", "two-choices", "--players", 9)
    given = answers(rows, lambda row: 1, players=2)
    design = tmp_path / "q.design.json"
    found = analysis.recognise(save(tmp_path / "a.csv", given), design=design)
    assert (found.planned, found.players, found.kinds[0].right.value) == (9, 2, 1)
    assert "9 players are planned" in " ".join(block.text for block in found.story() if block.text)
    first = given[0]
    for edited in (
        {"right": next(name for name in first.choices if name != first.right)},
        {"quiz": "another"},
        {"image": "99"},
        {"choices": (*first.choices, "zebra")},
        {"design": "five-choices"},
    ):
        file = save(tmp_path / "b.csv", [first.model_copy(update=edited)])
        with pytest.raises(errors.ExperimentError, match="no question of the preregistered"):
            analysis.recognise(file, design=design)


def test_another_design_is_not_overwritten(runs, tmp_path):
    page = tmp_path / "q.html"
    _, plan = asked(runs, page, "two-choices")
    kept = page.read_bytes()
    refused = neatfool("quiz", *runs, "-o", page, "--seed", 2, "--photographs", 0, exit_code=2)
    assert "holds another design; give another --out, or delete it" in refused.stderr
    assert page.read_bytes() == kept
    assert asked(runs, page, "two-choices")[1] == plan


@pytest.mark.parametrize("edited", ["hypothesis", "statistic", "seed", "sample", "sha256"])
def test_an_edited_design_is_refused(runs, tmp_path, edited):
    rows, plan = asked(runs, tmp_path / "q.html", "two-choices")
    file = save(tmp_path / "a.csv", answers(rows, lambda row: 1, players=1))
    place = next(p for p in (plan, plan["settings"], plan["questions"][0]) if edited in p)
    place[edited] = 99 if isinstance(place[edited], int) else "another"
    design = tmp_path / "q.design.json"
    design.write_text(json.dumps(plan))
    with pytest.raises(errors.ExperimentError, match="it was edited"):
        analysis.recognise(file, design=design)
    assert "it was edited" in neatfool("quiz", *runs, "--design", design, exit_code=2).stderr


def test_a_known_agreement_of_simulated_players_is_within_the_interval():
    """Of 200 studies, 95 % intervals hold the truth in 190, and in 180 or fewer by 0.3 % chance."""
    chance, players, images, held = np.random.default_rng(5), 12, 24, 0
    facts = {"kind": "evolved", "right": "a", "choices": ("a", "b"), "design": "two-choices"}
    given = {
        (player, right): QuizAnswer.model_construct(
            **facts, answer="a" if right else "b", player=str(player)
        )
        for player in range(players)
        for right in (False, True)
    }
    # People differ, and so do images.
    easy = 0.8 * chance.beta(1, 1.5, images)
    for _ in range(200):
        said = chance.random((players, images)) < easy * chance.uniform(0.8, 1.2, (players, 1))
        rows = [given[player, bool(each)] for player in range(players) for each in said[player]]
        found = Agreement.of("all", rows)
        assert found.mean.value == pytest.approx(said.mean())
        held += found.mean.low <= easy.mean() <= found.mean.high
    assert 181 <= held <= 199


def test_the_published_agreement_stands_beside_ours(runs, tmp_path):
    rows, _ = asked(runs, tmp_path / "q.html", "two-choices")
    file = save(tmp_path / "a.csv", answers(rows, lambda row: 0.74, players=60))
    (found,) = analysis.recognise(file).agreement
    assert (found.players, found.chance) == (60, 0.5)
    assert found.mean.low < 0.74 < found.mean.high
    assert found.p < 1e-4
    said = neatfool("recognise", file, exit_code=0).stdout
    assert "74 % (chance 50 %)" in said
    assert "Published agreement with other networks and images: Zhou & Firestone 2019" in said


def test_one_player_has_the_interval_of_the_answers(runs, tmp_path):
    rows, _ = asked(runs, tmp_path / "q.html", "two-choices")
    (found,) = analysis.recognise(
        save(tmp_path / "a.csv", answers(rows, lambda row: 1, 1))
    ).agreement
    assert (found.mean.value, found.p) == (1, None)
    assert 0.5 < found.mean.low < 1
