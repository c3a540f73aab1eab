"""Keeps other sites' pages away from a service on this machine.

A browser sends what any page asks for, also to addresses that only this machine reaches. Two signs
tell such a request from others. Its ``Host`` is the page's own name, if that name was made to lead
here (*DNS rebinding*). Else ``Origin`` or ``Sec-Fetch-Site`` names another page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.responses import PlainTextResponse

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

ADDRESS: Final = re.compile(r"(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:.]+\])(:\d+)?")
"""A ``Host`` that is no name: nobody can make an address lead elsewhere."""


class BrowserGuard:
    """Answers requests to an address or to one of some names, but none of another site's page."""

    def __init__(self, app: ASGIApp, names: Iterable[str]) -> None:
        """Guard an application.

        Args:
            app: The application.
            names: Names of this machine, such as ``localhost``; ``*.example.org`` stands for all
                that end so, and ``*`` for any.
        """
        self._app = app
        self._by_name = TrustedHostMiddleware(app, [*names], www_redirect=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        answer: ASGIApp = self._app
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            if _is_another_pages(scope["method"], headers):
                answer = PlainTextResponse("the page of another site asks", 403)
            elif not ADDRESS.fullmatch(headers.get("host", "")):
                answer = self._by_name
        await answer(scope, receive, send)


def _is_another_pages(method: str, headers: Headers) -> bool:
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin")
    # A link on another page may be followed: that page cannot read what it leads to.
    is_followed = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
    if site not in {"none", "same-origin"} and not is_followed:
        return True
    own = headers.get("host", "").lower()
    return origin is not None and origin.lower() not in {f"http://{own}", f"https://{own}"}
