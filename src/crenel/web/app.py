"""The dashboard as a WSGI application: from a request to a page, or its twin in JSON.

Only GET and HEAD are answered, and nothing that is asked changes anything. Whatever is shown is escaped, and the
browser is told to load nothing, run nothing and be framed by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import duckdb
from werkzeug import Request, Response
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule

from crenel.errors import CrenelError, LakeError
from crenel.report.pages.rendering import environment, json_text, style, style_mark
from crenel.report.text import plain
from crenel.web.guard import COOKIE, Guard
from crenel.web.page import Ask, NotFoundError, Page
from crenel.web.shelf import Shelf
from crenel.web.views.alerts import alerts
from crenel.web.views.console import console
from crenel.web.views.finding import finding
from crenel.web.views.findings import findings
from crenel.web.views.frameworks import control, framework, frameworks
from crenel.web.views.overview import overview
from crenel.web.views.policies import policies, policy
from crenel.web.views.resources import resource, resources, resources_of
from crenel.web.views.snapshots import snapshots

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

THEMES = ("auto", "light", "dark")
_THEME = "crenel-theme"
_YEAR = 365 * 24 * 3600
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
# The pages, by path; a path that ends in .json is the same page's twin.
_PAGES: Mapping[str, Callable[[Ask], Page]] = {
    "/": overview,
    "/overview": overview,
    "/findings": findings,
    "/findings/<id>": finding,
    "/policies": policies,
    "/policies/<path:name>": policy,
    "/resources": resources,
    "/resources/<kind>": resources_of,
    "/resource": resource,
    "/frameworks": frameworks,
    "/frameworks/<path:id>/control": control,
    "/frameworks/<path:id>": framework,
    "/alerts": alerts,
    "/sql": console,
    "/snapshots": snapshots,
}
_NAVIGATION = (
    ("/", "Overview"),
    ("/findings", "Findings"),
    ("/frameworks", "Frameworks"),
    ("/policies", "Policies"),
    ("/resources", "Resources"),
    ("/alerts", "Alerts"),
    ("/sql", "SQL"),
    ("/snapshots", "Snapshots"),
)
_ROUTES = Map([Rule(path, endpoint=view, merge_slashes=False) for path, view in _PAGES.items()], strict_slashes=True)


@dataclass(frozen=True)
class Dashboard:
    """The application over a lake. `alerts` is a file that `crenel detect --format ndjson` wrote, if there is one."""

    shelf: Shelf
    guard: Guard
    alerts: Path | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        request = Request(environ)
        response = self._answer(request)
        for name, value in _HEADERS.items():
            response.headers[name] = value
        response.headers.setdefault("Cache-Control", "no-store")
        return response(environ, start_response)

    def _answer(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return self._failed(request, MethodNotAllowed(["GET", "HEAD"]))
        if not self.guard.knows(request):
            text = "The dashboard is not called by this name. See crenel serve --name.\n"
            return Response(text, HTTPStatus.MISDIRECTED_REQUEST, mimetype="text/plain")
        if request.path == "/crenel.css":
            cached = {"Cache-Control": f"max-age={_YEAR}, immutable"}
            return Response(style(), headers=cached, mimetype="text/css")
        if not self.guard.admits(request):
            return self._admitted(request)
        try:
            return self._page(request)
        except HTTPException as error:
            return self._failed(request, error)
        except (CrenelError, duckdb.Error, OSError) as error:
            return self._told(request, error)

    def _page(self, request: Request) -> Response:
        path = request.path.removesuffix(".json")
        view, names = _ROUTES.bind("", path_info=path or "/").match()
        arguments = [(name, value) for name, value in request.args.items(multi=True) if name != "token"]
        ask = Ask(self.shelf, names, arguments, self.alerts)
        return self._rendered(request, view(ask), ask)

    def _rendered(self, request: Request, page: Page, ask: Ask | None) -> Response:
        if request.path.endswith(".json"):
            shown = {name: value for name, value in page.values.items() if not name.endswith("_chart")}
            return Response(json_text(shown), page.status, mimetype="application/json")
        theme = _theme(request)
        html = (
            environment()
            .get_template(page.template)
            .render(**page.values, title=page.title, site=self._site(request, ask, theme))
        )
        response = Response(html, page.status, mimetype="text/html")
        if request.args.get("theme") in THEMES:
            response.set_cookie(_THEME, theme, max_age=_YEAR, httponly=True, samesite="Strict")
        return response

    def _site(self, request: Request, ask: Ask | None, theme: str) -> dict[str, Any]:
        """Return what every page has around its own."""
        asked = ask or Ask(self.shelf)
        arguments = [(name, value) for name, value in request.args.items(multi=True) if name not in ("theme", "token")]
        return {
            "link": asked.link,
            "snapshot": asked.snapshot,
            "navigation": [
                {"path": path, "label": label, "here": _here(request.path, path)} for path, label in _NAVIGATION
            ],
            "theme": theme,
            "themes": [{"name": name, "url": _address(request.path, [*arguments, ("theme", name)])} for name in THEMES],
            "twin": _address("/overview.json" if request.path == "/" else f"{request.path}.json", arguments),
            "style": f"/crenel.css?{style_mark()}",
            "path": request.path,
            "scan": _scan(asked),
        }

    def _admitted(self, request: Request) -> Response:
        """Take the token out of the address and into a cookie, or ask for it."""
        if self.guard.is_token(request.args.get("token", "")):
            rest = [(name, value) for name, value in request.args.items(multi=True) if name != "token"]
            response = Response(status=HTTPStatus.SEE_OTHER, headers={"Location": _address(request.path, rest)})
            response.set_cookie(COOKIE, self.guard.proof(), httponly=True, samesite="Strict", secure=request.is_secure)
            return response
        page = Page("token.html", "A token is needed", {"wrong": "token" in request.args}, HTTPStatus.UNAUTHORIZED)
        response = self._rendered(request, page, None)
        response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _told(self, request: Request, error: CrenelError | duckdb.Error | OSError) -> Response:
        """Return the page of an error that was foreseen."""
        status = HTTPStatus.BAD_REQUEST
        if isinstance(error, NotFoundError):
            status = HTTPStatus.NOT_FOUND
        elif isinstance(error, LakeError | duckdb.Error | OSError):
            status = HTTPStatus.SERVICE_UNAVAILABLE
        message = error.message if isinstance(error, CrenelError) else plain(str(error))
        hint = error.suggestion if isinstance(error, CrenelError) else ""
        return self._error(request, status, message, hint)

    def _failed(self, request: Request, error: HTTPException) -> Response:
        if error.response is not None:  # a redirect to the same page by its right address
            return Response(status=error.response.status_code, headers={"Location": error.response.headers["Location"]})
        if isinstance(error, MethodNotAllowed):
            response = self._error(
                request, HTTPStatus.METHOD_NOT_ALLOWED, "the dashboard only answers GET and HEAD.", ""
            )
            response.headers["Allow"] = "GET, HEAD"
            return response
        told = "there is no such page." if isinstance(error, NotFound) else str(error.description)
        return self._error(request, HTTPStatus(error.code or HTTPStatus.BAD_REQUEST), told, "")

    def _error(self, request: Request, status: HTTPStatus, message: str, hint: str) -> Response:
        words = f"{message[:1].upper()}{message[1:]}"
        values = {"error": {"status": status.value, "phrase": status.phrase, "message": words, "suggestion": hint}}
        return self._rendered(request, Page("error.html", status.phrase, values, status), None)


def _theme(request: Request) -> str:
    wanted = request.args.get("theme") or request.cookies.get(_THEME, "")
    return wanted if wanted in THEMES else THEMES[0]


def _scan(ask: Ask) -> dict[str, Any] | None:
    """Return which snapshot a page shows; None for one that shows none."""
    opened = vars(ask).get("opened")  # what a view asked for; it is not laid out for this alone
    return {"id": opened.snapshot.info.id, "started_at": opened.snapshot.info.started_at} if opened else None


def _here(path: str, place: str) -> bool:
    if place == "/":
        return path in ("/", "/overview")
    return path == place or path.startswith(f"{place}/") or (place == "/resources" and path == "/resource")


def _address(path: str, arguments: Iterable[tuple[str, str]]) -> str:
    query = "&".join(f"{quote(name)}={quote(value)}" for name, value in arguments)
    # A path of two slashes would be another host's.
    return f"/{quote(path.lstrip('/'), safe='/')}" + (f"?{query}" if query else "")
