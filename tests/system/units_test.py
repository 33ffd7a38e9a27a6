"""What `make install` installs, and the systemd units: valid, confined, and not confined too much for the program."""
import os
import re
import shutil
import signal
import stat
import subprocess

from tests.harness import units, weir

EXPOSURE_MAX = 2.0  # of systemd-analyze security; 10 is unconfined
STOP_BUDGET_S = 25  # contract, section 6


def analyze(*words):
    if not shutil.which("systemd-analyze"):
        weir.missing("systemd-analyze (package systemd)")
    done = subprocess.run(["systemd-analyze", *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    return done.returncode, done.stdout


def system_calls():
    """Returns the groups of SystemCallFilter: the system calls and the groups in each."""
    code, out = analyze("syscall-filter", "--no-pager")
    assert code == 0, out
    groups = {}
    for line in out.splitlines():
        if line.startswith("@"):
            group = groups.setdefault(line.strip(), [])
        elif groups and line.strip() and not line.strip().startswith("#"):
            group.append(line.strip())
    return groups


class Installed(weir.Case):
    def setUp(self):
        super().setUp()
        units.install(self.folder / "root")
        self.root = self.folder / "root"
        self.unit_folder = self.root / "usr/lib/systemd/system"

    def unit(self, name):
        return units.Unit(self.unit_folder / name, instance="1")

    def test_install_puts_each_file_in_its_place(self):
        for path in ("usr/bin/weir", "usr/share/man/man1/weir.1", "usr/lib/sysusers.d/weir.conf", "etc/weir/weir.toml",
                     *(f"usr/lib/systemd/system/{name}" for name in units.NAMES)):
            self.assertTrue((self.root / path).is_file(), path)
        self.assertEqual(stat.S_IMODE((self.root / "etc/weir/weir.toml").stat().st_mode), 0o640)
        for name in units.NAMES:
            self.assertEqual(self.unit(name).command()[0], "/usr/bin/weir")

    def test_install_keeps_the_settings_of_this_machine(self):
        path = self.root / "etc/weir/weir.toml"
        path.write_text("batch_size = 7\n")
        units.install(self.root, "/usr/local")
        self.assertEqual(path.read_text(), "batch_size = 7\n")
        local = units.Unit(self.root / "usr/local/lib/systemd/system/weir.service")
        self.assertEqual(local.command()[0], "/usr/local/bin/weir")

    def test_the_installed_settings_are_valid(self):
        for command in ("serve", "producer", "consumer"):
            shown = subprocess.run([str(weir.BINARY), "config", command], stdout=subprocess.PIPE, text=True, check=True,
                                   env={"CONFIG_FILE": str(self.root / "etc/weir/weir.toml")})
            if command == "serve":
                self.assertRegex(shown.stdout, r"(?m)^DATA_DIR +/var/lib/weir +file$")

    def test_systemd_reads_every_unit_without_a_warning(self):
        for name in units.NAMES:
            path = self.unit_folder / name
            # The program is not installed on this machine, so the unit names the one that is tested.
            checked = self.folder / name
            checked.write_text(path.read_text().replace("/usr/bin/weir", str(weir.BINARY)))
            code, out = analyze("verify", "--man=no", checked)
            about_ours = [line for line in out.splitlines() if "weir" in line]
            self.assertEqual((code, about_ours), (0, []), out)

    def test_every_unit_is_confined(self):
        for name in units.NAMES:
            code, out = analyze("security", "--offline=yes", "--no-pager", self.unit_folder / name)
            found = re.search(r"Overall exposure level for .*: (\d+\.\d)", out)
            self.assertTrue(found, out)
            self.assertLessEqual(float(found[1]), EXPOSURE_MAX, out)

    def test_the_stop_fits_the_budget_and_the_reload_is_a_hangup(self):
        for name in units.NAMES:
            unit = self.unit(name)
            self.assertEqual(unit.one("TimeoutStopSec"), "30s")
            self.assertGreater(30, STOP_BUDGET_S)
            self.assertEqual(unit.one("ExecReload"), "/bin/kill -HUP $MAINPID")
            self.assertEqual((unit.one("User"), unit.one("Type")), ("weir", "notify"))
        self.assertTrue(self.unit("weir-consumer@.service").environment()["KAFKA_PROPERTY_group_instance_id"].endswith("-1"))

    def test_the_program_uses_no_system_call_that_the_units_forbid(self):
        if not shutil.which("strace"):
            weir.missing("strace")
        groups = system_calls()
        unit = self.unit("weir.service")
        allowed = set()
        for line in unit.all("SystemCallFilter"):
            denies = line.startswith("~")
            for word in line.removeprefix("~").split():
                calls = self.expand(groups, word)
                allowed = allowed - calls if denies else allowed | calls
        trace = self.folder / "trace"
        one = self.weir(prefix=("strace", "-f", "-qq", "-o", str(trace))).start()
        for number in range(5):
            self.assertEqual(one.post("/activity", weir.activity(f"user-{number}")).status, 200)
        for path in ("/", "/metrics", "/api/v1/top?dimension=page", "/api/v1/timeseries?interval=hour&tz=Europe/Berlin"):
            self.assertEqual(one.get(path).status, 200)
        children = f"/proc/{one.process.pid}/task/{one.process.pid}/children"
        with open(children, encoding="ascii") as file:
            program = int(file.read().split()[0])
        os.kill(program, signal.SIGHUP)
        weir.wait_until(lambda: "SIGHUP received" in one.log(), 20, "the reload")
        os.kill(program, signal.SIGTERM)
        self.assertEqual(one.process.wait(60), 0)
        used = set(re.findall(r"(?m)^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed)", trace.read_text(errors="replace")))
        self.assertGreater(len(used), 30)
        self.assertEqual(used - allowed - {"fchown"}, set())  # SQLite calls fchown only as root, as this test does

    def expand(self, groups, word):
        """Returns the system calls of a group and of the groups in it; a single call is itself."""
        if not word.startswith("@"):
            return {word}
        found = set()
        for inner in groups[word]:
            found |= self.expand(groups, inner)
        return found


class Notify(weir.Case):
    def test_the_service_manager_learns_of_start_and_stop(self):
        manager = units.ServiceManager()
        self.addCleanup(manager.end)
        one = self.weir(**manager.environment).start()
        self.assertEqual(manager.next(), "READY=1")
        self.assertEqual(one.stop(), 0)
        self.assertEqual(manager.next(), "STOPPING=1")


if __name__ == "__main__":
    weir.main()
