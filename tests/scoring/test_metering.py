from concurrent.futures import wait
from dataclasses import replace
from threading import Event

import numpy as np
import pytest
from paid import PaidToy, TopTwo, gone, paid_assembly
from searches import Silence, toy_assembly

from neatfool import (
    ExperimentError,
    Labels,
    PluginError,
    Scores,
    TargetError,
)
from neatfool.evolution.resuming import resume
from neatfool.evolution.session import start
from neatfool.fooling.open_runs import open_run
from neatfool.present import write_report
from neatfool.scoring import metering
from neatfool.testing import ToyEncoding, check_plugin
from neatfool_plugins.single_class import Options, SingleClass
from tests.support.databases import contents


@pytest.mark.parametrize("target", [PaidToy, TopTwo])
def test_a_metered_target_keeps_its_contract(target):
    check_plugin("target", target)


CHECK = 2
"""Queries, and requests, that the check takes with which each start begins."""


def go(folder, target, **how):
    session = start(paid_assembly(target, **how), folder)
    return session.go(Silence()), session


def go_on(folder, target, **how):
    return resume(lambda _resolved, _plan: paid_assembly(target, **how), folder).go(Silence())


def elites(folder):
    database = contents(folder / "run.db")
    return database["elite"], database["candidate"], database["generation"]


@pytest.fixture
def whole(tmp_path):
    """The database of a run that nothing disturbed."""
    go(tmp_path / "whole", PaidToy())
    return contents(tmp_path / "whole" / "run.db")


def test_a_target_that_costs_something_finds_what_it_finds_for_nothing(tmp_path, whole):
    start(toy_assembly(), tmp_path / "free").go(Silence())
    free = contents(tmp_path / "free" / "run.db")
    for table in ("elite", "candidate", "generation", "replacement", "image"):
        assert whole[table] == free[table]


def test_no_image_is_asked_for_twice(tmp_path):
    target = PaidToy()
    outcome, _ = go(tmp_path / "run", target, generations=30)
    images = np.concatenate(target.asked[CHECK:])
    assert len(np.unique(images.reshape(len(images), -1), axis=0)) == len(images)
    assert outcome.evaluations == 600
    assert len(images) <= 600


def test_answers_are_looked_up_in_one_statement_a_generation(tmp_path, opened):
    assembly = paid_assembly(PaidToy(), generations=4)
    session = start(assembly, tmp_path / "run")
    statements = []
    opened[-1].set_trace_callback(statements.append)
    session.go(Silence())
    looked_up = [each for each in statements if "SELECT image, scores" in each]
    assert len(looked_up) == 4


def test_equal_images_are_asked_for_once():
    target = PaidToy()
    scoring = paid_assembly(target).scorer.generation()
    image = np.random.default_rng(0).integers(0, 256, (1, 1, 4, 4), np.uint8)
    import torch

    scoring.add(torch.from_numpy(image).expand(20, 1, 4, 4))
    scores = scoring.result()
    assert target.queries == 1
    assert scores.probs.shape == (20, 5)
    assert (scores.probs == scores.probs[0]).all()


def test_images_are_counted_as_they_are_answered():
    target = PaidToy()
    scoring = paid_assembly(target).scorer.generation()
    images = np.random.default_rng(0).integers(0, 256, (20, 1, 4, 4), np.uint8)
    import torch

    scoring.add(torch.from_numpy(images))
    scoring.result()
    assert sorted(scoring.answered) == [6, 7, 7]


def test_the_budget_ends_the_run_with_what_was_found(tmp_path):
    target = PaidToy()
    outcome, session = go(tmp_path / "run", target, queries=50 + CHECK)
    assert (outcome.reason, outcome.evaluations) == ("spent", 50)
    assert outcome.cause == "52 of 52 queries (max_queries) are spent"
    assert target.queries == 52
    assert len(open_run(tmp_path / "run")) == 5
    assert session.queries_to_the_end() == (pytest.approx(120, abs=10), pytest.approx(22, abs=3))


def test_a_budget_of_requests_ends_the_run_with_what_was_found(tmp_path):
    target = PaidToy()
    outcome, _ = go(tmp_path / "run", target, requests=4 + CHECK)
    assert (outcome.reason, outcome.evaluations) == ("spent", 27)
    assert len(target.asked) == 4 + CHECK


def test_a_run_whose_budget_is_spent_stays_so(tmp_path):
    go(tmp_path / "run", PaidToy(), queries=50)
    before = contents(tmp_path / "run" / "run.db")
    target = PaidToy()
    assert go_on(tmp_path / "run", target, queries=50).reason == "spent"
    assert not target.asked
    assert contents(tmp_path / "run" / "run.db") == before


