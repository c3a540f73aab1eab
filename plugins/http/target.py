"""The target ``http``: sends images to a classifier over HTTP, and reads its scores."""

import json
import ssl
from hashlib import sha256

import httpx2
import numpy as np
import pluggy

from neatfool import ExperimentError, Labels, Ledger, Scores, Target, TargetError

from .credentials import Credentials
from .json_api import JsonApi
from .open_inference import ModelMetadata, OpenInference, model_url, takes_binary
from .options import Options
from .responses import RefusedError
from .service import GIVE_UP_AFTER, Service


class HttpTarget(Target):
    """A classifier behind an HTTP API. Each call of ``score`` is one request, and its retries."""

    def __init__(self, options: Options, sign: pluggy.HookCaller | None = None) -> None:
        """Prepare to ask; by the Open Inference Protocol, ask the model what it takes."""
        self._options = options
        self._credentials = Credentials(options, sign)
        transport = httpx2.AsyncHTTPTransport(
            verify=_make_tls(options),
            trust_env=False,
            limits=httpx2.Limits(max_connections=options.concurrency, keepalive_expiry=30.0),
        )
        self._service = Service(options, self._credentials, transport)
        self.concurrency = options.concurrency
        try:
            self._protocol = self._prepare_protocol()
        except BaseException:
            self._service.close()
            raise
        self.spec = self._protocol.spec
        self.batch_size = self._protocol.batch_size

    def _prepare_protocol(self) -> OpenInference | JsonApi:
        if self._options.is_json_api:
            return JsonApi(self._options, self._credentials.places())
        try:
            if self._options.metadata is not None:
                metadata = ModelMetadata.read(self._options.metadata)
            else:
                request = httpx2.Request("GET", model_url(self._options))
                metadata = self._service.ask(request, ModelMetadata.read)
        except RefusedError as refused:
            raise TargetError(
                f"http: model {self._options.model!r}: {refused}; is [target] url the address of a "
                "server that speaks the Open Inference Protocol, version 2?"
            ) from None
        about = httpx2.Request("GET", f"{self._options.url.rstrip('/')}/v2")
        try:
            binary = self._service.ask(about, takes_binary, tries=1)
        except (RefusedError, TargetError):  # It can be done without.
            binary = False
        return OpenInference(self._options, metadata, binary=binary)

    def meter(self, ledger: Ledger) -> None:
        """Enter every request with images, from now on, in a ledger before it is sent."""
        self._service.ledger = ledger

    def score(self, images: np.ndarray) -> Scores | Labels:
        """Ask what images show; those whose answer cannot be used are not ``ok``."""
        images = np.asarray(images)
        count, most = len(images), self.batch_size
        if most is not None and count > most:
            raise TargetError(
                f"http: {count} images in a request to {self._options.url}, which takes "
                f"{most} at most; say [target] batch_size = {most}"
            )
        try:
            return self._service.ask(
                self._protocol.write_request(images),
                lambda document: self._protocol.read_answer(document, count),
                images=count,
            )
        except RefusedError:
            if self._protocol.gives == "labels":
                return Labels([{}] * count, [False] * count)
            table = np.zeros((count, len(self.spec.classes)))
            logits = table if self._protocol.gives == "logits" else None
            return Scores(table, logits, np.zeros(count, np.bool_))

    def describe(self) -> str:
        """Say what is sent where, with which key, and what is not as safe as it could be."""
        options = self._options
        lines = [f"Images leave this machine for {options.url}", self._protocol.describe()]
        lines += self._credentials.describe()
        pace = "" if options.requests_per_second is None else f", {options.requests_per_second:g}/s"
        lines.append(
            f"At most {options.concurrency} requests at a time{pace}; a request is given "
            f"{options.timeout:g} s, its retries {GIVE_UP_AFTER:g} s"
        )
        return "\n".join(lines)

    def fingerprint(self) -> str:
        """Hash where the service is, how it is asked and read, and what it says of its model."""
        options = self._options
        asked = [options.is_json_api, options.url, options.model]
        identity = [*asked, self.spec.shape, self.spec.classes, self._protocol.identity()]
        return sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()

    def close(self) -> None:
        """End what is under way at once, and close the connections."""
        self._service.close()


def _make_tls(options: Options) -> ssl.SSLContext:
    if options.ca_file is None:
        return httpx2.create_ssl_context(trust_env=False)
    # ssl.create_default_context() would write what was agreed on to the file SSLKEYLOGFILE.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(options.ca_file)
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    except (OSError, ssl.SSLError) as error:
        raise ExperimentError(f"ca_file: {options.ca_file} holds no certificates") from error
    return context
