"""Reads the change feed as the HTML standard's EventSource does (9.2), with Python's
standard library.

Standard input has one command per line as JSON, and standard output receives the result
of each: "listen" connects to a path, "heard" returns the events once there are that many
changes.
"""

import json
import os
import sys
import threading
import time
import urllib.error
import urllib.request


class EventSource:
    """Reconnects by itself, with the id of the last event that had data."""

    def __init__(self, path):
        self.url = os.environ["SIGNALBOX_URL"] + path
        self.last_id = ""
        self.retry = 1.0
        self.positioned = threading.Event()
        self.more = threading.Condition()
        self.changes, self.resyncs = [], 0
        threading.Thread(target=self.follow, daemon=True).start()

    def follow(self):
        while True:
            headers = {"Authorization": "ApiKey " + os.environ["SIGNALBOX_KEY"]}
            if self.last_id:
                headers["Last-Event-ID"] = self.last_id
            try:
                with urllib.request.urlopen(urllib.request.Request(self.url, headers=headers)) as response:
                    self.read(response)
            except urllib.error.HTTPError as refused:
                sys.exit(f"refused for good: {refused}")
            except OSError:
                pass
            time.sleep(self.retry)

    def read(self, lines):
        fields = {}
        for line in lines:
            name, _, value = line.decode().rstrip("\n").partition(":")
            if line == b"\n":
                self.dispatch(fields)
                fields = {}
            elif name == "retry":
                self.retry = int(value) / 1000
            else:
                fields[name] = value.removeprefix(" ")

    def dispatch(self, fields):
        if "data" not in fields:
            return
        self.last_id = fields.get("id", self.last_id)
        with self.more:
            if fields.get("event") == "change":
                self.changes.append(json.loads(fields["data"])["revision"])
            elif fields.get("event") == "resync":
                self.resyncs += 1
            self.more.notify_all()
        self.positioned.set()

    def heard(self, count):
        with self.more:
            self.more.wait_for(lambda: len(self.changes) >= count)
            return {"changes": self.changes, "resyncs": self.resyncs}


source = None
for line in sys.stdin:
    command = json.loads(line)
    if command["do"] == "listen":
        source = EventSource(command["path"])
        source.positioned.wait()
        answer = {}
    else:
        answer = source.heard(command["count"])
    print(json.dumps(answer), flush=True)
