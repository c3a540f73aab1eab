"""Target http: the examples of the documentation against strict services."""

import json
import logging
import re
import shutil
import socket
from contextlib import contextmanager
from pathlib import Path

import pytest
from commands import neatfool, neatfool_process
from faulty_server import CLASSES, probabilities_of
from http_targets import open_target, random_images
from strict_services import ACCESS, KEY, SECRET, SESSION, StrictServer, large_images

from neatfool import Labels, PluginError, TargetError, open_run
from neatfool.cli import main
from neatfool.experiment.experiment import load_experiment
from neatfool_plugins.http import service

SERVICES = Path(__file__).parents[3] / "docs" / "services"
SIZE = {"height": 52, "width": 56}
NAMED = (
    "huggingface",
    "googleapis",
    "azure",
    "plant.id",
    "faceplusplus",
    "/mapped",
    "api.openai.com",
    "rekognition.",
)


@pytest.fixture
def services():
    """Run all services."""
    with StrictServer() as running:
        yield running


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    """Set what lets the documentation's examples in."""
    monkeypatch.setenv("SERVICE_KEY", KEY)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)


def example(about):
    """Find the example in the documentation whose address has a text in it."""
    texts = [file.read_text(encoding="utf-8") for file in SERVICES.glob("*.ini")]
    (found,) = (text for text in texts if re.search(rf"^url = .*{re.escape(about)}", text, re.M))
    return found


def write_example(folder, about, url):
    """Write the documentation's experiment, with another host, and the plugin that it names."""
    text = example(about).replace("224", "52").replace("images = 1000", "images = 20")
    text = re.sub(r"^url = https://[^/\n]+", f"url = {url}", text, flags=re.M)
    text += "allow_private = true\n"
    (folder / "mine.ini").write_text(text)
    if "aws.py" in text:
        pytest.importorskip("botocore")
        shutil.copy(SERVICES / "aws.py", folder)
    return folder / "mine.ini"


@contextmanager
def open_example(folder, about, url):
    """Make the target of the documentation's experiment."""
    target = load_experiment(write_example(folder, about, url)).target.make()
    try:
        yield target
    finally:
        target.close()


@pytest.mark.parametrize("about", NAMED)
def test_each_service_of_the_documentation_is_asked_as_it_wants_to_be(services, tmp_path, about):
    images = large_images(3)[..., :52]
    with open_example(tmp_path, about, services.url) as target:
        answers = [target.score(images[at : at + 1]) for at in range(3)]
    assert [status for _, status in services.asked] == [200] * 3
    share = 0.9 if "openai" in about else 1.0
    for answer, row in zip(answers, probabilities_of(images).tolist(), strict=True):
        assert isinstance(answer, Labels)
        (found,) = answer.found
        expected = {name: share * each for name, each in zip(CLASSES, row, strict=True)}
        assert found == pytest.approx(expected, rel=1e-5)


def test_logarithms_of_all_classes_become_probabilities(services, tmp_path):
    images = large_images(1)[..., :52]
    with open_example(tmp_path, "/log-probabilities", services.url) as target:
        scores = target.score(images)
    assert scores.ok.all()
    assert scores.probs == pytest.approx(probabilities_of(images), rel=1e-5)


@pytest.mark.parametrize(
    "options",
    [
        {"body": {"image": "{image}"}},
        {"send": "bytes"},
    ],
)
def test_a_content_type_that_is_given_is_the_one_that_is_sent(services, options):
    asked = {
        "found_at": "c",
        "labels_at": "a",
        "scores_at": "b",
        "headers": {"content-type": "text/mine"},
    }
    with (
        open_target(services, "/none", **SIZE | asked | options) as target,
        pytest.raises(TargetError, match="404"),
    ):
        target.score(large_images(1, channels=1))
    assert [asked.kind for asked, _ in services.asked] == ["text/mine"]


@pytest.mark.parametrize("extensions", [[], ["binary_tensor_data"]])
def test_a_content_type_is_honoured_by_the_open_inference_protocol_too(server, extensions):
    server.extensions = extensions
    with open_target(server, headers={"Content-Type": "application/mine"}) as target:
        assert target.score(random_images(1)).ok.all()
    assert server.asked[0].headers["Content-Type"] == "application/mine"


@pytest.mark.parametrize("about", ["plant.id", "faceplusplus"])
@pytest.mark.parametrize("key", [KEY, "wrong-key-0123456789"])
def test_a_key_is_nowhere_but_in_its_place(services, tmp_path, monkeypatch, caplog, about, key):
    monkeypatch.setenv("SERVICE_KEY", key)
    caplog.set_level(logging.DEBUG)
    said = []
    with open_example(tmp_path, about, services.url) as target:
        said.append(target.describe())
        if key == KEY:
            target.score(large_images(1)[..., :52])
        else:
            with pytest.raises(TargetError, match=r"answered 40[13]") as caught:
                target.score(large_images(1)[..., :52])
            said.append(str(caught.value))
    ((asked, _),) = services.asked
    assert not [name for name, value in asked.headers.items() if key in value]
    assert key not in " ".join([*said, caplog.text])


