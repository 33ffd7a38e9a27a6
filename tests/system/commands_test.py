"""The commands import, stats and config: their output, their state folder and their exit codes."""
import http.server
import json
import os
import pty
import shutil
import socket
import subprocess
import threading

from tests.harness import weir

BAD_REPLIES = {
    "a login page": (200, "text/html", "<html><form>password</form></html>"),
    "an empty 200": (200, "text/plain", ""),
    "another service": (200, "application/json", '{"accepted":"all"}'),
    "wrong counts": (200, "application/json", '{"accepted":1,"rejected":[]}'),
    "a redirection": (302, "text/html", "moved"),
    "a gateway error": (502, "text/html", "<html>Bad Gateway</html>"),
    "a foreign 503": (503, "text/html", "<html>maintenance</html>"),
    "half an answer": (200, "application/json", '{"accepted":3,"rej'),
}


def line(second, path="/"):
    return f'10.0.0.1 - - [17/May/2015:10:00:{second:02d} +0000] "GET {path} HTTP/1.1" 200 5 "-" "agent"\n'


class ForeignServer(http.server.ThreadingHTTPServer):
    """Forwards requests to Weir, but answers the first `bad` POSTs itself, and with `health` every GET."""
    daemon_threads = True

    def __init__(self, one, reply, bad=1, health=False, forwards=False):
        super().__init__(("127.0.0.1", 0), ForeignHandler)
        self.one, self.reply, self.bad, self.health, self.forwards = one, reply, bad, health, forwards
        self.port = self.server_address[1]
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()


class ForeignHandler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def send(self, status, kind, body, length=None):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status == 302:
            self.send_header("Location", "https://user:secret@login.example/?token=secret")
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def send_foreign(self):
        status, kind, text = self.server.reply
        half = text.endswith("rej")
        self.send(status, kind, text.encode(), len(text) + 10 if half else None)
        self.close_connection = self.close_connection or half

    def forward(self, body=None):
        reply = self.server.one.request(self.command, self.path, body, {"Content-Type": "application/json"})
        return reply.status, reply.headers["Content-Type"], reply.body

    def do_GET(self):
        if self.server.health:
            return self.send_foreign()
        self.send(*self.forward())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.bad -= 1
        if self.server.bad < 0:
            return self.send(*self.forward(body))
        if self.server.forwards:
            self.forward(body)
        self.send_foreign()

    def log_message(self, *_):
        pass


class Commands(weir.Case):
    def run_weir(self, *arguments, environment=None, **more):
        environment = {**os.environ, "HOME": str(self.folder / "home"), **(environment or {})}
        environment.pop("XDG_STATE_HOME", None)
        return subprocess.run([str(weir.BINARY), *arguments],
                              **{"capture_output": True, "text": True, "timeout": 120, "env": environment, **more})

    def import_(self, port, *arguments, text="", **more):
        return self.run_weir("import", "--url", f"http://127.0.0.1:{port}", "--state", str(self.folder / "state"),
                             *(arguments or ("-",)), input=text, **more)

    def counted(self, one):
        one.wait_counted()
        return one.ledger()["sums"]["tallied"]


class ForeignAnswers(Commands):
    def foreign(self, *arguments, **more):
        proxy = ForeignServer(*arguments, **more)
        self.addCleanup(proxy.close)
        return proxy

    def test_fault_45_import_does_not_take_a_foreign_answer_for_an_outcome(self):
        text = "".join(line(second) for second in range(3))
        for name, reply in BAD_REPLIES.items():
            for forwards in (False, True):
                with self.subTest(name, forwards=forwards):
                    one = self.weir(name.replace(" ", "-") + str(forwards)).start()
                    proxy = self.foreign(one, reply, bad=2, forwards=forwards)
                    done = self.import_(proxy.port, text=text)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    if name != "half an answer":
                        self.assertIn("something else answers in Weir's place at 127.0.0.1:", done.stderr)
                    self.assertNotIn("secret", done.stderr + done.stdout)
                    self.assertEqual(self.counted(one), 3)
                    self.assertEqual(one.stop(), 0)
                    shutil.rmtree(self.folder / "state")

    def test_fault_45_commands_name_a_foreign_server_that_answers_health(self):
        one = self.weir().start()
        for name, reply in BAD_REPLIES.items():
            if reply[0] >= 500 or name == "half an answer":  # retried for a minute, because the fault may be temporary
                continue
            with self.subTest(name):
                proxy = self.foreign(one, reply, health=True)
                for done in (self.import_(proxy.port, text=line(1)),
                             self.run_weir("stats", "--url", f"http://127.0.0.1:{proxy.port}"),
                             self.run_weir("stats", "--format", "csv", "--url", f"http://127.0.0.1:{proxy.port}"),
                             self.run_weir("stats", "--format", "json", "--url", f"http://127.0.0.1:{proxy.port}")):
                    self.assertEqual(done.returncode, 1, done.stderr)
                    last = done.stderr.splitlines()[-1]
                    self.assertIn(f"something else answers in Weir's place at 127.0.0.1:{proxy.port}: status "
                                  f"{reply[0]}", last)
                    self.assertNotIn("secret", last)
                    self.assertEqual(done.stdout, "")


