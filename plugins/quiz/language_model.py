"""Asks a vision-language model what a quiz asks, over an API like OpenAI's."""

from __future__ import annotations

import io
import json
import os
import random
import re
import time
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from neatfool import Budget, BudgetSpent, ExperimentError, Ledger, TargetError, TargetUnavailable
from neatfool.present import Output, save
from neatfool.wording import counted

from .answers import MODEL, UNSEEN, QuizAnswer, read_answers, records_of
from .designs import NO_ANSWER, NOTHING, Preregistration

if TYPE_CHECKING:
    import httpx2

    from .questions import Question

TRIES: Final = 6
"""How often a request is sent while the service does not answer, or is busy."""
FIRST_WAIT: Final = 0.5
"""Seconds until the second try; each further wait is twice as long."""
LONGEST_WAIT: Final = 60.0
"""The most seconds between two tries, also if the service asks for more."""
WORTH_SAYING: Final = 1.0
"""A wait of so many seconds is told."""
TIMEOUT: Final = 120.0
"""Seconds in which a service must go on sending."""
LARGEST: Final = 2**20
"""The most bytes of an answer."""
SURE: Final = "1 (just guessing), 2 (not sure), 3 (fairly sure) or 4 (certain)"
LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_busy: Final = frozenset({408, 409, 425, 429})
_jitter: Final = random.SystemRandom()


class ModelEndpoint:
    """A model behind a chat completions API. What the service says is shown and kept nowhere."""

    def __init__(
        self, url: str, model: str, key_env: str | None, max_queries: int, console: Output
    ) -> None:
        """Prepare to send at most ``max_queries`` requests, with a key from the environment.

        The console tells of waits.

        Raises:
            ExperimentError: The address or the key's environment variable will not do, or httpx2
                is not installed.
        """
        try:
            import httpx2
        except ModuleNotFoundError as error:
            raise ExperimentError("--ask: needs httpx2; pip install 'neatfool[http]'") from error
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or "@" in url:
            raise ExperimentError(
                "--ask: is no address of an API; give one such as https://HOST/v1, without a key"
            )
        self._host, self.ledger = parts.hostname, Ledger(Budget(queries=max_queries))
        self._url = f"{url.rstrip('/').removesuffix('/chat/completions')}/chat/completions"
        self.model, self._console = model, console
        key = _read_key(key_env) if key_env else None
        if key and parts.scheme == "http" and self._host not in LOCAL:
            raise ExperimentError("--ask: a key is sent by https only; give an https address")
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx2.Client(headers=headers, timeout=TIMEOUT, trust_env=False)

    def ask(self, question: Question, *, shown: bool) -> tuple[str, int | None]:
        """Ask what an image shows, perhaps without showing it.

        Returns:
            One of the choices, or `no answer` if the reply names none of them; and how sure the
            model says it is, from 1 to 4.

        Raises:
            BudgetSpent: The budget does not suffice.
            TargetError: The service refuses the request, or its answer is no chat completion.
            TargetUnavailable: It did not answer in time.
        """
        offered = [*question.choices, *([NOTHING] if question.offers_nothing else [])]
        listed = "\n".join(f"- {each}" for each in offered)
        text = (
            f"What does the image show? Choose one:\n{listed}\nThen say how sure you are: {SURE}. "
            'Reply with JSON only: {"answer": "one of the list, as written there", "sure": 1}'
        )
        content: list[dict[str, Any]] = [{"type": "text", "text": text}]
        if shown:
            file = io.BytesIO()
            question.picture.save(file, "PNG")
            uri = f"data:image/png;base64,{b64encode(file.getvalue()).decode()}"
            content.append({"type": "image_url", "image_url": {"url": uri}})
        messages = [{"role": "user", "content": content}]
        return read_reply(self._send({"model": self.model, "messages": messages}), offered)

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _send(self, body: dict[str, Any]) -> str:
        """Send a request until it is answered; give the text of the answer."""
        import httpx2

        fault, pause = "", 0.0
        for number in range(TRIES):
            if pause >= WORTH_SAYING:
                self._console.say(f"{self._host}: {fault}; trying again in {pause:.0f} s")
            time.sleep(pause)
            pause = FIRST_WAIT * 2**number * _jitter.uniform(1, 1.5)
            if shortage := self.ledger.shortage(1):
                raise BudgetSpent(f"--ask: {shortage}; the same command goes on with more")
            entry = self.ledger.debit(1)
            try:
                with self._client.stream("POST", self._url, json=body) as response:
                    status, data = response.status_code, _read_body(response)
            except httpx2.RequestError as error:
                fault = f"the connection failed ({type(error).__name__})"
                self.ledger.settle(entry, "failed")
                continue
            self.ledger.settle(entry, "answered" if status == 200 else str(status))
            if status == 200:
                return self._read_text(data)
            if status not in _busy and status < 500:
                raise TargetError(
                    f"--ask: {self._host} answered {status}; check the address, --model and the key"
                )
            fault, asked = f"it answered {status}", response.headers.get("Retry-After", "")
            if asked.isascii() and asked.isdecimal():
                pause = min(float(asked[:9]), LONGEST_WAIT)
        raise TargetUnavailable(
            f"--ask: {self._host} did not answer {TRIES} times; last, {fault}; the same command "
            "goes on later"
        )

    def _read_text(self, data: bytes) -> str:
        """Read the text of a completion; the empty string if the model gave none."""
        try:
            content = json.loads(data)["choices"][0]["message"].get("content")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            raise TargetError(
                f"--ask: {self._host} gave no chat completion; give the address before "
                "/chat/completions, such as https://HOST/v1"
            ) from None
        return content if isinstance(content, str) else ""


