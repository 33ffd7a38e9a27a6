"""A key/value server with the semantics of Consul's (https://developer.hashicorp.com/consul/api-docs/kv): blocking queries by
X-Consul-Index, base64 values, 404 for a prefix without keys, 403 for a wrong token. It can also fail in several ways."""
import base64
import contextlib
import json
import threading
import urllib.parse

from tests.harness.loopback_http import LoopbackHttp


class Consul:
    """Serves on a free loopback port, or on `port`. Use `end()`, or the clean-up of a test."""

    def __init__(self, token="", port=0):
        self.token = token
        self.keys, self.index = {}, 10
        self.mode = "ok"  # or: error (500), hang (no reply), page (a web page with status 200)
        self.queries = []  # the parameters of each request
        self.abandoned = 0  # how often the blocking queries were ended
        self.changed = threading.Condition()
        self.server = LoopbackHttp(port, GET=self.reply)
        self.port, self.address = self.server.port, self.server.authority

    def end(self):
        self.set_mode("ended")
        self.server.close()

    def put(self, **values):
        """Sets keys below `weir/`; None deletes one."""
        with self.changed:
            self.index += 1
            for name, value in values.items():
                if value is None:
                    self.keys.pop(f"weir/{name}", None)
                else:
                    self.keys[f"weir/{name}"] = (str(value).encode(), self.index)
            self.changed.notify_all()

    def set_mode(self, mode):
        with self.changed:
            self.mode = mode
            self.abandoned += 1
            self.changed.notify_all()

    def set_index(self, index, **values):
        """As after a restore of a snapshot: the index goes backwards, and queries that block are ended."""
        with self.changed:
            self.index = index
            for name, value in values.items():
                self.keys[f"weir/{name}"] = (str(value).encode(), index)
            self.abandoned += 1
            self.changed.notify_all()

    def reply(self, request):
        url = urllib.parse.urlsplit(request.path)
        query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        prefix = urllib.parse.unquote(url.path.removeprefix("/v1/kv/"))
        with self.changed:
            self.queries.append(query)
            known = int(query.get("index", 0))
            if known and self.mode == "ok":
                seconds = float(query.get("wait", "300s").removesuffix("s"))
                abandoned = self.abandoned
                self.changed.wait_for(lambda: self.index > known or self.abandoned != abandoned, seconds * 17 / 16)
            if self.mode == "hang":
                self.changed.wait_for(lambda: self.mode != "hang", 60)
            mode, index = self.mode, self.index
            found = [{"LockIndex": 0, "Key": key, "Flags": 0,
                      "Value": base64.b64encode(value).decode() if value else None,
                      "CreateIndex": changed, "ModifyIndex": changed}
                     for key, (value, changed) in sorted(self.keys.items()) if key.startswith(prefix)]
        status, body = (200, json.dumps(found)) if found else (404, "")
        if self.token and request.headers.get("X-Consul-Token") != self.token:
            status, body = 403, "Permission denied: token with AccessorID 'anonymous' lacks permission 'key:list'"
        if mode == "error":
            status, body = 500, "rpc error making call: No cluster leader"
        if mode == "page":
            status, body = 200, "<!DOCTYPE html><p>Consul by HashiCorp"
        if mode == "ended":
            request.close_connection = True
            return
        request.send_response(status)
        if status in (200, 404):
            request.send_header("X-Consul-Index", str(index))
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        with contextlib.suppress(OSError):  # the client did not wait that long
            request.wfile.write(body.encode())
