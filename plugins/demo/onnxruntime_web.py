"""Puts onnxruntime-web, which runs ONNX files in the browser, beside the page."""

import shutil
import subprocess
import tarfile
from base64 import b64decode
from hashlib import sha512
from importlib.resources import files
from pathlib import Path
from typing import Final

from neatfool import NeatfoolError
from neatfool.present import save

PACKAGE: Final = "onnxruntime-web"
VERSION: Final = "1.30.0"
DIGEST: Final = (
    "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
)
"""The SHA-512 of the package, as npm's lock files have it."""
PARTS: Final = ("ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm")
FOLDER: Final = "ort"
"""Beside the page."""
SECONDS: Final = 300


def download(folder: Path, package: str = PACKAGE, version: str = VERSION) -> Path:
    """Get a package by npm, unless the folder has it already, and give its file.

    Raises:
        OSError: npm is not there, or gets nothing.
        subprocess.SubprocessError: npm fails, or takes too long.
    """
    file = folder / f"{package.removeprefix('@').replace('/', '-')}-{version}.tgz"
    if not file.exists():
        folder.mkdir(parents=True, exist_ok=True)
        npm = shutil.which("npm") or "npm"
        where = ["--pack-destination", str(folder)]
        command = [npm, "pack", f"{package}@{version}", "--silent", *where]
        subprocess.run(command, check=True, timeout=SECONDS, capture_output=True)  # noqa: S603 - all of it is ours
    return file


def unpack(package: Path, folder: Path) -> None:
    """Put the parts that the page needs into a folder, with their licence.

    Raises:
        NeatfoolError: The file is not that package, to the byte.
    """
    try:
        content = package.read_bytes()
    except OSError as error:
        raise NeatfoolError(f"{package}: cannot be read: {error.strerror}") from error
    if sha512(content).digest() != b64decode(DIGEST):
        wanted = f"{PACKAGE} {VERSION}; get it with: npm pack {PACKAGE}@{VERSION}"
        raise NeatfoolError(f"{package}: is not the package {wanted}")
    with tarfile.open(package) as archive:
        for part in PARTS:
            member = archive.extractfile(f"package/dist/{part}")
            assert member is not None
            save(folder / part, member.read(), within=folder.parent)
    licence = files(__package__).joinpath("page/onnxruntime-web.txt").read_bytes()
    save(folder / "LICENSE.txt", licence, within=folder.parent)
