"""API keys, the dashboard password, rate limits and CORS on a real process, and that no secret is shown anywhere."""
import base64
import json
import os
import pathlib
import signal
import subprocess
import time

from tests.harness import weir

KEY, OTHER, PASSWORD = "hunter2-web-key", "hunter2:app:key", "hunter2 dashboard"
ORIGIN = {"Origin": "https://shop.example"}


def basic(user, password=""):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


class Access(weir.Case):
    def command(self, *arguments, **environment):
        """Runs a command of weir and returns (exit code, output)."""
        done = subprocess.run([str(weir.BINARY), *arguments], env={**os.environ, **environment}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    def with_keys(self, **more):
        one = self.weir(API_KEYS=f"web:{KEY}, app:{OTHER}", **more).start()
        one.credentials = {"X-Api-Key": KEY}
        return one

    def test_each_way_to_send_a_key(self):
        one = self.with_keys()
        for path, body in (("/activity", weir.activity()), ("/activities", [weir.activity()])):
            for headers in ({"Authorization": f"Bearer {KEY}"}, {"X-Api-Key": OTHER}, basic(KEY)):
                self.assertEqual(one.post(path, body, headers).status, 200, headers)
            self.assertEqual(one.post(f"{path}?key={KEY}", body).status, 200)
            missing = one.post(path, body)
            self.assertEqual((missing.status, missing.headers["WWW-Authenticate"]), (401, 'Bearer realm="weir"'))
            wrong = one.post(path, body, {"X-Api-Key": "wrong"})
            self.assertEqual((wrong.status, wrong.json()), (403, {"error": "the API key is unknown"}))
        self.assertEqual(one.wait_counted()["tallied"], 8)
        self.assertEqual(one.get("/api/v1/summary").status, 200, "keys alone do not close the reading side")
        metrics = one.get("/metrics").body.decode()
        for line in ('weir_access_key_requests_total{key="web",outcome="accepted"} 6',
                     'weir_access_key_requests_total{key="app",outcome="accepted"} 2',
                     'weir_access_refused_total{reason="key_missing"} 2',
                     'weir_access_refused_total{reason="key_unknown"} 2'):
            self.assertIn(line, metrics)

    def test_the_reading_side_needs_the_password_or_a_key(self):
        one = self.with_keys(DASHBOARD_PASSWORD=PASSWORD)
        for path in ("/", "/app.js", "/api/v1/summary", "/api/v1/top?dimension=page", "/api/v1/openapi.json"):
            refused = one.get(path)
            self.assertEqual(refused.status, 401, path)
            self.assertTrue(refused.headers["WWW-Authenticate"].startswith('Basic realm="weir"'))
            self.assertNotIn("Access-Control-Allow-Origin", one.get(path, headers=ORIGIN).headers)
            self.assertEqual(one.get(path, headers=basic("weir", "wrong")).status, 401)
            self.assertEqual(one.get(path, headers=basic("weir", PASSWORD)).status, 200)
            self.assertEqual(one.get(path, headers={"Authorization": f"Bearer {KEY}"}).status, 200)
            self.assertEqual(one.get(path + ("&" if "?" in path else "?") + f"key={KEY}").status, 200)
        for path in ("/health", "/health/live", "/health/ready", "/metrics"):
            self.assertEqual(one.get(path).status, 200, path)
        self.assertEqual(one.post("/activity", weir.activity(), basic("weir", PASSWORD)).status, 403)

    def test_the_commands_send_a_key_or_the_password(self):
        one = self.with_keys(DASHBOARD_PASSWORD=PASSWORD)
        events = self.folder / "events.ndjson"
        events.write_text(json.dumps(weir.activity()) + "\n")
        url = f"http://127.0.0.1:{one.port}"
        state = ["--state", str(self.folder / "state")]
        code, out = self.command("import", str(events), "--url", url, *state)
        self.assertEqual(code, 1)
        self.assertIn("401", out)
        self.assertEqual(self.command("import", str(events), "--url", url, *state, WEIR_API_KEY=KEY)[0], 0)
        self.assertEqual(self.command("import", str(events), "--url", url, "--again", *state, "--key", OTHER)[0], 0)
        self.assertEqual(one.wait_counted()["tallied"], 2)
        self.assertEqual(self.command("stats", "--url", url)[0], 1)
        for arguments, environment in ((["--key", KEY], {}), ([], {"WEIR_API_KEY": KEY}), ([], {"DASHBOARD_PASSWORD": PASSWORD})):
            code, out = self.command("stats", "--url", url, "--format", "json", *arguments, **environment)
            self.assertEqual((code, json.loads(out)["summary"]["events"]), (0, 2), out)
        code, out = self.command("stats", "--key", "hunter2 \n")
        self.assertEqual(code, 2)
        self.assertNotIn("hunter2", out)

    def test_ps_does_not_show_a_key(self):
        silent = weir.free_port()  # nothing answers there, so import waits
        with subprocess.Popen([str(weir.BINARY), "import", "-", "--state", str(self.folder / "state"), "--url",
                               f"http://127.0.0.1:{silent}", "--key", KEY], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            arguments = pathlib.Path(f"/proc/{process.pid}/cmdline")
            weir.wait_until(lambda: b"xxxx" in arguments.read_bytes(), 10, "the key to be overwritten")
            self.assertNotIn(KEY.encode(), arguments.read_bytes())
            process.kill()

    def test_fault_37_no_secret_is_shown(self):
        one = self.with_keys(DASHBOARD_PASSWORD=PASSWORD, LOG_LEVEL="debug")
        headers = {"Authorization": f"Bearer {KEY}"}
        shown = [one.post("/activity?key=" + KEY, weir.activity(), headers).body, one.post("/activity", "{", headers).body,
                 one.post("/activity?key=hunter2-wrong", weir.activity(), {"X-Api-Key": "hunter2-wrong"}).body,
                 one.get("/api/v1/summary", headers=basic("weir", "hunter2-wrong")).body,
                 one.get("/api/v1/summary?no_such=1&key=" + KEY).body, one.get("/nowhere?key=" + KEY).body,
                 one.get("/metrics").body]
        one.process.send_signal(signal.SIGHUP)
        weir.wait_until(lambda: "SIGHUP received" in one.log(), 10, "the signal")
        one.wait_counted()
        one.stop()
        shown += [one.log().encode(), *(path.read_bytes() for path in (one.folder / "data").iterdir() if path.is_file())]
        settings = {"API_KEYS": f"web:{KEY}", "DASHBOARD_PASSWORD": PASSWORD, "WEIR_API_KEY": KEY}
        code, out = self.command("config", **settings)
        self.assertEqual(code, 0)
        self.assertRegex(out, r"API_KEYS +\*\*\*")
        shown.append(out.encode())
        code, out = self.command("serve", API_KEYS=f"web:{KEY},web:{OTHER}", TRUSTED_PROXIES="proxy")
        self.assertEqual(code, 2)
        self.assertIn("API_KEYS: expected name:secret", out)
        self.assertIn("entry 2: its name is that of an earlier entry", out)
        self.assertIn('TRUSTED_PROXIES="proxy": expected a list of networks', out)
        shown.append(out.encode())
        for text in shown:
            self.assertNotIn(b"hunter2", text)

    def test_errors_have_the_cors_headers_of_the_ingest_paths(self):
        one = self.with_keys(RATE_LIMIT_RPS=1, RATE_LIMIT_BURST=4, MAX_BODY_BYTES=100_000)
        key = {"X-Api-Key": KEY}
        replies = [one.post("/activity", weir.activity(), {**ORIGIN, **more})
                   for more in (key, {}, {"X-Api-Key": "wrong"}, {**key, "Content-Encoding": "br"})]
        replies.append(one.post("/activity", "x" * 200_000, {**ORIGIN, **key}))
        replies.append(one.post("/activity", "{", {**ORIGIN, **key}))
        replies.append(one.get("/activity", headers=ORIGIN))
        replies.append(one.post("/activity?" + "x" * 8300, "", ORIGIN))
        replies.append(one.post("/activity", "", {**ORIGIN, "X-Long": "x" * 40_000}))
        replies += [one.post("/activities", [], {**ORIGIN, **key}) for _ in range(5)]
        statuses = [reply.status for reply in replies]
        self.assertEqual(statuses[:9], [200, 401, 403, 415, 413, 400, 405, 414, 431])
        self.assertEqual(statuses[-1], 429)
        for reply in replies:
            self.assertEqual(reply.headers.get("Access-Control-Allow-Origin"), "https://shop.example", reply.status)
            self.assertEqual(reply.headers.get("Access-Control-Allow-Credentials"), "true", reply.status)
            self.assertEqual(reply.headers.get("Vary"), "Origin", reply.status)
        preflight = one.request("OPTIONS", "/activity", headers={**ORIGIN, "Access-Control-Request-Method": "POST"})
        self.assertEqual(preflight.status, 204, "a preflight needs no key")
        self.assertEqual(preflight.headers["Access-Control-Max-Age"], "86400")

    def test_the_rate_limit_is_that_of_a_key_or_of_a_client_behind_a_proxy(self):
        one = self.with_keys(RATE_LIMIT_RPS=1, RATE_LIMIT_BURST=3, TRUSTED_PROXIES="127.0.0.0/8")

        def statuses(headers, count=5):
            return [one.post("/activities", [weir.activity()] * 10, headers).status for _ in range(count)]
        begun = time.monotonic()
        web, app = statuses({"X-Api-Key": KEY}), statuses({"X-Api-Key": OTHER})
        one_address = statuses({"X-Forwarded-For": "198.51.100.1"})
        forged = statuses({"X-Forwarded-For": "1.2.3.4, 198.51.100.1"})
        other_address = statuses({"X-Forwarded-For": "198.51.100.2"}, 1)
        if time.monotonic() - begun < 1:  # else some requests were allowed again
            self.assertEqual((web, app), ([200] * 3 + [429] * 2, [200] * 3 + [429] * 2))
            self.assertEqual((one_address, forged), ([401] * 3 + [429] * 2, [429] * 5))
        self.assertEqual(other_address, [401])
        refused = weir.wait_until(lambda: next((reply for reply in (one.post("/activity", weir.activity(), {"X-Api-Key": KEY})
                                                                    for _ in range(9)) if reply.status == 429), None))
        self.assertGreaterEqual(int(refused.headers["Retry-After"]), 1)
        self.assertEqual(refused.headers["RateLimit-Policy"], '"default";q=3;w=3')
        self.assertEqual(refused.headers["RateLimit"], f'"default";r=0;t={refused.headers["Retry-After"]}')
        self.assertIn("error", refused.json())
        self.assertEqual(one.get("/health").status, 200)

    def test_fault_13_forged_addresses_do_not_take_memory(self):
        one = self.weir(RATE_LIMIT_RPS=1, RATE_LIMIT_BURST=1).start()
        sent = [one.post("/activity", weir.activity(), {"X-Forwarded-For": f"10.{number // 256}.{number % 256}.1"}).status
                for number in range(200)]
        self.assertGreater(sent.count(429), 100, "X-Forwarded-For of a client that is no trusted proxy is not read")


if __name__ == "__main__":
    weir.main()
