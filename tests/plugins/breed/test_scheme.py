"""The scheme that a person leads: what each action shows, and what is recorded of it."""

import time
from contextlib import closing

import pytest
from breeding import ScriptedPerson, breed, choose

from neatfool import cppn, open_run


def pictures(shown):
    return shown["pictures"]


def test_children_descend_from_the_pictures_that_are_chosen(tmp_path):
    person = ScriptedPerson(choose(3), choose(0, 5))
    breed(person, tmp_path / "run")
    with closing(open_run(tmp_path / "run")) as run:
        rows = [*run.store.rows("parent", "ORDER BY candidate")]
    first = {parent for child, _, parent in rows if child < 32}
    second = {parent for child, _, parent in rows if child >= 32}
    assert (first, second) == ({3}, {16, 21})
    assert [len(each["pictures"]) for each in person.seen] == [16, 16, 16]


def test_no_child_looks_like_its_parent(tmp_path):
    person = ScriptedPerson(choose(2, strength=1 / 8, structure=0))
    breed(person, tmp_path / "run")
    before, after = person.seen
    assert pictures(before)[2] not in pictures(after)


def test_back_and_forward_show_the_same_pictures_with_what_was_chosen(tmp_path):
    actions = [choose(1, strength=2.0), choose(2, 7), {"kind": "back"}, {"kind": "back"}]
    person = ScriptedPerson(*actions, {"kind": "forward"}, {"kind": "forward"})
    breed(person, tmp_path / "run")
    first, second, third, *again = person.seen
    assert [*map(pictures, again)] == [*map(pictures, (second, first, second, third))]
    assert [each["chosen"] for each in again] == [[2, 7], [1], [2, 7], []]
    assert [each["back"] for each in person.seen] == [False, True, True, True, False, True, True]
    assert [each["forward"] for each in again] == [True, True, True, False]
    assert again[1]["strength"] == 2.0


def test_another_choice_after_back_leads_elsewhere(tmp_path):
    person = ScriptedPerson(choose(1), {"kind": "back"}, choose(1), {"kind": "back"})
    breed(person, tmp_path / "run")
    first, second, _, third, last = person.seen
    assert pictures(third) not in (pictures(first), pictures(second))
    assert pictures(last) == pictures(first)


def test_what_is_kept_is_an_elite_of_its_name_at_once(tmp_path):
    keep = {"kind": "keep", "places": [4], "name": "evening  sea"}
    person = ScriptedPerson(choose(0), keep, keep | {"places": [6, 7]})
    run = breed(person, tmp_path / "run")
    assert [elite.name for elite in run] == ["evening sea", "evening sea 2", "evening sea 3"]
    assert pictures(person.seen[1]) == pictures(person.seen[-1])
    kept = [each["picture"] for each in person.seen[-1]["kept"]]
    assert kept == [pictures(person.seen[1])[place] for place in (4, 6, 7)]
    assert [ancestor.generation for ancestor in run.lineage("evening sea")] == [2, 0]
    assert (tmp_path / "run" / "images" / "0000-evening-sea.png").exists()


def test_the_time_to_think_belongs_to_no_stage(tmp_path, monkeypatch):
    act, clock, thought = ScriptedPerson.act, time.perf_counter, []

    def think_for_an_hour(person, shown):
        thought.append(3600)
        return act(person, shown)

    monkeypatch.setattr(ScriptedPerson, "act", think_for_an_hour)
    monkeypatch.setattr(time, "perf_counter", lambda: clock() + sum(thought))
    run = breed(ScriptedPerson(choose(0), choose(1)), tmp_path / "run")
    assert sum(thought) == 3 * 3600
    assert all(0 < each.stages.breeding <= each.stages.elapsed < 3600 for each in run.history)


def test_a_session_that_is_stopped_anywhere_goes_on_to_the_bit(tmp_path):
    actions = [
        *(choose(1), choose(2, 3, strength=4.0), {"kind": "keep", "places": [5], "name": "a"}),
        *({"kind": "back"}, choose(9, structure=0.5), {"kind": "back"}, {"kind": "forward"}),
    ]
    whole = ScriptedPerson(*actions)
    breed(whole, tmp_path / "whole")
    seen = []
    for action in [*actions, None]:
        person = ScriptedPerson(*([action] if action else []))
        breed(person, tmp_path / "parts")
        seen.append(person.seen[0])
    assert seen == whole.seen


def test_a_session_can_begin_with_a_genome(tmp_path):
    other = breed(ScriptedPerson({"kind": "keep", "places": [3]}), tmp_path / "other")
    person = ScriptedPerson(choose(0))
    person.beginning = other.elite("picture").genome_text
    breed(person, tmp_path / "run")
    with closing(open_run(tmp_path / "run")) as run:
        assert {parent for child, _, parent in run.store.rows("parent") if child < 17} == {0}
        first = run.encoding.loads(person.beginning)
        assert cppn.dumps(first) == person.beginning
    assert len(person.seen[0]["pictures"]) == 16
    assert not person.seen[0]["back"]


@pytest.mark.parametrize("name", ["", "   "])
def test_a_picture_without_a_name_gets_one(tmp_path, name):
    run = breed(ScriptedPerson({"kind": "keep", "places": [0, 1], "name": name}), tmp_path / "run")
    assert [elite.name for elite in run] == ["picture", "picture 2"]
