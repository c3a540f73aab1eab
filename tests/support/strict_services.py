"""Services on this machine that refuse what real ones refuse, as their references say.

Each is a function from a request to an answer, under the path of the service: what is not as its
reference has it is refused with the status, and in the words, that it has for that.
"""

import base64
import hashlib
import hmac
import json
import math
import re
import threading
import time
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

import numpy as np
from faulty_server import CLASSES, open_image, probabilities_of

KEY = "canary+0123/456789=="
SIDE = 50
"""What the height and width of an image must exceed."""
ACCESS, SECRET, SESSION = (
    "ACCESS-ID-OF-TESTS",
    "secret+canary/0123456789",
    "session-canary-0123456789",
)
REGION, OF = "eu-west-1", "rekognition"


class Refusal(Exception):
    """The service does not want a request."""

    def __init__(self, status, said):
        super().__init__(said)
        self.status = status


def refuse_unless(right, status, said):
    if not right:
        raise Refusal(status, said)


class Asked:
    """A request: its method, path, query, headers (by small letters) and body."""

    def __init__(self, method, target, headers, body):
        parts = urlsplit(target)
        self.method, self.path, self.raw_query = method, parts.path, parts.query
        self.query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        self.headers, self.body = headers, body
        self.kind = headers.get("content-type", "")

    def json(self, kind="application/json"):
        """Read a JSON body, whose Content-Type must say that it is one."""
        refuse_unless(self.kind == kind, 415, f"Content-Type {self.kind} is not supported")
        return json.loads(self.body)


def probabilities(file):
    """Score an image file, of a size that is not too small, by the names of the classes."""
    try:
        pixels = open_image(file)
    except OSError:
        raise Refusal(400, "this is no image") from None
    refuse_unless(min(pixels.shape[1:]) > SIDE, 400, "InvalidImageSize")
    return dict(zip(CLASSES, probabilities_of(pixels[None])[0].tolist(), strict=True))


def decoded(text):
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise Refusal(400, "this is no base64") from None


def azure(asked):
    """Tag an image, by Azure's Computer Vision 3.2."""
    refuse_unless(asked.headers.get("ocp-apim-subscription-key") == KEY, 401, "Access denied")
    listed = ("application/octet-stream", "multipart/form-data", "application/json")
    refuse_unless(asked.kind.split(";")[0] in listed, 415, f"unsupported media type {asked.kind}")
    refuse_unless(asked.kind == listed[0], 400, "the tests send bytes")
    found = probabilities(asked.body)
    return {"tags": [{"name": name, "confidence": each} for name, each in found.items()]}


def hugging_face(asked):
    """Classify an image, by Hugging Face's inference API."""
    refuse_unless(asked.headers.get("authorization") == f"Bearer {KEY}", 401, "Unauthorized")
    said = asked.json()
    refuse_unless({"inputs"} <= {*said} <= {"inputs", "parameters"}, 422, "unknown field")
    found = probabilities(decoded(said["inputs"]))
    return [{"label": name, "score": each} for name, each in found.items()]


def google(asked):
    """Annotate images, by Google's Cloud Vision v1."""
    key = asked.query.get("key") or asked.headers.get("x-goog-api-key")
    refuse_unless(key == KEY, 403, "PERMISSION_DENIED")
    requests = asked.json()["requests"]
    refuse_unless(len(requests) <= 16, 400, "Too many images per request")
    answers = []
    for each in requests:
        refuse_unless({*each} == {"image", "features"}, 400, "Unknown name")
        refuse_unless(each["features"][0]["type"] == "LABEL_DETECTION", 400, "Invalid value")
        found = probabilities(decoded(each["image"]["content"]))
        named = [{"description": name, "score": score} for name, score in found.items()]
        answers.append({"labelAnnotations": named})
    return {"responses": answers}