def test_once_a_call_has_failed_no_other_is_begun(tmp_path):
    def fails(call):
        if call > CHECK:
            raise TargetError("no")

    class OneByOne(PaidToy):
        batch_size = 1

    target = OneByOne(wrong=fails)
    with pytest.raises(TargetError, match="no"):
        go(tmp_path / "run", target)
    assert len(target.asked) <= CHECK + target.concurrency


def test_a_target_that_is_gone_pauses_the_run(tmp_path, whole):
    target = PaidToy(wrong=lambda call: gone(call) if call > 8 + CHECK else None)
    outcome, _ = go(tmp_path / "run", target)
    assert (outcome.reason, outcome.cause) == ("paused", "nobody answers")
    assert target.closed
    again = PaidToy()
    assert go_on(tmp_path / "run", again).reason == "finished"
    assert contents(tmp_path / "run" / "run.db") == whole
    answered = sum(len(images) for images in target.asked[CHECK : 8 + CHECK])
    assert answered + again.queries - CHECK == 120


def test_a_failure_is_told_and_what_was_answered_is_kept(tmp_path, whole):
    def fails(call):
        if call == 9 + CHECK:
            raise TargetError("target 'paid': no")

    with pytest.raises(TargetError, match="target 'paid': no"):
        go(tmp_path / "run", PaidToy(wrong=fails))
    assert go_on(tmp_path / "run", PaidToy()).reason == "finished"
    assert contents(tmp_path / "run" / "run.db") == whole


def test_a_budget_that_ends_in_retries_is_spent_whatever_waits(tmp_path):
    class Retries(PaidToy):
        concurrency = 1
        batch_size = 1

        def score(self, images):
            for _ in range(4):
                self._ledger.debit(1)
            return super().score(images)

    target = Retries()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metering, "wait", wait_for_all)
        outcome, _ = go(tmp_path / "run", target, queries=33 + 5 * CHECK)
    assert (outcome.reason, outcome.evaluations) == ("spent", 6)


def wait_for_all(futures, **_):
    """Wait so long that every call that waited has begun before any is cancelled."""
    return wait(futures)


def test_refused_answers_of_an_earlier_process_are_asked_for_again(tmp_path, whole):
    class Broken(PaidToy):
        def answer(self, images):
            return Scores(np.full((len(images), 5), np.nan))

    outcome, _ = go(
        tmp_path / "run", Broken(wrong=lambda call: gone(call) if call > 1 + CHECK else None)
    )
    assert outcome.reason == "paused"
    with pytest.raises(TargetError, match="not one of 20 images"):
        go_on(tmp_path / "run", Broken())
    assert go_on(tmp_path / "run", PaidToy()).reason == "finished"
    assert contents(tmp_path / "run" / "run.db") == whole


def test_a_target_may_name_nothing_at_first(tmp_path):
    class Shy(TopTwo):
        def answer(self, images):
            named = super().answer(images)
            return named if len(self.asked) > 4 + CHECK else Labels([{} for _ in images])

    outcome, _ = go(tmp_path / "run", Shy(), generations=12)
    assert outcome.reason == "finished"
    assert len(open_run(tmp_path / "run")) >= 2


def test_one_class_after_another_needs_to_know_which():
    with pytest.raises(ExperimentError, match="name them with classes"):
        SingleClass(Options(), encoding=ToyEncoding(), spec=TopTwo().spec, seed=1)


def test_refused_answers_are_counted_and_never_become_elites(tmp_path):
    class Doubtful(PaidToy):
        def answer(self, images):
            scores = super().answer(images)
            return Scores(scores.probs, scores.logits, images[:, 0, 0, 0] < 128)

    go(tmp_path / "run", Doubtful())
    run = open_run(tmp_path / "run")
    assert 3 < sum(report.refused for report in run.history) < 100
    assert all(elite.image().getpixel((0, 0)) < 128 for elite in run)


class Sloppy(PaidToy):
    """Answers nonsense to an image the first time that it is asked about it, if that is bright."""

    concurrency = 1

    def __init__(self, **more):
        super().__init__(**more)
        self.known = set()

    def answer(self, images):
        scores = super().answer(images)
        keys = [image.tobytes() for image in images]
        ok = [key in self.known or key[0] < 128 for key in keys]
        self.known.update(keys)
        return Scores(scores.probs, scores.logits, np.array(ok))


