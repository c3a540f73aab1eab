"""What the target was sent, and what is left of the budget."""

from __future__ import annotations

from types import SimpleNamespace

from neatfool_plugins.trackers.tracking import count_budget


def test_the_budget_of_a_target_that_costs_something_is_told():
    run = SimpleNamespace(
        requests={"answered": (3, 60), "failed": (1, 20)},
        experiment={"target": {"max_queries": 500, "max_requests": None}},
    )
    assert count_budget(run) == {
        "budget/requests sent": 4,
        "budget/queries sent": 80,
        "budget/queries left": 420,
    }


def test_a_target_that_costs_nothing_has_no_budget():
    assert count_budget(SimpleNamespace(requests={}, experiment={})) == {}