def plant_id(asked):
    """Identify a plant, by Plant.id v2: the key is in the body."""
    said = asked.json()
    refuse_unless(said.pop("api_key", None) == KEY, 401, "The specified api key not found")
    refuse_unless({*said} <= {"images", "modifiers", "plant_details"}, 400, "unknown field")
    found = probabilities(decoded(said["images"][0]))
    named = [{"plant_name": name, "probability": each} for name, each in found.items()]
    return {"suggestions": named, "is_plant": True}


def face_plus_plus(asked):
    """Detect scenes, by Face++: the key is a field of a form."""
    refuse_unless(asked.kind.startswith("multipart/form-data; boundary="), 400, "bad form")
    head = f"Content-Type: {asked.kind}\r\n\r\n".encode()
    parts = BytesParser(policy=HTTP).parsebytes(head + asked.body).iter_parts()
    fields = {part.get_param("name", header="content-disposition"): part for part in parts}
    refuse_unless({*fields} == {"api_key", "image_file"}, 400, f"BAD_ARGUMENTS: {[*fields]}")
    refuse_unless(fields["api_key"].get_content().strip() == KEY, 401, "AUTHENTICATION_ERROR")
    found = probabilities(fields["image_file"].get_content())
    return {"scenes": [{"value": name, "confidence": 100 * each} for name, each in found.items()]}


def mapped(asked):
    """Answer with an object of label and score, written as JSON within a text."""
    refuse_unless(asked.headers.get("authorization") == f"Key {KEY}", 401, "Unauthorized")
    found = probabilities(decoded(asked.json()["image"]))
    return {"outputs": [{"text": json.dumps({"scores": found})}]}


def log_probabilities(asked):
    """Answer with the logarithm of each class's probability, in order."""
    found = probabilities(decoded(asked.json()["image"]))
    return {"logprobs": [math.log(each) for each in found.values()]}


def openai(asked):
    """Complete a chat, by OpenAI's reference: one token and the likeliest in its place."""
    refuse_unless(asked.headers.get("authorization") == f"Bearer {KEY}", 401, "invalid_api_key")
    said = asked.json()
    known = {"model", "messages", "max_completion_tokens", "logprobs", "top_logprobs"}
    refuse_unless({*said} <= known, 400, "Unrecognized request argument supplied")
    refuse_unless(said["model"] == "gpt-4o-mini", 404, "model_not_found")
    refuse_unless(said["logprobs"] is True, 400, "'top_logprobs' requires 'logprobs'")
    refuse_unless(0 <= said["top_logprobs"] <= 20, 400, "top_logprobs must be from 0 to 20")
    (message,) = said["messages"]
    refuse_unless(message["role"] == "user", 400, "the tests ask as a user")
    text, image = message["content"]
    refuse_unless((text["type"], image["type"]) == ("text", "image_url"), 400, "Invalid type")
    data = re.fullmatch(r"data:image/(?:png|jpeg|gif|webp);base64,(.*)", image["image_url"]["url"])
    refuse_unless(data is not None, 400, "Invalid image data")
    found = probabilities(decoded(data[1]))
    letters = re.findall(r"^([A-Z])\) (.+)$", text["text"], re.MULTILINE)
    refuse_unless([name for _, name in letters] == [*CLASSES], 400, "the tests name all classes")
    likely = {letter: 0.9 * found[name] for letter, name in letters} | {"The": 0.06, " a": 0.04}
    top = sorted(likely.items(), key=lambda pair: -pair[1])[: said["top_logprobs"]]
    listed = [
        {"token": token, "logprob": math.log(p), "bytes": [*token.encode()]} for token, p in top
    ]
    content = [listed[0] | {"top_logprobs": listed}]
    choice = {"index": 0, "message": {"role": "assistant", "content": top[0][0]}}
    return {
        "object": "chat.completion",
        "choices": [choice | {"logprobs": {"content": content}, "finish_reason": "length"}],
    }


