"""The page in Firefox, which tells what it found by requests to its own site."""

import os
import shutil
import signal
import subprocess
import time
from base64 import b64encode
from hashlib import sha256
from urllib.parse import parse_qs, urlparse

import pytest
from own_networks import export_lenet

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
SECONDS = 240
PROBE = """
const complaints = [];
addEventListener("error", ({ message }) => complaints.push(message));
addEventListener("securitypolicyviolation", ({ blockedURI }) => complaints.push(blockedURI));
addEventListener("load", async () => {
  const { dataset } = document.documentElement;
  const until = async (test) => { while (!test()) await new Promise((go) => setTimeout(go, 100)); };
  byId("faster").click();
  await until(() => dataset.fooled === "10");
  byId("pause").click();
  openModel(new Uint8Array(await (await fetch("lenet.onnx")).arrayBuffer()));
  await until(() => dataset.ownFooled === "10" || byId("own-notice").textContent);
  const notice = byId("own-notice").textContent;
  fetch(`told?${new URLSearchParams({ ...dataset, notice, complaints: complaints.join() })}`);
});
"""


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.skipif(FIREFOX is None, reason="no Firefox to open the page in")
def test_firefox_fools_both_networks_and_complains_of_nothing(site, tmp_path):
    page = (site.folder / "fool.html").read_text(encoding="utf-8")
    digest = b64encode(sha256(PROBE.encode()).digest()).decode()
    page = page.replace("script-src ", f"script-src 'sha256-{digest}' ", 1)
    page = page.replace("</title>", f"</title><script>{PROBE}</script>", 1)
    (site.folder / "probed.html").write_text(page, encoding="utf-8")
    export_lenet(site.folder / "lenet.onnx")
    told = _open(site, tmp_path)
    assert told["fooled"] == "10"
    assert told["compiled"] == "true"
    assert told["ownFooled"] == "10", told
    assert told.get("complaints", "") == ""


def _open(site, folder):
    assert FIREFOX
    address = site.address.replace("fool.html", "probed.html")
    process = subprocess.Popen(
        [FIREFOX, "--headless", "--no-remote", "--profile", str(folder), address],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={**os.environ, "HOME": str(folder)},
    )
    try:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for path in [each for each in site.paths if each.startswith("/told?")]:
                return {key: value for key, (value,) in parse_qs(urlparse(path).query).items()}
            time.sleep(0.2)
        pytest.fail(f"Firefox tells nothing within {SECONDS} s")
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