class State(Commands):
    def test_fault_44_without_home_the_state_folder_is_that_of_the_user_from_every_working_directory(self):
        one = self.weir().start()
        home = self.folder / "passwd-home"
        home.mkdir()
        passwd = self.folder / "passwd"
        passwd.write_text(f"root:x:0:0:root:{home}:/bin/sh\n")
        (self.folder / "access.log").write_text(line(1))
        inside = ["unshare", "--map-root-user", "--mount", "sh", "-c", f'mount --bind {passwd} /etc/passwd && exec "$@"', "sh"]
        if subprocess.run([*inside, "true"], capture_output=True).returncode != 0:
            weir.missing("the privilege to create a mount namespace")
        outputs = []
        for name in ("one", "two"):
            (self.folder / f"in-{name}").mkdir()
            done = subprocess.run([*inside, "env", "-i", str(weir.BINARY), "import", "--url",
                                   f"http://127.0.0.1:{one.port}", str(self.folder / "access.log")],
                                  cwd=self.folder / f"in-{name}", capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
            outputs.append(done.stdout)
            self.assertEqual(list((self.folder / f"in-{name}").iterdir()), [])
        self.assertIn("nothing new, all of it was imported before", outputs[1])
        self.assertEqual(self.counted(one), 1)
        self.assertTrue((home / ".local/state/weir").is_dir())

    def test_xdg_state_home_comes_first(self):
        one = self.weir().start()
        done = subprocess.run([str(weir.BINARY), "import", "--url", f"http://127.0.0.1:{one.port}", "-"],
                              input=line(1), capture_output=True, text=True, timeout=60,
                              env={"XDG_STATE_HOME": str(self.folder / "xdg"), "HOME": str(self.folder / "home")})
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertTrue((self.folder / "xdg/weir/salt").exists())
        self.assertFalse((self.folder / "home").exists())


class Bounds(Commands):
    def test_batches_fit_the_body_limit_of_the_server(self):
        one = self.weir(MAX_BODY_BYTES=3000, MAX_EVENT_BYTES=1000).start()
        log = one.get("/health/ready").json()["checks"]["event_log"]
        self.assertEqual((log["max_event_bytes"], log["max_body_bytes"]), (1000, 3000))
        lines = [line(at % 60, f"/{at}") for at in range(500)]
        lines[100] = line(1, "/" + "x" * 1500)   # larger than an event may be
        lines[200] = line(1, "/" + "x" * 1900)
        lines[300] = json.dumps({"no": "access log"}) + "\n"
        done = self.import_(one.port, text="".join(lines))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(self.counted(one), 497)
        self.assertIn("500 lines, 497 events", done.stdout)
        for number in (101, 201, 301):
            self.assertIn(f"line {number} ", done.stderr)
        again = self.import_(one.port, text="".join(lines))
        self.assertIn("nothing new", again.stdout)
        self.assertEqual(self.counted(one), 497)


class Output(Commands):
    def test_fault_44_output_that_cannot_be_written_exits_with_1_and_the_reason(self):
        one = self.weir().start()
        url = f"http://127.0.0.1:{one.port}"
        (self.folder / "access.log").write_text(line(1))
        commands = [["--help"], ["--version"], ["config"], ["config", "producer"], ["import", "--help"],
                    ["serve", "--help"], ["stats", "--url", url], ["stats", "--url", url, "--format", "json"],
                    ["stats", "--url", url, "--format", "csv"],
                    ["import", "--url", url, "--state", str(self.folder / "state"), str(self.folder / "access.log")]]
        for command in commands:
            for where, reason in ((">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")):
                with self.subTest(command=command, where=where):
                    if where == ">&-" and "--url" in command:
                        continue  # a socket may get the number; the next test covers it
                    done = subprocess.run(["sh", "-c", f'exec "$@" {where}', "sh", str(weir.BINARY), *command],
                                          stderr=subprocess.PIPE, text=True, timeout=60)
                    self.assertEqual(done.returncode, 1, done.stderr)
                    self.assertEqual(done.stderr.splitlines()[-1],
                                     f"weir: cannot write to standard output: {reason}")
        self.assertEqual(self.counted(one), 1, "the import is complete even if its summary cannot be written")

    def test_serve_continues_without_its_standard_output(self):
        one = self.weir("one", ["sh", "-c", 'exec "$@" >/dev/full', "sh"]).start()
        self.assertEqual(one.post("/activity", weir.activity()).status, 200)
        self.assertIn("cannot write to standard output", one.log())
        self.assertEqual(one.stop(), 0)

    def test_the_summary_is_below_the_progress_bar(self):
        one = self.weir().start()
        (self.folder / "access.log").write_text("".join(line(at % 60, f"/{at}") for at in range(3000)))
        controller, terminal = pty.openpty()
        process = subprocess.Popen(
            [str(weir.BINARY), "import", "--url", f"http://127.0.0.1:{one.port}", "--state", str(self.folder / "state"),
             str(self.folder / "access.log")], stdout=terminal, stderr=terminal, stdin=subprocess.DEVNULL)
        os.close(terminal)
        shown = b""
        try:
            while data := os.read(controller, 65536):
                shown += data
        except OSError:
            pass  # the terminal ends with the process
        os.close(controller)
        self.assertEqual(process.wait(60), 0, shown)
        rows = shown.decode().split("\n")
        summary = next(row for row in rows if "3,000 events" in row)
        self.assertEqual(summary.split("\r")[-1] or summary.split("\r")[-2],
                         f"{self.folder / 'access.log'}: 3,000 lines, 3,000 events, 3,000 page views")


class Usage(Commands):
    def test_every_usage_error_names_what_was_found_and_what_is_expected(self):
        for arguments, expected in {
                ("nope",): ['unknown command "nope"', "expected serve, producer, consumer, import, stats, export, dlq list, dlq show, dlq replay or config"],
                ("help",): ['unknown command "help"', "weir --help"],
                ("-v",): ['unknown option "-v"', "--version"],
                (): ["a command is missing"],
                ("stats", "--bogus"): ['unknown option "--bogus" of weir stats', "--url, --key, --cacert, --from"],
                ("stats", "--format", "xml", "--limit", "0"): ['--format="xml": expected table, json or csv',
                                                               '--limit="0": expected a number from 1 to 500'],
                ("stats", "--interval"): ["--interval has no value: expected minute, hour, day, week or month"],
                ("config", "foo"): ['COMMAND="foo": expected serve, producer or consumer'],
                ("import",): ["FILE is missing: expected a file"],
                ("import", "--again=x", "a"): ["--again has a value: expected none"],
                ("import", "--state", "", "a"): ['--state="": expected a folder'],
                ("import", "a", "--skip", "--resend"): ["--resend and --skip"],
                ("serve", "extra"): ['unexpected argument "extra": weir serve accepts options only'],
                ("serve", "--batch-size", "many"): ['BATCH_SIZE="many": expected a whole number'],
        }.items():
            with self.subTest(arguments):
                done = self.run_weir(*arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertEqual(done.stdout, "")
                for text in expected:
                    self.assertIn(text, done.stderr)

    def test_fault_37_no_password_of_a_url_is_printed(self):
        for url in ("http://user:secret@127.0.0.1:1", "user:secret@127.0.0.1", "http://user:sec/ret@127.0.0.1:1"):
            for arguments in (("stats", "--url", url), ("import", "--url", url, "-"), ("stats", url),
                              ("import", f"--uri={url}", "-"), (url,)):
                done = self.run_weir(*arguments, input="")
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertNotIn("sec", done.stderr + done.stdout)
                self.assertIn("***@127.0.0.1", done.stderr)

    def test_an_ipv6_address_is_printed_in_brackets(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError:
            weir.missing("IPv6 on the loopback")
        one = self.weir(BIND_ADDRESS="::1")
        one.start(ready=False)
        weir.wait_until(lambda: "Weir is up." in one.log(), 20, "the banner")
        self.assertIn(f"http://[::1]:{one.port}/", one.log())
        done = self.run_weir("stats", "--url", f"http://[::1]:{one.port}")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(one.stop(), 0)


if __name__ == "__main__":
    weir.main()
