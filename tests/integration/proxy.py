"""A proxy before a server, for requests without bodies: counts them, slows them down, fails them."""

import socket
import threading
import time
from urllib.parse import unquote, urlsplit


class Listener:
    """Takes connections on a port of its own, and serves each on a thread."""

    def __init__(self, server_port, family=socket.AF_INET):
        self.server_port = server_port
        self.listener = socket.create_server(("::1" if family == socket.AF_INET6 else "127.0.0.1",
                                              0), family=family, backlog=128)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self):
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()


class Proxy(Listener):
    def __init__(self, server_port):
        super().__init__(server_port)
        self.delay_s = 0  # before each object is read
        self.refuse = False  # every request: the connection just closes
        self.fail_reads_of = None  # reads of keys that hold this text are answered 500
        self.changed = threading.Condition()
        self.requests = []  # (method, target), in the order they came

    def env(self):
        """Sends the program this way."""
        return {"AWS_ENDPOINT_URL": self.url}

    def object_reads(self):
        """The bucket/key of each GET of an object, decoded."""
        with self.changed:
            return [path for path in map(object_path, self.requests) if path]

    def wait_for_reads(self, count, timeout_s=30):
        """Return when so many objects were asked for since the last forget()."""
        with self.changed:
            enough = self.changed.wait_for(
                lambda: sum(1 for r in self.requests if object_path(r)) >= count, timeout_s)
        assert enough, f"fewer than {count} objects were read in {timeout_s} s"

    def forget(self):
        with self.changed:
            self.requests.clear()

    def serve(self, client):
        with client, socket.create_connection(("127.0.0.1", self.server_port)) as server:
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            try:
                self.forward(client, server)
            except OSError:
                pass
            shut(server)
            back.join()

    def forward(self, client, server):
        pending = b""
        while True:
            while b"\r\n\r\n" not in pending:
                data = client.recv(65536)
                if not data:
                    return
                pending += data
            head, pending = pending.split(b"\r\n\r\n", 1)
            method, target, _ = head.split(b"\r\n")[0].decode("latin-1").split(" ")
            with self.changed:
                self.requests.append((method, target))
                self.changed.notify_all()
            path = object_path((method, target))
            if self.refuse:
                return
            if self.fail_reads_of and path and self.fail_reads_of in path:
                client.sendall(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
                continue
            if self.delay_s and path:
                time.sleep(self.delay_s)
            server.sendall(head + b"\r\n\r\n")


class Pipe(Listener):
    """A proxy for anything, which breaks every connection on demand, and takes none while closed."""

    def __init__(self, server_port):
        super().__init__(server_port)
        self.is_closed = False
        self.opened = []

    def __exit__(self, *_):
        super().__exit__()
        self.cut()

    def cut(self):
        opened, self.opened = self.opened, []
        for connection in opened:
            shut(connection)

    def serve(self, client):
        if self.is_closed:
            client.close()
            return
        with client, socket.create_connection(("127.0.0.1", self.server_port)) as server:
            self.opened += [client, server]
            back = threading.Thread(target=pump, args=(server, client), daemon=True)
            back.start()
            pump(client, server)
            back.join()


def object_path(request):
    method, target = request
    parts = urlsplit(target)
    bucket, _, key = parts.path.lstrip("/").partition("/")
    if method != "GET" or not key or "list-type=" in parts.query:
        return None
    return unquote(f"{bucket}/{key}")


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    shut(sink)


def shut(connection):
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
