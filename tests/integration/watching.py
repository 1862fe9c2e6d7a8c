"""The program while it watches: its events as they come."""

import json
import queue
import signal
import threading
import time


class Watching:
    """`watch --json` running; events are read on a thread, so that none has to be awaited."""

    def __init__(self, program, *arguments, **how):
        self.program = program
        self.process = program.start("watch", "--json", *arguments, **how)
        self.seen = []
        self.fresh = queue.Queue()
        self.stderr = b""
        self.threads = [threading.Thread(target=self._read_events, daemon=True),
                        threading.Thread(target=self._read_messages, daemon=True)]
        for thread in self.threads:
            thread.start()

    def _read_events(self):
        for line in self.process.stdout:
            event = json.loads(line)
            self.seen.append(event)
            self.fresh.put(event)
        self.fresh.put(None)

    def _read_messages(self):
        self.stderr = self.process.stderr.read()

    def wait_for(self, kind, filename=None, timeout_s=20):
        """The next event of that kind (and key) that was not waited for before."""
        deadline = time.monotonic() + timeout_s
        while True:
            left = deadline - time.monotonic()
            assert left > 0, f"no {kind} {filename}; last: {self.seen[-5:]}, {self.stderr}"
            try:
                event = self.fresh.get(timeout=left)
            except queue.Empty:
                continue
            assert event is not None, f"ended before {kind} {filename}: {self.messages()}"
            if event["event"] == kind and filename in (None, event.get("filename")):
                return event

    def messages(self):
        self.threads[1].join(timeout=5)
        return self.stderr.decode()

    def events(self, kind):
        return [event for event in self.seen if event["event"] == kind]

    def kill(self):
        self.process.kill()
        self.process.wait()

    def end(self, number=signal.SIGTERM, exits=0, timeout_s=8):
        """Stop it as a service manager does."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            self.process.wait(timeout=timeout_s)
        except Exception:
            self.process.kill()
            raise AssertionError(f"it did not end: {self.seen[-5:]}, {self.messages()}") from None
        for thread in self.threads:
            thread.join(timeout=5)
        assert self.process.returncode == exits, self.messages()
        assert self.program.secret not in self.stderr
        assert b"Sanitizer" not in self.stderr and b"runtime error" not in self.stderr, self.stderr
        return self.messages()
