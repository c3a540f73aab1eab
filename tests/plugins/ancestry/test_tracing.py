"""What ancestry measures: broad kinds, goal switches, founders, and images that are alike."""

import csv
import io
import json
from contextlib import closing
from types import SimpleNamespace

import jsonschema
import networkx as nx
import numpy as np
import pytest
from commands import CLASSES, neatfool
from scipy.sparse import csr_array

from neatfool import analysis, fool, open_run
from neatfool_plugins.ancestry import measure, relations
from neatfool_plugins.ancestry.broad_kinds import BroadKinds, find_kinds
from neatfool_plugins.ancestry.diversity import Diversity, founder_shares, measure_diversity
from neatfool_plugins.ancestry.goal_switches import GoalSwitches, goal_switches
from neatfool_plugins.ancestry.measure import Ancestry
from neatfool_plugins.ancestry.relations import relate_kinds, relate_runs, share_nearer
from neatfool_plugins.imagenet import imagenet_labels


def test_wordnet_knows_all_classes_of_imagenet_and_no_others():
    names = imagenet_labels()
    kinds = find_kinds(names)
    assert (kinds.places >= 0).all()
    for name, kind in {
        "beagle": "dog, wolf, fox",
        "tabby": "cat",
        "zebra": "other mammal",
        "robin": "bird",
        "school bus": "vehicle",
        "banjo": "musical instrument",
        "strawberry": "food, plant",
        "volcano": "landscape",
    }.items():
        assert kinds.names[kinds.places[names.index(name)]] == kind
    assert find_kinds([str(digit) for digit in range(10)]) is None


# --- goal switches


def test_a_switch_comes_from_each_class_that_the_fitter_parent_held_in_equal_parts():
    graph = nx.DiGraph()
    graph.add_node(1, generation=0, held={"a": 0.5, "b": 0.5})
    graph.add_node(2, generation=0, held={"c": 0.5, "d": 0.5})
    graph.add_node(3, generation=1, held={"a": 0.6, "c": 0.6})  # it is its parent's niche a
    graph.add_edge(1, 3, position=0)
    graph.add_edge(2, 3, position=1)  # and c, of the other parent
    graph.add_node(4, generation=2, held={"d": 0.7})
    graph.add_edge(1, 4, position=0)
    graph.add_node(5, generation=3, held={"b": 0.8})
    graph.add_edge(3, 5, position=0)
    run = SimpleNamespace(classes=list("abcd"), searched=[0, 1, 2, 3])
    found = goal_switches(run, graph)
    # d from b, as 1 had lost a to 3; b from a and c, which 3 held.
    assert found.counts == [[0, 0.5, 0, 0], [0, 0, 0, 1], [0, 0.5, 0, 0], [0] * 4]
    assert found.total == 2
    assert found.within() == (0, 0)


def test_a_ratio_to_chance_has_an_interval_and_needs_five_switches():
    none = csr_array((0, 2))
    counts, expected = [[0, 5], [4, 0]], [[0, 0.5], [0.5, 0]]
    found = GoalSwitches(
        groups=("a", "b"),
        of_kinds=False,
        counts=counts,
        expected=expected,
        origins=none,
        taken=none,
    )
    _, table = found.blocks()
    assert table.rows == [("a", "b", "5", "10.0 x (3.2 to 23.3)"), ("b", "a", "4", "-")]


def test_switches_between_a_hundred_thousand_classes_need_no_matrix_of_all_pairs():
    classes = [f"c{number}" for number in range(100_000)]
    graph = nx.DiGraph()
    graph.add_node(1, generation=0, held=dict.fromkeys(classes[::2], 0.5))
    graph.add_node(2, generation=0, held=dict.fromkeys(classes[1::2], 0.5))
    graph.add_node(3, generation=1, held=dict.fromkeys(classes[1::2], 0.6))
    graph.add_edge(1, 3, position=0)
    found = goal_switches(SimpleNamespace(classes=classes, searched=range(100_000)), graph)
    assert found.total == pytest.approx(50_000)
    assert len(found.groups) == 24


# --- images that are alike


@pytest.fixture
def few_permutations(monkeypatch):
    monkeypatch.setattr(relations, "PERMUTATIONS", 199)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


@pytest.mark.usefixtures("few_permutations")
def test_a_planted_relation_is_found_and_gone_when_labels_are_shuffled():
    rng = np.random.default_rng(0)
    kinds = np.arange(40) % 5
    rows = unit(rng.normal(size=(5, 20))[kinds] + rng.normal(size=(40, 20)))
    found = relate_kinds(rows, kinds)
    same = (kinds[:, None] == kinds) & ~np.eye(40, dtype=bool)
    assert found.observed == pytest.approx((rows @ rows.T)[same].mean())
    assert found.p == 1 / 200
    assert relate_kinds(rows, rng.permutation(kinds)).p > 0.05
    assert abs(found.by_chance) < 0.1 < found.observed


