"""A tiny AWS endpoint for tests: answers what a test tells it to, and remembers what it was asked."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

JSON = "application/x-amz-json-1.1"
XML = "text/xml"


@dataclass(frozen=True)
class Asked:
    """One request: method, path with query, headers (names in lower case) and body."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def operation(self) -> str:
        """What is asked: the JSON protocol's target, the query protocol's action, or the path."""
        if "x-amz-target" in self.headers:
            return self.headers["x-amz-target"].split(".")[-1]
        if self.body.startswith(b"Action="):
            return self.body[7:].split(b"&")[0].decode()
        return self.path


@dataclass(frozen=True)
class Answer:
    """What is answered; `length` overrides the Content-Length."""

    body: bytes = b"{}"
    status: int = 200
    kind: str = JSON
    length: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


def error(code: str, message: str = "no", status: int = 400) -> Answer:
    """An error in the JSON protocol's form."""
    return Answer(f'{{"__type": "{code}", "message": "{message}"}}'.encode(), status)


class Stub:
    """The server. `answer` is called for each request (in order of `asked`), from many threads."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_all(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                with stub.lock:
                    stub.asked.append(asked)
                answer = stub.answer(asked)
                with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                    self.reply(answer)

            def reply(self, answer: Answer) -> None:
                self.send_response(answer.status)
                self.send_header("Content-Type", answer.kind)
                self.send_header("Content-Length", str(len(answer.body) if answer.length is None else answer.length))
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)
                if answer.length is not None:
                    self.close_connection = True

            do_GET = do_POST = do_PUT = do_PATCH = handle_all  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator["Stub"]:
        """Serve while the block runs."""
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()
            thread.join()
