"""A server on loopback that takes webhooks, and the news of a study to send to it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from danlu import Float, Space, Study


class Server(ThreadingHTTPServer):
    """Keeps what is posted; answers with the statuses that it is given, then with 200."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.posted, self.statuses, self.headers = [], [], []
        self.release = threading.Event()
        self.release.set()
        self.url = f"http://127.0.0.1:{self.server_port}/secret-path"

    @property
    def events(self):
        return [body["event"] for body in self.posted]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.release.wait(20)
        self.server.posted.append(json.loads(body))
        self.server.headers.append(dict(self.headers))
        status = self.server.statuses.pop(0) if self.server.statuses else 200
        self.send_response(status)
        if 300 <= status < 400:
            self.send_header("Location", "file:///etc/passwd")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def do_GET(self):
        self.server.posted.append({"event": "GET"})

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    """A running server."""
    monkeypatch.setenv("no_proxy", "*")
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.release.set()
    running.shutdown()
    running.server_close()
    thread.join()


@pytest.fixture
def study():
    """A study without trials."""
    return Study(Space({"lr": Float(1e-4, 1e-1, log=True, default=0.01)}), minimize="loss", strategy="random")