def test_an_answer_that_cannot_be_used_is_asked_for_once_more(tmp_path, whole):
    target = Sloppy()
    go(tmp_path / "run", target)
    assert contents(tmp_path / "run" / "run.db") == whole
    assert 130 < target.queries < 230


def test_it_is_not_asked_for_again_beyond_the_budget():
    target = Sloppy()
    images = _images(7)
    bright = sum(int(image.flatten()[0]) >= 128 for image in images)
    scores = paid_assembly(target, queries=7).scorer.score(images)
    assert 0 < bright == (~scores.ok).sum()
    assert target.queries == 7


def test_what_another_call_takes_back_is_no_missing_debit():
    class Refused(PaidToy):
        """Of two calls, one was refused a connection while the other was answered."""

        concurrency = 1

        def score(self, images):
            self._ledger.take_back(self.other)
            return super().score(images)

    target = Refused()
    scorer = paid_assembly(target).scorer
    target.other = scorer.metered.ledger.debit(3)
    assert scorer.score(_images(3)).ok.all()


def test_the_reason_of_a_failure_is_told_and_not_what_the_stop_breaks(tmp_path):
    class Closed(PaidToy):
        def __init__(self):
            super().__init__()
            self.ended, self.second = Event(), Event()

        def score(self, images):
            if len(images) == 1:  # whether it repeats itself
                return super().score(images)
            self._ledger.debit(len(images))
            with self._lock:
                self.asked.append(images)
                first = len(self.asked) == 3
            if first:
                self.second.set()
                self.ended.wait(60)
                raise RuntimeError("Cannot send a request, as the client has been closed.")
            self.second.wait(60)
            raise TargetError("the key is wrong")

        def close(self):
            self.ended.set()

    with pytest.raises(TargetError, match="the key is wrong"):
        go(tmp_path / "run", Closed())


def test_a_target_that_does_not_debit_is_told():
    class Forgets(PaidToy):
        def score(self, images):
            return self.answer(images)

    with pytest.raises(PluginError, match="without a debit"):
        paid_assembly(Forgets()).scorer.score(_images(3))


def test_classes_that_turn_up_are_searched(tmp_path):
    go(tmp_path / "run", TopTwo(), generations=20)
    run = open_run(tmp_path / "run")
    assert sorted(run.classes) == [*"abcde"]
    assert len(run) == 5
    assert all(elite.confidence > 0.5 for elite in run)
    assert sorted(path.name[:5] for path in (tmp_path / "run" / "images").glob("*")) == [
        f"{n:04}-" for n in range(5)
    ]


def test_classes_turn_up_in_the_same_order_whatever_ends_first(tmp_path):
    class OneByOne(TopTwo):
        concurrency = 1

    go(tmp_path / "run", TopTwo(), generations=12)
    go(tmp_path / "one", OneByOne(), generations=12)
    assert elites(tmp_path / "run") == elites(tmp_path / "one")
    assert open_run(tmp_path / "run").classes == open_run(tmp_path / "one").classes


def test_a_run_with_growing_classes_is_resumed_exactly(tmp_path):
    go(tmp_path / "whole", TopTwo(), generations=12)
    target = TopTwo(wrong=lambda call: gone(call) if call > 5 + CHECK else None)
    go(tmp_path / "run", target, generations=12)
    go_on(tmp_path / "run", TopTwo(), generations=12)
    assert contents(tmp_path / "run" / "run.db") == contents(tmp_path / "whole" / "run.db")


def test_a_class_that_no_answer_names_has_no_elite(tmp_path):
    class NeverE(TopTwo):
        def __init__(self):
            super().__init__()
            self.spec = replace(self._toy.spec, sums_to_one=False)

        def answer(self, images):
            found = super().answer(images).found
            return Labels([{k: v for k, v in each.items() if k != "e"} for each in found])

    go(tmp_path / "run", NeverE())
    assert sorted(elite.name for elite in open_run(tmp_path / "run")) == [*"abcd"]


def test_the_report_says_what_was_spent(tmp_path):
    _, session = go(tmp_path / "run", PaidToy(), queries=50 + CHECK)
    page = write_report(session.run).read_text()
    assert "52 queries in 10 requests (10 answered)" in page


def _images(count):
    import torch

    draw = np.random.default_rng(count)
    return torch.from_numpy(draw.integers(0, 256, (count, 1, 4, 4), np.uint8))


def test_a_larger_budget_goes_on(tmp_path):
    go(tmp_path / "run", PaidToy(), queries=50)
    target = PaidToy()
    outcome = go_on(tmp_path / "run", target, queries=200)
    assert outcome.reason == "finished"
    assert CHECK < target.queries <= 120 - 20
