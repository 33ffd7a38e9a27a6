"""Settings from CONFIG_FILE and Consul: their order, faults at start, and what changes while the process runs."""
import os
import signal
import subprocess
import time

from tests.harness import weir
from tests.harness.consul import Consul

# A change in Consul takes effect within 2 s. On a busy machine the test itself is slow, so it allows more.
SECONDS = 10
ORIGIN = {"Origin": "https://shop.example"}


class Config(weir.Case):
    def consul(self, **options):
        agent = Consul(**options)
        self.addCleanup(agent.end)
        return agent

    def file(self, text):
        path = self.folder / "weir.toml"
        path.write_text(text)
        return path

    def command(self, *arguments, **environment):
        """Runs a command of weir and returns (exit code, output)."""
        done = subprocess.run([str(weir.BINARY), *arguments], env={**os.environ, **environment}, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60, check=False)
        return done.returncode, done.stdout

    def rows(self, **environment):
        code, out = self.command("config", **environment)
        self.assertEqual(code, 0, out)
        return {line.split()[0]: " ".join(line.split()[1:]) for line in out.splitlines()}

    def hang_up(self, one, line="SIGHUP received"):
        """Sends SIGHUP and waits for the log line."""
        before = one.log().count(line)
        one.process.send_signal(signal.SIGHUP)
        weir.wait_until(lambda: one.log().count(line) > before, SECONDS, line)

    @staticmethod
    def policy(one):
        """The rate limit in force, as the server tells it; None if there is none."""
        return one.post("/activity", weir.activity()).headers.get("RateLimit-Policy")

    def test_the_environment_precedes_consul_and_consul_the_file(self):
        agent = self.consul(token="t0ken-hunter2")
        agent.put(batch_size=2, NUM_WORKERS=2, api_keys="web:hunter2")
        path = self.file(f'batch_size = 1\nnum_workers = 1\nserver_port = 9001\nconsul_http_addr = "{agent.address}"\n'
                         'cors_origins = ["https://a.example", "https://b.example"]\n')
        rows = self.rows(CONFIG_FILE=str(path), BATCH_SIZE="3", CONSUL_HTTP_TOKEN="t0ken-hunter2", CONSUL_DATACENTER="dc9")
        self.assertEqual(rows["BATCH_SIZE"], "3 environment")
        self.assertEqual(rows["NUM_WORKERS"], "2 Consul")
        self.assertEqual(rows["SERVER_PORT"], "9001 file")
        self.assertEqual(rows["CORS_ORIGINS"], "https://a.example,https://b.example file")
        self.assertEqual(rows["API_KEYS"], "*** Consul")
        self.assertEqual(rows["LOG_LEVEL"], "info default")
        self.assertNotIn("hunter2", str(rows))
        self.assertEqual(agent.queries, [{"recurse": "true", "dc": "dc9"}])

    def test_all_faults_are_reported_at_start(self):
        agent = self.consul()
        agent.put(log_level="loud", flush_intervall=5)
        path = self.file('rate_limit_rps = "fast"\ncolour = "red"\n')
        code, out = self.command("serve", CONFIG_FILE=str(path), CONSUL_HTTP_ADDR=agent.address, BATCH_SIZE="many")
        self.assertEqual(code, 2)
        for line in ('BATCH_SIZE="many": expected a whole number from 1 to 200000',
                     'LOG_LEVEL="loud" in Consul: expected debug, info, warn or error',
                     'flush_intervall="5" in Consul: expected the name of a setting',
                     'RATE_LIMIT_RPS="fast" in CONFIG_FILE: expected a whole number from 0 to 1000000',
                     f'colour="red" in CONFIG_FILE {path}, line 2: expected the name of a setting'):
            self.assertIn(line, out)
        code, out = self.command("serve", CONFIG_FILE=str(self.folder / "none.toml"))
        self.assertEqual(code, 2)
        self.assertIn("none.toml: No such file or directory; expected a TOML file that can be read", out)

    def test_sighup_reads_the_file_again(self):
        path = self.file('api_keys = "web:one"\nrate_limit_rps = 5\n')
        one = self.weir(CONFIG_FILE=path)
        one.environment.pop("FLUSH_INTERVAL_SEC")
        one.start()
        self.assertEqual(one.post("/activity", weir.activity()).status, 401)
        path.write_text('rate_limit_rps = 7\nlog_level = "debug"\ncors_origins = "https://other.example"\n'
                        'flush_interval_sec = 60\nbatch_size = 1000\nnum_workers = 5\n')
        self.hang_up(one)
        self.assertEqual(one.post("/activity", weir.activity()).status, 200, "no key is needed any more")
        self.assertEqual(self.policy(one), '"default";q=14;w=2')
        self.assertNotIn("Access-Control-Allow-Origin", one.post("/activity", weir.activity(), ORIGIN).headers)
        self.assertRegex(one.log(), r"changed.*BATCH_SIZE.*CORS_ORIGINS.*FLUSH_INTERVAL_SEC.*LOG_LEVEL.*RATE_LIMIT_RPS")
        self.assertRegex(one.log(), r"take effect after a restart.*NUM_WORKERS")
        self.assertNotIn("web:one", one.log())
        self.assertEqual(one.ledger()["sums"]["tallied"], 0, "the next flush is a minute away")
        path.write_text('rate_limit_rps = 0\nbatch_size = 1\nflush_interval_sec = 60\n')
        self.hang_up(one)
        self.assertEqual(one.wait_counted()["tallied"], 3, "BATCH_SIZE holds for what waited already")

        path.write_text("rate_limit_rps = 9\nlog_level = loud\n")
        self.hang_up(one, "the settings are wrong, so the old ones stay in force")
        self.assertIn("weir.toml, line 2: ", one.log())
        path.write_text('rate_limit_rps = 9\nlog_level = "loud"\n')
        self.hang_up(one, "the settings are wrong, so the old ones stay in force")
        self.assertIn('LOG_LEVEL=\\"loud\\" in CONFIG_FILE: expected debug', one.log())
        self.assertIsNone(self.policy(one), "nothing of a wrong file is in force")
        self.assertEqual(one.stop(), 0)

    def test_a_key_in_consul_changes_the_rate_limit_while_weir_runs(self):
        agent = self.consul()
        one = self.weir(CONSUL_HTTP_ADDR=agent.address).start()
        self.assertIsNone(self.policy(one))
        took = []
        for limit in (5, 6, 7):
            begun = time.monotonic()
            agent.put(rate_limit_rps=limit)
            weir.wait_until(lambda expected=f'"default";q={2 * limit};w=2': self.policy(one) == expected, SECONDS, "the limit")
            took.append(time.monotonic() - begun)
        print(f"    a change took effect after {min(took):.2f} to {max(took):.2f} s")
        agent.put(rate_limit_rps=None)
        weir.wait_until(lambda: self.policy(one) is None, SECONDS, "no limit")
        agent.put(dashboard_password="hunter2", num_workers=9)
        weir.wait_until(lambda: one.get("/api/v1/summary").status == 401, SECONDS, "the password")
        weir.wait_until(lambda: "take effect after a restart" in one.log(), SECONDS, "the log line")
        self.assertNotIn("hunter2", one.log())
        begun = time.monotonic()
        self.assertEqual(one.stop(), 0)
        self.assertLess(time.monotonic() - begun, 20)

    def test_fault_35_consul_down_at_start(self):
        agent = self.consul()
        agent.put(rate_limit_rps=5)
        port = agent.port
        agent.end()
        one = self.weir(CONSUL_HTTP_ADDR=f"127.0.0.1:{port}", CONFIG_FILE=self.file("rate_limit_rps = 3\n")).start()
        self.assertIn("is not available", one.log())
        self.assertEqual(self.policy(one), '"default";q=6;w=2', "the other sources are used")
        agent = self.consul(port=port)
        agent.put(rate_limit_rps=5)
        weir.wait_until(lambda: self.policy(one) == '"default";q=10;w=2', 30, "the limit of Consul")
        self.assertIn("Consul is available", one.log())

    def test_fault_35_consul_fails_while_weir_runs(self):
        agent = self.consul()
        agent.put(rate_limit_rps=5)
        one = self.weir(CONSUL_HTTP_ADDR=agent.address).start()
        for mode in ("error", "page", "hang"):
            with self.subTest(mode):
                before = one.log().count("Consul is not available; the last good settings stay in force")
                agent.set_mode(mode)
                weir.wait_until(lambda known=before: one.log().count("Consul is not available; the last good settings stay in "
                                                                     "force") > known, 30, "the log line")
                self.assertEqual(self.policy(one), '"default";q=10;w=2')
                agent.set_mode("ok")
                weir.wait_until(lambda known=before: one.log().count("Consul is available") > known, 30, "Consul")
        agent.put(rate_limit_rps=6)
        weir.wait_until(lambda: self.policy(one) == '"default";q=12;w=2', SECONDS, "the limit")
        agent.set_index(3, rate_limit_rps=8)
        weir.wait_until(lambda: self.policy(one) == '"default";q=16;w=2', SECONDS, "the limit after the index went backwards")
        self.assertIn({"recurse": "true"}, agent.queries[-8:], "one query without an index")
        agent.put(rate_limit_rps=9)
        weir.wait_until(lambda: self.policy(one) == '"default";q=18;w=2', SECONDS, "the limit")
        self.assertEqual(one.get("/health/ready").status, 200)

    def test_fault_35_a_wrong_value_is_refused_and_shown(self):
        agent = self.consul()
        agent.put(rate_limit_rps=5)
        one = self.weir(CONSUL_HTTP_ADDR=agent.address).start()
        agent.put(rate_limit_rps="fast", cors_origins="https://other.example")
        weir.wait_until(lambda: "a setting in Consul is refused" in one.log(), SECONDS, "the log line")
        self.assertIn('RATE_LIMIT_RPS=\\"fast\\" in Consul: expected a whole number from 0 to 1000000', one.log())
        self.assertEqual(self.policy(one), '"default";q=10;w=2', "the last good value")
        self.assertNotIn("Access-Control-Allow-Origin", one.post("/activity", weir.activity(), ORIGIN).headers,
                         "the other keys are taken")
        code, out = self.command("config", CONSUL_HTTP_ADDR=agent.address)
        self.assertEqual(code, 2)
        self.assertRegex(out, r"RATE_LIMIT_RPS +0 +default, the value in Consul is refused")
        self.assertIn('refused: RATE_LIMIT_RPS="fast" in Consul: expected a whole number from 0 to 1000000', out)
        agent.put(rate_limit_rps=7)
        weir.wait_until(lambda: self.policy(one) == '"default";q=14;w=2', SECONDS, "the limit")

    def test_a_start_on_a_public_address_without_keys_is_logged(self):
        line = "everybody who reaches this address may"
        one = self.weir(BIND_ADDRESS="0.0.0.0").start()
        self.assertIn(f"{line} send events (API_KEYS is not set) and read the numbers (DASHBOARD_PASSWORD is not set)", one.log())
        self.assertEqual(one.stop(), 0)
        for name, environment in (("local", {}), ("closed", {"BIND_ADDRESS": "0.0.0.0", "API_KEYS": "web:key",
                                                             "DASHBOARD_PASSWORD": "secret"})):
            other = self.weir(name, **environment).start()
            self.assertNotIn(line, other.log())


if __name__ == "__main__":
    weir.main()