def rekognition(asked):
    """Detect labels, by Amazon Rekognition; the request must be signed (AWS Signature 4)."""
    check_signature(asked)
    wanted = "RekognitionService.DetectLabels"
    refuse_unless(asked.headers.get("x-amz-target") == wanted, 400, "UnknownOperationException")
    said = asked.json("application/x-amz-json-1.1")
    refuse_unless({*said} <= {"Image", "MaxLabels", "MinConfidence"}, 400, "ValidationException")
    found = probabilities(decoded(said["Image"]["Bytes"]))
    return {"Labels": [{"Name": name, "Confidence": 100 * each} for name, each in found.items()]}


def check_signature(asked):
    """Compute a request's signature anew, as AWS's reference says, and compare."""
    form = (
        r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8}/[\w-]+/[\w-]+/aws4_request), "
        r"SignedHeaders=([\w;-]+), Signature=([0-9a-f]{64})"
    )
    given = re.fullmatch(form, asked.headers.get("authorization", ""))
    refuse_unless(given is not None, 403, "MissingAuthenticationTokenException")
    access, scope, names, signature = given.groups()
    refuse_unless(access == ACCESS, 403, "UnrecognizedClientException")
    refuse_unless(asked.headers.get("x-amz-security-token") == SESSION, 403, "InvalidClientTokenId")
    date = asked.headers["x-amz-date"]
    then = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    refuse_unless(abs(then - time.time()) < 300, 403, "Signature expired")
    refuse_unless(scope == f"{date[:8]}/{REGION}/{OF}/aws4_request", 403, "Credential scope")
    needed = {name for name in asked.headers if name == "host" or name.startswith("x-amz-")}
    refuse_unless(needed <= {*names.split(";")}, 403, "not all headers are signed")
    query = "&".join(sorted(asked.raw_query.split("&")))
    canonical = "\n".join(
        [
            asked.method,
            quote(asked.path),
            query,
            *(f"{name}:{' '.join(asked.headers[name].split())}" for name in names.split(";")),
            "",
            names,
            hashlib.sha256(asked.body).hexdigest(),
        ]
    )
    hashed = hashlib.sha256(canonical.encode()).hexdigest()
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    text = "\n".join(["AWS4-HMAC-SHA256", date, scope, hashed])
    right = hmac.digest(key, text.encode(), "sha256").hex()
    # As the service does, the refusal shows what was to be signed, and so the session's token.
    refuse_unless(signature == right, 403, f"InvalidSignatureException: {canonical}")


SERVICES = {
    "/vision/v3.2/tag": azure,
    "/models/mine": hugging_face,
    "/v1/images:annotate": google,
    "/v2/identify": plant_id,
    "/imagepp/beta/detectsceneandobject": face_plus_plus,
    "/mapped": mapped,
    "/log-probabilities": log_probabilities,
    "/v1/chat/completions": openai,
    "/": rekognition,
}


class StrictServer:
    """The services, while they are entered.

    Attributes:
        asked: The requests that came, with the status that each was answered.
    """

    def __init__(self):
        self.asked = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.strict = self

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        """Say nothing."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, self.path, headers, body)
        try:
            refuse_unless(asked.path in SERVICES, 404, "Resource not found")
            status, said = 200, SERVICES[asked.path](asked)
        except Refusal as refusal:
            status, said = refusal.status, {"error": {"message": str(refusal)}}
        except (KeyError, ValueError, TypeError, IndexError) as error:
            status, said = 400, {"error": {"message": f"not of the right form: {error!r}"}}
        self.server.strict.asked.append((asked, status))
        made = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(made)))
        self.end_headers()
        self.wfile.write(made)


def large_images(count, channels=3, seed=0):
    """Make uint8 [count, C, 52, 56]: larger than the services' least."""
    rng = np.random.default_rng(seed)
    shade = rng.integers(0, 256, (count, channels, 1, 1))
    return np.broadcast_to(shade, (count, channels, 52, 56)).astype(np.uint8)
