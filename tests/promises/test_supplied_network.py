"""The network that the site's page offers is FoolBench's, and its licence lies beside it."""

import io
import json
import runpy
from base64 import b64decode
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
from PIL import Image

from neatfool import log_odds

DOCS = Path(__file__).parents[2] / "docs"
MOST_BYTES = 600_000


@pytest.fixture
def module(monkeypatch) -> dict:
    pytest.importorskip("onnx")
    monkeypatch.syspath_prepend(DOCS)
    return runpy.run_path(str(DOCS / "supplied_network.py"))


def test_it_is_as_sure_of_foolbenchs_images_as_the_entry_says(module, request, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    weights = request.config.cache.mkdir("weights")
    try:
        supplied = module["write_network"](tmp_path, weights)
    except OSError as error:
        pytest.skip(f"its author's weights cannot be fetched into {weights}: {error}")
    file = tmp_path / "resnet20.onnx"
    assert supplied.address == f"{tmp_path.name}/{file.name}"
    assert file.stat().st_size < MOST_BYTES
    entry = json.loads(module["ENTRY"].read_bytes())
    assert supplied.licence == f"{tmp_path.name}/resnet20.txt"
    licence = (tmp_path / "resnet20.txt").read_text(encoding="utf-8")
    assert entry["about"]["source"] in licence
    assert "Redistributions in binary form must reproduce" in licence
    assert supplied.scaling == "imagenet"
    session = onnxruntime.InferenceSession(file)
    drawn = [each for each in entry["images"] if each["png"]]
    assert drawn
    for each in drawn:
        pixels = np.asarray(Image.open(io.BytesIO(b64decode(each["png"]))).convert("RGB"))
        given = (pixels / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
        given = np.float32(given.transpose(2, 0, 1))[None]
        odds = log_odds(session.run(None, {"images": given})[0].astype(float))[0]
        # Half precision rounds the weights.
        assert odds[each["index"]] == pytest.approx(each["log_odds"], abs=0.1)
    names = {each["index"]: each["name"] for each in entry["images"]}
    assert supplied.names == tuple(names[index] for index in range(10))


def test_other_weights_than_the_entrys_are_refused(module, tmp_path):
    source = tmp_path / "raw" / module["COMMIT"]
    source.mkdir(parents=True)
    (source / "weights.th").write_bytes(b"other weights")
    entry = json.loads(module["ENTRY"].read_bytes())
    entry["about"] |= {"source": tmp_path.as_uri(), "weights": "nets/weights.th"}
    with pytest.raises(RuntimeError, match="invalid hash"):
        module["download"](entry, tmp_path)
    entry["about"]["source"] += "/none"
    with pytest.raises(URLError):
        module["download"](entry, tmp_path)
    assert list(tmp_path.glob("*.th*")) == []
