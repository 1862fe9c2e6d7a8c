"""Stands before a queue: sees each request, and answers some of them itself."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Gate:
    def __init__(self, server):
        self.answers = {}  # action: (status, body), or None: the connection just closes
        self.asked = []  # actions, in the order they came
        self.changed = threading.Condition()
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                action = self.headers["X-Amz-Target"].partition(".")[2]
                with gate.changed:
                    gate.asked.append(action)
                    gate.changed.notify_all()
                if action not in gate.answers:
                    self.reply(*forward(server.port, self.path, self.headers, body))
                elif gate.answers[action]:
                    status, text = gate.answers[action]
                    self.reply(status, text.encode())
                else:
                    self.close_connection = True

            def reply(self, status, body):
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.http.handle_error = lambda *_: None  # the program went away
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}"

    def __enter__(self):
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.http.shutdown()
        self.http.server_close()

    def wait_for(self, action, count=1, timeout_s=30):
        """Return when it was asked for so often from now on."""
        with self.changed:
            wanted = self.asked.count(action) + count
            enough = self.changed.wait_for(lambda: self.asked.count(action) >= wanted, timeout_s)
        assert enough, f"{action}: not {count} more; {self.asked}"


def forward(port, path, headers, body):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        kept = {name: headers[name] for name in ("Content-Type", "X-Amz-Target", "Authorization",
                                                 "X-Amz-Date") if headers[name]}
        connection.request("POST", path, body, kept)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()
