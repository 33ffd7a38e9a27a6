"""TLS_CERT and TLS_KEY on a real process: curl, reload by SIGHUP under load, wrong files, and the commands over https."""
import http.client
import json
import os
import signal
import ssl
import subprocess
import threading
import time

from tests.harness import certificates, weir


class Tls(weir.Case):
    def setUp(self):
        super().setUp()
        self.authority = certificates.Certificates(self.folder / "tls")
        self.certificate, self.key = self.authority.issue("weir")

    def serve(self, **more):
        one = self.weir(TLS_CERT=self.certificate, TLS_KEY=self.key, **more).start(ready=False)
        weir.wait_until(lambda: self.curl(one, "/health/ready")[0] == "200", 30, "weir to be ready")
        return one

    def curl(self, one, path, *options):
        """Returns the status, the HTTP version and the body; the status of curl ("exit 60") if there was no reply."""
        done = subprocess.run(["curl", "-sS", "--max-time", "20", "--cacert", self.authority.authority,
                               "-w", "\n%{http_code} %{http_version} %{ssl_verify_result}", *options,
                               f"https://localhost:{one.port}{path}"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return f"exit {done.returncode}", "", done.stderr
        body, _, last = done.stdout.rpartition("\n")
        status, version, verified = last.split()
        self.assertEqual(verified, "0")
        return status, version, body

    def connection(self, one):
        context = ssl.create_default_context(cafile=self.authority.authority)
        return http.client.HTTPSConnection("localhost", one.port, context=context, timeout=20)

    def fingerprint(self, one):
        pem = ssl.get_server_certificate(("127.0.0.1", one.port))
        return pem.replace("\n", "")

    def command(self, *arguments, **environment):
        done = subprocess.run([str(weir.BINARY), *map(str, arguments)], capture_output=True, text=True, check=False, timeout=60,
                              env={**os.environ, **{name: str(value) for name, value in environment.items()}})
        return done.returncode, done.stdout, done.stderr

    def test_curl_sends_and_reads_over_http_1_1(self):
        one = self.serve()
        event = json.dumps(weir.activity())
        self.assertEqual(self.curl(one, "/activity", "-d", event)[:2], ("200", "1.1"))
        self.assertEqual(self.curl(one, "/activity", "--tls-max", "1.2", "-d", event)[:2], ("200", "1.1"))
        weir.wait_until(lambda: json.loads(self.curl(one, "/api/v1/summary")[2])["events"] == 2, 30, "two events")
        refused, _, why = self.curl(one, "/health/live", "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0")
        self.assertEqual(refused, "exit 35", why)
        metrics = self.curl(one, "/metrics")[2]
        self.assertIn('weir_http_tls_handshake_failures_total{reason="protocol"} 1', metrics)
        self.assertIn("https://", one.log())

    def test_plain_http_on_the_tls_port_is_closed_counted_and_logged(self):
        one = self.serve()
        done = subprocess.run(["curl", "-sS", f"http://localhost:{one.port}/health/live"], capture_output=True, text=True,
                              check=False, timeout=30)
        self.assertIn(done.returncode, (52, 56), done)
        self.assertIn('weir_http_tls_handshake_failures_total{reason="plain_http"} 1', self.curl(one, "/metrics")[2])
        self.assertIn("clients send plain HTTP to the TLS port; they must use https://", one.log())

    def test_live_numbers_are_streamed(self):
        one = self.serve()
        connection = self.connection(one)
        connection.request("GET", "/api/v1/live")
        reply = connection.getresponse()
        self.assertEqual(reply.getheader("Content-Type"), "text/event-stream")
        self.assertEqual(self.curl(one, "/activity", "-d", json.dumps(weir.activity()))[0], "200")
        until = time.monotonic() + 20
        while time.monotonic() < until:
            line = reply.readline().decode()
            if line.startswith("data:") and '"events":1' in line.replace(" ", ""):
                break
        else:
            self.fail("the stream did not show the event")
        connection.close()

    def test_sighup_changes_the_certificate_under_load_and_keeps_connections(self):
        one = self.serve()
        before = self.fingerprint(one)
        stop, sent, failures = threading.Event(), [], []

        def load():
            connection = self.connection(one)
            connection.connect()
            socket = connection.sock
            while not stop.is_set():
                try:
                    connection.request("POST", "/activity", json.dumps(weir.activity()))
                    reply = connection.getresponse()
                    reply.read()
                    if reply.status != 200 or connection.sock is not socket:
                        failures.append((reply.status, connection.sock is socket))
                    sent.append(1)
                except (OSError, http.client.HTTPException) as why:
                    failures.append(why)
                    return
            connection.close()

        threads = [threading.Thread(target=load) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            self.authority.issue("weir")
            one.process.send_signal(signal.SIGHUP)
            weir.wait_until(lambda: "new connections use them" in one.log(), 20, "the reload")
            after = self.fingerprint(one)
            self.assertNotEqual(after, before)
            # A broken file keeps what is in force.
            self.certificate.write_text("broken\n")
            one.process.send_signal(signal.SIGHUP)
            weir.wait_until(lambda: "the old certificate stays in force" in one.log(), 20, "the refusal")
            self.assertEqual(self.fingerprint(one), after)
            seen = len(sent)
            weir.wait_until(lambda: len(sent) > seen + 20, 20, "more events on the old connections")
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.assertEqual(failures, [])
        self.assertIn("no start line", one.log())
        weir.wait_until(lambda: json.loads(self.curl(one, "/api/v1/summary")[2])["events"] == len(sent), 30, "all events")

    def test_wrong_files_are_refused_at_start(self):
        other, other_key = self.authority.issue("other")
        expired, expired_key = self.authority.issue("expired", days=0)
        gone = self.folder / "gone.pem"
        time.sleep(1.1)  # a certificate of 0 days is valid for this second
        for certificate, key, said in (
                (gone, self.key, f'TLS_CERT=\\"{gone}\\": cannot be read: No such file or directory'),
                (self.certificate, gone, f'TLS_KEY=\\"{gone}\\": cannot be read: No such file or directory'),
                (self.certificate, other_key, "the key does not belong to the certificate in TLS_CERT"),
                (self.key, self.key, "expected certificates in PEM"),
                (self.certificate, other, "expected a private key in PEM"),
                (expired, expired_key, "the certificate expired at 20")):
            one = self.weir(certificate.name + key.name, TLS_CERT=certificate, TLS_KEY=key).start(ready=False)
            self.assertEqual(one.process.wait(30), 2, said)
            self.assertIn(said, one.log())
        one = self.weir("half", TLS_CERT=self.certificate).start(ready=False)
        self.assertEqual(one.process.wait(30), 2)
        self.assertIn("TLS_KEY is not set, but TLS_CERT is: expected both or none", one.log())

    def test_commands_reach_a_weir_with_tls(self):
        one = self.serve()
        url = f"https://localhost:{one.port}"
        events = self.folder / "events.ndjson"
        events.write_text("".join(json.dumps(weir.activity()) + "\n" for _ in range(5)))
        options = ("--url", url, "--state", self.folder / "state", "--format", "activities")
        code, _, said = self.command("import", *options, events)
        self.assertNotEqual(code, 0)
        self.assertIn("its certificate is not trusted: unable to get local issuer certificate; --cacert FILE", said)
        code, _, said = self.command("import", *options, "--cacert", self.authority.authority, events)
        self.assertEqual(code, 0, said)
        weir.wait_until(lambda: json.loads(self.curl(one, "/api/v1/summary")[2])["events"] == 5, 30, "the events")
        for name in ("stats", "export"):
            self.assertEqual(self.command(name, "--url", url, "--cacert", self.authority.authority)[0], 0, name)
            self.assertEqual(self.command(name, "--url", url, SSL_CERT_FILE=self.authority.authority)[0], 0, name)
            code, _, said = self.command(name, "--url", f"https://127.0.0.2:{one.port}", "--cacert", self.authority.authority)
            self.assertEqual(code, 1, said)
            code, _, said = self.command(name, "--url", url, "--cacert", self.folder / "gone")
            self.assertEqual(code, 2, said)
            self.assertIn("expected a readable file of certificates in PEM", said)

    def test_replay_finds_the_service_by_its_fingerprint(self):
        one = self.serve(FLUSH_INTERVAL_SEC=60, BATCH_SIZE=5000)
        event = json.dumps(weir.activity(note="x" * 2000))
        self.assertEqual(self.curl(one, "/activity", "-d", event)[0], "200")
        one.kill()  # before the flush; a restart takes the event for a dead letter, because of its size
        one.environment.update(FLUSH_INTERVAL_SEC="1", MAX_EVENT_BYTES="1000")
        one.start(ready=False)
        settings = {"DATA_DIR": one.folder / "data"}

        def listed():
            code, out, _ = self.command("dlq", "list", "--rows", "--format", "json", **settings)
            return code == 0 and json.loads(out)
        weir.wait_until(listed, 30, "the dead letter")
        written = (one.folder / "data" / "weir.control").read_text().splitlines()
        self.assertTrue(written[0].startswith("https://127.0.0.1:"), written)
        for number in range(2):
            code, out, said = self.command("dlq", "replay", "--include-replayed", **settings)
            self.assertEqual(code, 0, out + said)
            self.authority.issue("weir")
            one.process.send_signal(signal.SIGHUP)
            weir.wait_until(lambda: one.log().count("new connections use them") > number, 20, "the reload")
        # Another certificate than the one in the file is refused.
        control = one.folder / "data" / "weir.control"
        control.write_text("\n".join(control.read_text().splitlines()[:2]) + "\n" + "0" * 64 + "\n")
        code, out, said = self.command("dlq", "replay", "--include-replayed", **settings)
        self.assertNotEqual(code, 0)
        self.assertIn("it has another certificate than expected", out + said)


if __name__ == "__main__":
    weir.main()
