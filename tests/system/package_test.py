"""The Debian package on a bare Debian: install, serve, restart, upgrade, remove, purge. The system is a chroot that
mmdebstrap makes from Debian's archive. systemd cannot run there, so the test starts what the unit starts: its ExecStart, as
its User, with its Environment."""
import hashlib
import os
import pathlib
import shutil
import signal
import stat
import subprocess

from tests.harness import units, weir

SETTINGS = "etc/weir/weir.toml"


def run(*words, **more):
    done = subprocess.run(list(map(str, words)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{words} exited with {done.returncode}:\n{done.stdout[-4000:]}")
    return done.stdout


def make_package():
    for program, package in (("cpack", "cmake"), ("dpkg-shlibdeps", "dpkg-dev")):
        if not shutil.which(program):
            weir.missing(f"{program} (package {package})")
    run("cpack", "--config", "CPackConfig.cmake", cwd=weir.BINARY.parent)
    return max((weir.BINARY.parent / "package").glob("weir_*.deb"), key=os.path.getmtime)


def make_bare_debian(folder, package):
    """Unpacks a minimal Debian 12 into `folder`, with what `package` depends on and nothing else. The archive of it is made
    once for each build folder and set of dependencies."""
    if not shutil.which("mmdebstrap"):
        weir.missing("mmdebstrap")
    if os.geteuid() != 0:
        weir.missing("root, to make a chroot")
    depends = [one.split()[0] for one in run("dpkg-deb", "--field", package, "Depends").split(",")]
    archive = weir.BINARY.parent / f"bare-debian-{hashlib.sha256(' '.join(depends).encode()).hexdigest()[:12]}.tar"
    if not archive.exists():
        part = archive.with_suffix(".part.tar")
        sources = [path for path in map(pathlib.Path, ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"))
                   if path.exists() and path.stat().st_size][:1]
        run("mmdebstrap", "--quiet", "--variant=minbase", f"--include={','.join(depends)}",
            "--aptopt=Acquire::Languages \"none\"", "--dpkgopt=path-exclude=/usr/share/locale/*", "bookworm", part, *sources)
        part.rename(archive)
    folder.mkdir()
    run("tar", "--extract", "--numeric-owner", "--file", archive, "--directory", folder)


class Package(weir.Case):
    def setUp(self):
        super().setUp()
        self.deb = make_package()
        self.root = self.folder / "root"
        make_bare_debian(self.root, self.deb)

    def inside(self, *words):
        return run("chroot", self.root, "env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
                   "LC_ALL=C.UTF-8", *words)

    def install(self):
        shutil.copy(self.deb, self.root / "tmp/weir.deb")
        self.inside("dpkg", "--force-confold", "--install", "/tmp/weir.deb")

    def start(self):
        """Starts what weir.service starts."""
        unit = units.Unit(self.root / "usr/lib/systemd/system/weir.service")
        manager = units.ServiceManager()
        self.addCleanup(manager.end)
        service = weir.Weir(self.folder / "service")
        service.port = self.port
        user = unit.one("User")
        environment = {"PATH": "/usr/sbin:/usr/bin", **unit.environment(), **manager.environment}
        words = ["chroot", str(self.root), "setpriv", "--reuid", user, "--regid", unit.one("Group"), "--init-groups",
                 "--no-new-privs", "--bounding-set=-all", "env", "-i", "-C", unit.one("WorkingDirectory"),
                 *(f"{name}={value}" for name, value in environment.items()), *unit.command()]
        with open(service.log_path, "ab") as log:
            service.process = subprocess.Popen(words, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
        self.addCleanup(service.end)
        try:
            self.assertEqual(manager.next(), "READY=1")
        except TimeoutError:
            self.fail(f"the service did not report READY=1:\n{service.log()[-3000:]}")
        service.wait_ready()
        return service

    def test_install_serve_restart_upgrade_remove_and_purge(self):
        self.install()
        depends = run("dpkg-deb", "--field", self.deb, "Depends")
        for library in ("librdkafka1", "libpq5", "libsqlite3-0", "libssl3", "adduser"):
            self.assertIn(library, depends)
        self.assertEqual(run("dpkg-deb", "--info", self.deb, "conffiles").strip(), f"/{SETTINGS}")
        self.assertIn("weir", self.inside("getent", "passwd", "weir"))
        self.assertEqual(self.inside("stat", "-c", "%U:%G %a", f"/{SETTINGS}", "/var/lib/weir").split("\n")[:2],
                         ["root:weir 640", "weir:weir 700"])
        self.assertTrue((self.root / "etc/systemd/system/multi-user.target.wants/weir.service").is_symlink())

        settings = self.root / SETTINGS
        self.port = weir.free_port()
        settings.write_text(settings.read_text().replace("#server_port = 8080", f"server_port = {self.port}"))
        service = self.start()
        self.assertEqual(service.get("/").status, 200)
        for number in range(20):
            self.assertEqual(service.post("/activity", weir.activity(f"user-{number}")).status, 200)
        service.wait_counted()
        service.process.send_signal(signal.SIGHUP)
        weir.wait_until(lambda: "SIGHUP received" in service.log(), 20, "the reload")
        self.assertEqual(service.stop(), 0)

        service = self.start()
        self.assertEqual(service.get("/api/v1/summary").json()["unique_users"], 20)
        self.assertEqual(service.stop(), 0)

        self.install()  # the same version again, as an upgrade does it
        self.assertIn(f"server_port = {self.port}", settings.read_text())
        service = self.start()
        self.assertEqual(service.get("/api/v1/summary").json()["unique_users"], 20)
        self.assertEqual(service.stop(), 0)
        files = stat.S_IMODE((self.root / "var/lib/weir/events.db").stat().st_mode)
        self.assertEqual(files, 0o600)

        self.inside("dpkg", "--remove", "weir")
        self.assertFalse((self.root / "usr/bin/weir").exists())
        self.assertTrue(settings.exists() and (self.root / "var/lib/weir/events.db").exists())
        self.inside("dpkg", "--purge", "weir")
        left = [path for folder in ("etc", "var/lib", "usr") for path in (self.root / folder).rglob("*weir*")]
        self.assertEqual(left, [])
        self.assertNotIn("weir", (self.root / "etc/passwd").read_text())
        self.assertNotIn("weir", (self.root / "etc/group").read_text())


if __name__ == "__main__":
    weir.main()
