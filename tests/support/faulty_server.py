"""A classifier behind HTTP on this machine that fails in the ways that services do.

It speaks the Open Inference Protocol (model ``patches``), and answers in the styles of some JSON
APIs: ``/huggingface``, ``/google`` and ``/dense``.
"""

import base64
import io
import json
import random
import socket
import ssl
import struct
import threading
import time
import zlib
from collections import deque
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

CLASSES = ("dark", "bright", "left", "stripes")
HEIGHT, WIDTH = 6, 8
MIXED = ("429", "500", "503", "reset", "truncated", "no json", "hang up", "408")
"""Failures that are retried and take no time."""
SLOW = 20.0
"""Seconds that a slow answer takes, unless the client goes away."""


def logits_of(images):
    """Score uint8 [N, C, H, W]: float32 [N, 4]."""
    light = images.astype(np.float64).mean(1) / 255 - 0.5
    whole, left = light.mean((1, 2)), light[:, :, : WIDTH // 2].mean((1, 2))
    stripes = (light[:, :, ::2] - light[:, :, 1::2]).mean((1, 2))
    return (8 * np.stack([-whole, whole, left, stripes], 1)).astype(np.float32)


def probabilities_of(images):
    """Score uint8 [N, C, H, W]: float32 [N, 4]."""
    logits = logits_of(images).astype(np.float64)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return (weights / weights.sum(1, keepdims=True)).astype(np.float32)


def open_image(file):
    """Decode an image file to uint8 [C, H, W]."""
    with Image.open(io.BytesIO(file)) as image:
        pixels = np.asarray(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


@cache
def bomb():
    """Give gzip of 200 MiB of spaces, made without ever holding them."""
    made = zlib.compressobj(wbits=31)
    pieces = [made.compress(b" " * 2**20) for _ in range(200)]
    return b"".join([*pieces, made.flush()])


@dataclass
class Seen:
    """A request that came: its path, headers, body, images, and what was done to it."""

    path: str
    headers: dict[str, str]
    body: bytes
    images: int = 0
    fault: str | None = None
    time: float = field(default_factory=time.monotonic)


class FaultyServer:
    """The server, while it is entered.

    Attributes:
        plan: Faults of the next requests with images, in turn; None is none.
        rate: The share of all further ones that fail, in ways drawn from ``mix``.
        retry_after: What 429 and 503 say; None: nothing.
        words: What errors say.
        answer: Makes another answer of a good one: JSON in, bytes out.
        headers: Further headers of each answer.
        metadata: What the model says of itself; may be changed.
        extensions: What the server says that it can do beside; if none, it does not say what it is.
        seen: The requests that came.
        leaves_after: So many images are answered, and then nobody can connect any more; at once
            after the model's metadata if 0, never if None.
        authority: The file of who signed its certificate.
        location: Where a redirection leads.
    """

    def __init__(
        self, *, rate=0.0, seed=0, channels=1, certificate=None, address="127.0.0.1", port=0
    ):
        self.plan = deque()
        self.rate = rate
        self.mix = MIXED
        self.retry_after = None
        self.words = b'{"error": "this is a test"}'
        self.answer = None
        self.headers = {}
        self.seen = []
        self.metadata = metadata_of(channels)
        self.extensions = []
        self.leaves_after = None
        self.left = threading.Event()
        self.authority = None
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._server = _Server((address, port), _Handler)
        self._server.faulty = self
        self._scheme = "http"
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            self._scheme = "https"
        self.location = f"{self.url}/elsewhere"

    @property
    def port(self):
        return self._server.server_address[1]

    @property
    def url(self):
        return f"{self._scheme}://127.0.0.1:{self.port}"

    @property
    def asked(self):
        """The requests that had images."""
        return [each for each in self.seen if each.images]

    @property
    def images(self):
        """How many images came."""
        return sum(each.images for each in self.seen)

    def next_fault(self, seen):
        """Choose what is done to a request."""
        with self._lock:
            self.seen.append(seen)
            if not seen.images:
                return None
            if self.plan:
                return self.plan.popleft()
            if self._random.random() < self.rate:
                return self._random.choice(self.mix)
        return None

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def leave_if_it_is_time(self):
        """Stop listening after the last request, which is still to be answered."""
        if self.leaves_after is not None and self.images >= self.leaves_after:
            self.leave()

    def leave(self):
        """Stop listening, and end connections with the answer that is under way."""
        self.left.set()
        self._server.shutdown()
        self._server.server_close()

    def __exit__(self, *_):
        self.leave()


def metadata_of(channels):
    """Say what the model is, as the protocol does."""
    return {
        "name": "patches",
        "versions": ["1"],
        "platform": "tests",
        "inputs": [{"name": "images", "datatype": "UINT8", "shape": [-1, channels, HEIGHT, WIDTH]}],
        "outputs": [
            {
                "name": name,
                "datatype": "FP32",
                "shape": [-1, len(CLASSES)],
                "parameters": {"classes": [*CLASSES]},
            }
            for name in ("probabilities", "logits")
        ],
    }


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Say nothing."""

    def do_GET(self):
        self._handle()

    def do_POST(self):
        self._handle()

    def _handle(self):
        faulty = self.server.faulty
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said, images = self._said(body)
        seen = Seen(self.path, dict(self.headers.items()), body, images)
        seen.fault = faulty.next_fault(seen)
        faulty.leave_if_it_is_time()
        if said is None:
            self._send(404, b'{"error": "no such thing"}')
        elif seen.fault is not None:
            self._fail(seen.fault, json.dumps(said).encode())
        else:
            changed = faulty.answer if images else None
            made = json.dumps(said).encode() if changed is None else changed(said)
            self._send(200, made)

    def _said(self, body):
        """Answer as it should be: JSON, and how many images there were."""
        path = urlsplit(self.path).path  # a proxy is given the whole address
        if path == "/v2/models/patches":
            return self.server.faulty.metadata, 0
        if path == "/v2" and self.server.faulty.extensions:
            return {"name": "faulty", "extensions": self.server.faulty.extensions}, 0
        if path == "/v2/models/patches/infer":
            length = int(self.headers.get("Inference-Header-Content-Length", len(body)))
            raw = body[length:]
            return _inferred(json.loads(body[:length]), raw)
        if path == "/huggingface":
            image = base64.b64decode(json.loads(body)["inputs"])
            return _named(image, "label", "score"), 1
        if path == "/google":
            requests = json.loads(body)["requests"]
            files = [base64.b64decode(each["image"]["content"]) for each in requests]
            return {
                "responses": [
                    {"labelAnnotations": _named(file, "description", "score", top=2)}
                    for file in files
                ]
            }, len(files)
        if path == "/dense":
            image = base64.b64decode(json.loads(body)["image"])
            return {"scores": probabilities_of(open_image(image)[None])[0].tolist()}, 1
        return None, 0

    def _send(self, status, body, **headers):
        self.send_response(status)
        headers = {"Content-Length": str(len(body))} | headers | self.server.faulty.headers
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if self.server.faulty.left.is_set():
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, fault, good):
        faulty = self.server.faulty
        if fault.isdecimal():
            wait = {} if faulty.retry_after is None else {"Retry-After": str(faulty.retry_after)}
            self._send(int(fault), faulty.words, **wait)
        elif fault == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
        elif fault == "hang up":
            self.close_connection = True
        elif fault == "truncated":
            self._send(200, good[: len(good) // 2], Content_Length=str(len(good)))
            self.close_connection = True
        elif fault == "no json":
            self._send(200, b"<html>busy</html>")
        elif fault == "empty":
            self._send(204, b"")
        elif fault in ("cut chunks", "cut without length"):
            self.close_connection = True
            self.send_response(200)
            piece = good[: len(good) // 2]
            if fault == "cut chunks":
                self.send_header("Transfer-Encoding", "chunked")
                piece = b"%x\r\n%s\r\n" % (len(piece), piece)
            self.end_headers()
            self.wfile.write(piece)
        elif fault == "hang":
            faulty.left.wait(SLOW)
            self.close_connection = True
        elif fault in ("trickle", "slow header"):
            self._trickle(header=fault == "slow header")
        elif fault == "huge":
            self._send(200, b'{"outputs": [' + b"1," * (5 * 2**20) + b"1]}")
        elif fault == "bomb":
            self._send(200, bomb(), Content_Encoding="gzip")
        elif fault == "redirect":
            self._send(302, b"", Location=faulty.location)
        else:
            raise ValueError(fault)

    def _trickle(self, *, header):
        """Send bit by bit, each in time, without end."""
        self.close_connection = True
        if header:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        else:
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
        until = time.monotonic() + SLOW
        while time.monotonic() < until and not self.server.faulty.left.wait(0.02):
            self.wfile.write(b"x" if header else b"1\r\n \r\n")


def _inferred(request, raw):
    tensor = request["inputs"][0]
    shape = tensor["shape"]
    kind = np.uint8 if tensor["datatype"] == "UINT8" else np.float32
    if raw:
        assert tensor["parameters"] == {"binary_data_size": len(raw)}
        pixels = np.frombuffer(raw, np.dtype(kind).newbyteorder("<")).reshape(shape)
    else:
        pixels = np.array(tensor["data"], kind).reshape(shape)
    if kind is np.float32:
        pixels = np.rint(pixels * 255).astype(np.uint8)
    if shape[3] in (1, 3):
        pixels = pixels.transpose(0, 3, 1, 2)
    tables = {"probabilities": probabilities_of(pixels), "logits": logits_of(pixels)}
    wanted = [each["name"] for each in request.get("outputs", [])] or [*tables]
    outputs = [
        {
            "name": name,
            "datatype": "FP32",
            "shape": [*tables[name].shape],
            "data": tables[name].ravel().tolist(),
        }
        for name in wanted
    ]
    return {"model_name": "patches", "outputs": outputs}, len(pixels)


def _named(file, label, score, top=4):
    """Name the likeliest classes of an image."""
    found = zip(CLASSES, probabilities_of(open_image(file)[None])[0].tolist(), strict=True)
    best = sorted(found, key=lambda pair: -pair[1])[:top]
    return [{label: name, score: number} for name, number in best]
