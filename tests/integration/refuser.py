"""Stands between the program and a server, and refuses what it is told to, as AWS does."""

import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP_BY_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}


class Refuser:
    """refused holds names of calls: "?location", "LIST", "LISTEN", "GET", "sqs:SendMessage", "sts"."""

    def __init__(self, server_port):
        self.server_port = server_port
        self.refused = {}  # name of the call: how it is refused, see answer()
        self.times = {}  # name of the call: how often yet; not there: always
        self.calls = []
        self.change = None  # what a good answer becomes: change(call, headers, body) -> both
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), self.handler())
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # the program went away
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def refuse(self, call, status=403, code="AccessDenied", message="Access Denied", headers=None,
               times=None):
        self.refused[call] = (status, code, message, headers or {})
        if times:
            self.times[call] = times

    def tell(self, call, body):
        """Answer with that, as if all were well."""
        self.refused[call] = (200, None, body, {})

    def refusal_of(self, *names):
        """How the first of these names is refused, or None."""
        name = next((name for name in names if name in self.refused), None)
        found = self.refused.get(name)
        if name in self.times:
            self.times[name] -= 1
            if self.times[name] == 0:
                del self.refused[name], self.times[name]
        return found

    def handler(self):
        refuser = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def any_method(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                call = name_of(self.command, self.path, self.headers)
                refuser.calls.append((self.command, call))
                found = refuser.refusal_of(f"{self.command} {call}", call)
                status, headers, answer = (
                    refusal(found, call) if found else refuser.forward(self, body))
                if refuser.change and not found:
                    headers, answer = refuser.change(call, headers, answer)
                self.send_response_only(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = any_method

            def log_message(self, *_):
                pass

        return Handler

    def forward(self, request, body):
        server = http.client.HTTPConnection("127.0.0.1", self.server_port, timeout=30)
        headers = {n: v for n, v in request.headers.items() if n.lower() != "connection"}
        server.request(request.command, request.path, body=body, headers=headers)
        answer = server.getresponse()
        kept = [(n, v) for n, v in answer.getheaders() if n.lower() not in HOP_BY_HOP]
        result = answer.status, kept, answer.read()
        server.close()
        return result


def name_of(method, path, headers):
    target = headers.get("X-Amz-Target", "")
    if target:
        return "sqs:" + target.split(".")[1]
    if "/sts/aws4_request" in headers.get("Authorization", ""):
        return "sts"
    parts = urlsplit(path)
    for subresource in ("location", "versioning", "notification"):
        if parts.query.split("=")[0] == subresource:
            return "?" + subresource
    if parts.query.startswith("events="):
        return "LISTEN"
    return "LIST" if "list-type=" in parts.query else method


def refusal(how, call):
    status, code, message, headers = how
    if call.startswith("sqs:"):
        body = message if code is None else json.dumps(
            {"__type": f"com.amazonaws.sqs#{code}", "message": message})
        kind = "application/x-amz-json-1.0"
    else:
        body = f"<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        kind = "application/xml"
    return status, [("Content-Type", kind), *headers.items()], body.encode()