def _read_key(variable: str) -> str:
    """Read a key from the environment; no message shows it."""
    if not re.fullmatch(r"[A-Z_][A-Z0-9_]*", variable):
        raise ExperimentError(
            "--key-env: must be the name of an environment variable, in capitals (MY_API_KEY), and "
            "not the key"
        )
    key = os.environ.get(variable, "").strip()
    if not key or not key.isascii() or not key.isprintable():
        raise ExperimentError(f"--key-env: {variable} holds no key; set it to one line of ASCII")
    return key


def _read_body(response: httpx2.Response) -> bytes:
    """Read an answer as far as it may be long; a longer one is no JSON then."""
    data = b""
    for piece in response.iter_bytes():
        data += piece
        if len(data) > LARGEST:
            break
    return data


def read_reply(text: str, offered: Sequence[str]) -> tuple[str, int | None]:
    """Read a model's answer, the last JSON object in a text, as one of the choices."""
    known = {each.casefold(): each for each in offered}
    for found in reversed(re.findall(r"\{[^{}]*\}", text)):
        try:
            said = json.loads(found)
        except ValueError:
            continue
        sure = said.get("sure")
        answer = known.get(str(said.get("answer")).strip().casefold(), NO_ANSWER)
        return answer, sure if type(sure) is int and 1 <= sure <= 4 else None
    return NO_ANSWER, None


class Interview:
    """A model that is asked a quiz, and of evolved images also without the image."""

    def __init__(
        self,
        questions: Sequence[Question],
        plan: Preregistration,
        file: Path,
        endpoint: ModelEndpoint,
        console: Output,
    ) -> None:
        """Find out what is left to ask; nothing is asked yet.

        Args:
            questions: The questions.
            plan: Their design.
            file: The file of answers. Questions that it answers already are not asked again.
            endpoint: The model.
            console: Shows how far it is.

        Raises:
            BudgetSpent: The endpoint may not be sent as many requests.
            ExperimentError: The file holds answers to another quiz.
        """
        self._plan, self._file, self._endpoint, self._console = plan, file, endpoint, console
        self._player = f"{MODEL}{endpoint.model}"
        self._answers = read_answers([file])[0] if file.exists() else []
        if any((each.quiz, each.player) != (plan.quiz, self._player) for each in self._answers):
            raise ExperimentError(
                f"{file}: holds answers to another quiz, or of another model; move it away"
            )
        known = {each.image for each in self._answers}
        asked = [(str(number), each, True) for number, each in enumerate(questions, 1)]
        asked += [(f"{n} unseen", each, False) for n, each, _ in asked if each.kind == "evolved"]
        self._left = [each for each in asked if each[0] not in known]
        if len(self._left) > (endpoint.ledger.queries_left or 0):
            raise BudgetSpent(
                f"--ask: {len(self._left):,} questions are to be asked; nothing was asked. Allow "
                f"them with --max-queries {len(self._left)}, or ask about fewer images (--sample)"
            )

    def ask(self) -> None:
        """Ask what is left, and keep each answer at once.

        Raises:
            BudgetSpent: The budget does not suffice for repeated requests.
            TargetError: The service fails.
        """
        what = f"asking {self._endpoint.model}"
        if self._left:
            self._console.say(f"{what} {counted(len(self._left), 'question', 'questions')}")
        try:
            with self._console.progress(len(self._left), "questions") as note:
                note(what, 0)
                for question in self._left:
                    self._ask(*question)
                    note(what, 1)
        except KeyboardInterrupt:
            count = counted(len(self._answers), "answer is", "answers are")
            self._console.say(f"{count} kept in {self._file}; the same command asks the rest")
            raise
        finally:
            self._endpoint.close()

    def _ask(self, image: str, question: Question, shown: bool) -> None:
        began = time.monotonic()
        answer, sure = self._endpoint.ask(question, shown=shown)
        row = question.row(int(image.partition(" ")[0])) | {"quiz": self._plan.quiz, "image": image}
        row |= {"kind": question.kind if shown else UNSEEN, "player": self._player, "sure": sure}
        row |= {"answer": answer, "seconds": round(time.monotonic() - began, 2)}
        self._answers.append(QuizAnswer.model_validate(row))
        save(self._file, records_of(self._answers).csv().encode())

    def summary(self) -> str:
        """Say where the answers are, and how many replies name none of the choices."""
        text = f"The answers of {self._endpoint.model} are in {self._file}"
        if unread := sum(each.is_unread for each in self._answers):
            replies = counted(len(self._answers), "reply", "replies")
            text += f"; {unread:,} of {replies} could not be read and count as “{NO_ANSWER}”"
        return f"{text}; neatfool recognise reads them"