@pytest.mark.usefixtures("few_permutations")
def test_what_recurs_between_runs_is_found_and_what_does_not_is_not(monkeypatch):
    rng = np.random.default_rng(0)
    common, own = rng.normal(size=(20, 50)), rng.normal(size=(3, 20, 50))
    same, different = [*unit(common + own)], [*unit(own)]
    assert relate_runs(same).p == 1 / 200
    assert relate_runs(different).p > 0.05
    pairs = [np.mean(np.sum(same[a] * same[b], -1)) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert relate_runs(same).observed == pytest.approx(np.mean(pairs))
    whole = share_nearer(same)
    assert whole > 0.95
    assert share_nearer(different) == pytest.approx(0.5, abs=0.06)
    monkeypatch.setattr(relations, "AT_ONCE", 7)
    assert share_nearer(same) == whole


# --- diversity


def test_each_parent_gives_its_child_an_equal_part_of_its_founders():
    graph = nx.DiGraph([(0, 3), (1, 3), (3, 4), (0, 4), (2, 5)])
    graph.add_node(6)
    # 3 is half of 0 and half of 1; 4 is half of 3 and half of 0. 6 is an heir of nobody's.
    assert founder_shares(graph, [4, 4, 5, 1]) == {0: 1.5, 1: 1.5, 2: 1}
    assert founder_shares(graph, [0]) == {0: 1}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    def model(images):
        light = images.mean((1, 2, 3)) / 255
        scores = np.exp(-40 * (light[:, None] - np.linspace(0, 1, 5)) ** 2)
        return scores / scores.sum(1, keepdims=True)

    folder = tmp_path_factory.mktemp("diverse") / "run"
    return fool(model, image=(1, 6, 8), classes=[*"abcde"], images=300, out=folder, progress=False)


def test_a_run_is_as_diverse_as_the_founders_of_its_elites(run):
    each = nx.DiGraph()
    each.add_nodes_from(elite.candidate_id for elite in run)
    found = Diversity(**measure_diversity(run, each))
    assert found.founders == found.effective_founders == len(run.elites)
    assert found.most_fruitful == 1 / len(run.elites)
    one = nx.DiGraph((-1, elite.candidate_id) for elite in run)
    found = Diversity(**measure_diversity(run, one))
    assert (found.founders, found.effective_founders, found.most_fruitful) == (1, 1, 1)
    assert "descend from 1 random ancestor" in found.headline()


def test_elites_with_the_same_image_are_look_alikes(run):
    alike = np.array([[1.0, 0], [1, 0], [0, 1], [0, -1], [0.6, 0.8]])
    found = measure_diversity(run, run.phylogeny(), {"layout": alike})
    assert found["look_alikes"] == 4 / 5  # at 0.8 the last is one of the third's


def test_flows_add_up_to_the_goal_switches_that_the_run_counted(two_runs, tmp_path):
    result = neatfool("ancestry", two_runs, "--json", "--csv", tmp_path / "flows.csv", exit_code=0)
    told = json.loads(result.stdout)
    jsonschema.validate(told, Ancestry.model_json_schema(mode="serialization"))
    rows = list(csv.DictReader(io.StringIO((tmp_path / "flows.csv").read_text())))
    for each in told["runs"]:
        with closing(open_run(each["path"])) as run:
            counted = sum(report.goal_switches for report in run.history)
        assert counted > 0
        assert each["goal_switches"] == pytest.approx(counted)
        assert sum(map(sum, each["flows"]["counts"])) == pytest.approx(counted)
        assert sum(map(sum, each["flows"]["expected"])) == pytest.approx(counted)
        own = [float(row["goal_switches"]) for row in rows if row["run"] == each["path"]]
        assert sum(own) == pytest.approx(counted)
        assert not any(row["from"] == row["to"] for row in rows)
        assert each["related_classes"] == {}  # nothing is known of these classes
    assert {*told["between_runs"]["same_class"]} == {"layout", "texture", "colour"}
    assert sorted(told["between_runs"]["classes"]) == sorted(CLASSES)


def test_where_kinds_are_known_it_says_what_related_classes_have_in_common(two_runs, monkeypatch):
    monkeypatch.setattr(
        measure,
        "find_kinds",
        lambda classes: BroadKinds(("light", "form"), measure.np.arange(len(classes)) // 2),
    )
    one = min(two_runs.iterdir())
    found = analysis.ancestry(one)
    assert {*found.runs[0].related_classes} == {"layout", "texture", "colour"}
    assert (
        "Images of the same broad kind have a mean correlation" in neatfool("ancestry", one).stdout
    )
    assert {row[-1] for row in found.records().rows} <= {"light", "form"}


def test_the_page_has_it_all_and_needs_no_network(two_runs, tmp_path):
    page = tmp_path / "page.html"
    result = neatfool("ancestry", two_runs, "--html", page, exit_code=0)
    text = page.read_text(encoding="utf-8")
    assert "Content-Security-Policy" in text
    assert "http://" not in text.replace("http://www.w3.org", "")
    for part in ("Goal switches", "goal switches of small (seed 1)", "[red]left[/]"):
        assert part in text
    for part in ("goal switches", "chance would give 50 %"):
        assert part in " ".join(result.stdout.split())


def test_python_gets_what_the_command_prints(two_runs):
    one = min(two_runs.iterdir())
    with closing(open_run(one)) as run:
        found = analysis.ancestry(run)
        assert run.elites  # it is still open
    assert json.loads(found.json()) == json.loads(neatfool("ancestry", one, "--json").stdout)
    assert found.between_runs is None
    assert found.plot().axes