def test_a_signers_token_that_the_service_repeats_is_not_shown(services, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another")
    with (
        open_example(tmp_path, "rekognition.", services.url) as target,
        pytest.raises(TargetError, match=r"answered 403: \[not shown") as caught,
    ):
        target.score(large_images(1)[..., :52])
    assert SESSION[:12] not in str(caught.value)
    assert "signed by a plugin" in target.describe()


def test_a_run_is_signed_again_and_again_and_records_no_secret(services, tmp_path, monkeypatch):
    write_example(tmp_path, "rekognition.", services.url)
    monkeypatch.chdir(tmp_path)
    more = ["--set", "scheme.batch=4", "--set", "target.classes=dark,bright", "--out", "run"]
    for command in (["run", "mine.ini", *more], ["resume", "run", "--images", "24"]):
        with pytest.raises(SystemExit) as left:
            main(command)
        assert left.value.code in (0, None)
    assert {status for _, status in services.asked} == {200}
    files = [file.read_bytes() for file in (tmp_path / "run").rglob("*") if file.is_file()]
    assert files
    assert not [1 for file in files for secret in (SECRET, SESSION) if secret.encode() in file]


def test_a_signer_that_fails_is_named(services, tmp_path):
    path = write_example(tmp_path, "plant.id", services.url)
    (tmp_path / "signer.py").write_text(
        "import neatfool\n\n@neatfool.hookimpl\ndef neatfool_sign_request(request):\n    1 / 0\n"
    )
    path.write_text(path.read_text() + "[plugins]\npath = signer.py\n")
    target = load_experiment(path).target.make()
    with pytest.raises(PluginError, match=r"signer\.py: neatfool_sign_request: ZeroDivisionError"):
        target.score(large_images(1)[..., :52])
    target.close()
    assert services.asked == []


def test_a_model_that_declares_nothing_is_told_of_by_the_experiment(server, tmp_path):
    for undeclared in ({"inputs": [], "outputs": []}, {"inputs": None, "outputs": None}):
        server.metadata.update(undeclared)
        images = random_images(3)
        with open_example(tmp_path, "models.example.com\nmodel = patches", server.url) as target:
            scores = target.score(images)
        assert scores.probs == pytest.approx(probabilities_of(images))
        assert scores.ok.all()
    sent = json.loads(server.asked[0].body)
    assert [sent["inputs"][0][each] for each in ("name", "datatype")] == ["images", "UINT8"]


EXPERIMENTS = Path(__file__).parents[3] / "experiments"
COMMANDS = re.findall(r"^#     neatfool (.+)$", (EXPERIMENTS / "api.ini").read_text(), re.M)
PAGE = EXPERIMENTS.parent / "docs" / "api.md"


def test_the_docs_give_the_same_two_commands():
    assert [command.split()[0] for command in COMMANDS] == ["serve", "run"]
    given = re.findall(r"^neatfool (.+)$", PAGE.read_text(encoding="utf-8"), re.M)
    assert given[:2] == COMMANDS


def test_serve_refuses_a_costly_target_before_it_connects(monkeypatch):
    # Nobody answers at port 9: connecting would be given up after 0.2 seconds, with another error.
    monkeypatch.setattr(service, "GIVE_UP_AFTER", 0.2)
    result = neatfool(
        "serve", EXPERIMENTS / "api.ini", "--set=target.url=http://127.0.0.1:9", exit_code=2
    )
    assert re.search("target 'http' .* costs something", result.stderr)


@pytest.mark.slow
def test_two_commands_fool_a_network_behind_http(tmp_path, monkeypatch):
    try:
        socket.create_server(("127.0.0.1", 8080)).close()
    except OSError:
        pytest.skip("port 8080, which the experiment names, is in use")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "experiments").symlink_to(EXPERIMENTS)
    serve, run = (command.split() for command in COMMANDS)
    service = neatfool_process(*serve)
    try:
        assert any("Ctrl-C ends it" in line for line in service.stdout)
        asking = neatfool_process(*run)
        said, complaints = asking.communicate()
        assert asking.returncode == 0, said + complaints
    finally:
        service.kill()
        service.communicate()
    found = open_run("runs/api-1")
    assert found.evaluations == 9000
    assert all(elite.confidence > 0.999 for elite in found)
    queries = int(re.search(r"([\d,]+) queries in", said)[1].replace(",", ""))
    assert queries <= 10_000
