"""Log files of servers, containers and other tools: what `weir import` counts in each, and its exit code."""
import bz2
import gzip
import json
import lzma
import subprocess
import tarfile
import io

from tests.harness import weir

DAY = ("2015-05-17T00:00:00Z", "2015-05-18T00:00:00Z")


def line(client="192.0.2.1", second=1, target="/a", status="200", agent="UA/1", referrer="-", before="", between="",
         after=""):
    return (f'{before}{client} - - [17/May/2015:10:00:{second:02d} +0000] "GET {target} HTTP/1.1" {status} 512{between} '
            f'"{referrer}" "{agent}"{after}')


def lines(count, **more):
    return [line(f"192.0.2.{number}", number, **more) for number in range(1, count + 1)]


def text(entries, end="\n"):
    return "".join(entry + end for entry in entries).encode()


def tar(content):
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        member = tarfile.TarInfo("access.log")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return whole.getvalue()


def caddy(number):
    return json.dumps({"level": "info", "ts": 1431856800.5 + number, "msg": "handled request",
                       "request": {"remote_ip": "10.0.0.1", "client_ip": f"192.0.2.{number}", "method": "GET",
                                   "host": "example.com", "uri": "//a", "headers": {"User-Agent": ["UA/1"]}}, "status": 200})


def traefik(number):
    return json.dumps({"ClientHost": f"192.0.2.{number}, 10.0.0.1", "DownstreamStatus": 200, "RequestMethod": "GET",
                       "RequestPath": "/a", "StartUTC": f"2015-05-17T10:00:{number:02d}.5Z"})


MARK = "\N{ZERO WIDTH NO-BREAK SPACE}"
SYSLOG = "Nov 29 13:55:01 web1 nginx[2869]: "

# name: (bytes of the file, --format or None, exit code, events, page views, users)
FILES = {
    "combined": (text(lines(5)), None, 0, 5, 5, 5),
    "vhost with port": (text(lines(5, before="www.example.com:443 ")), None, 0, 5, 5, 5),
    "vhost without port": (text(lines(5, before="www.example.com ")), None, 0, 5, 5, 5),
    "nginx main": (text(lines(5, after=' "-"')), None, 0, 5, 5, 5),
    "nginx main, proxied": (text([line("10.0.0.1", n, after=f' "198.51.100.{n}, 10.0.0.2"') for n in range(1, 6)]),
                                  None, 0, 5, 5, 5),
    "caddy": (text(caddy(number) for number in range(1, 6)), None, 0, 5, 5, 5),
    "traefik": (text(traefik(number) for number in range(1, 6)), None, 0, 5, 5, 5),
    "syslog prefix": (text(lines(5, before=SYSLOG)), None, 1, 0, 0, 0),
    "syslog prefix, and some entries": (text(lines(5, before=SYSLOG) + lines(6)), None, 0, 6, 6, 6),
    "container prefix": (text(lines(5, before="web-1  | ")), None, 1, 0, 0, 0),
    "terminal colours": (text(lines(4) + [line("\x1b[32m192.0.2.9\x1b[0m")]), None, 0, 4, 4, 4),
    "forwarded lists": (text(line(f"192.0.2.1, 10.0.0.{n}", n) for n in range(5)), None, 0, 5, 5, 1),
    "ports": (text(line(f"[2001:db8::1]:{50000 + n}", n) for n in range(5)), None, 0, 5, 5, 1),
    "a notice first": (text(["[notice] 1#1: start worker processes", *lines(3)]), None, 0, 3, 3, 3),
    "a brace first": (text(['{"level":"error"}', *lines(3)]), None, 0, 3, 3, 3),
    "host between": (text(lines(4, between=" www.example.com")), None, 1, 0, 0, 0),
    "host between, given": (text(lines(4, between=" www.example.com")),
                            '%h %l %u %t "%r" %>s %b %v "%{Referer}i" "%{User-Agent}i"', 0, 4, 4, 4),
    "time at the end, given": (text(lines(4, after=" 0.003")),
                               '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent '
                               '"$http_referer" "$http_user_agent" $request_time', 0, 4, 4, 4),
    "glued": ("".join([*lines(3), "\n"]).encode(), None, 0, 3, 3, 3),
    "carriage returns": (text(lines(5), "\r"), None, 0, 5, 5, 5),
    "CR LF": (text(lines(5), "\r\n"), None, 0, 5, 5, 5),
    "marks within": (text([line(second=1), MARK + line(second=2), MARK + MARK + line(second=3)]), None, 0, 3, 3, 1),
    "a hole first": (bytes(3 << 20) + text(lines(5)), None, 0, 5, 5, 5),
    "a hole within": (text(lines(2)) + bytes(3 << 20) + text(lines(5, target="/b")), None, 0, 7, 7, 5),
    "status of a client that disconnected": (text([line(status="-"), line(second=2)]), None, 0, 2, 1, 1),
    "no last line end": (text(lines(4)) + line("192.0.2.9").encode(), None, 0, 4, 4, 4),
    "xz": (lzma.compress(text(lines(5))), None, 1, 0, 0, 0),
    "bzip2": (bz2.compress(text(lines(5))), None, 1, 0, 0, 0),
    "tar in gzip": (gzip.compress(tar(text(lines(5)))), None, 1, 0, 0, 0),
    "gzip in gzip": (gzip.compress(gzip.compress(text(lines(5)))), None, 1, 0, 0, 0),
    "UTF-16": (text(lines(5)).decode().encode("utf-16"), None, 1, 0, 0, 0),
}


class Formats(weir.Case):
    def import_file(self, one, path, *options):
        return subprocess.run([str(weir.BINARY), "import", "--url", f"http://127.0.0.1:{one.port}", "--state",
                               str(one.folder / "state"), *options, str(path)], capture_output=True, text=True,
                              timeout=120, check=False)

    def pages(self, one):
        rows = one.get(f"/api/v1/top?dimension=page&from={DAY[0]}&to={DAY[1]}").json()["rows"]
        return {row["value"]: row["page_views"] for row in rows}

    def test_each_file_is_counted_correctly_or_refused_by_name(self):
        for number, (name, (content, chosen, code, events, views, users)) in enumerate(FILES.items()):
            with self.subTest(name):
                one = self.weir(f"weir-{number}").start()
                path = self.folder / f"file-{number}"
                path.write_bytes(content)
                done = self.import_file(one, path, *(["--format", chosen] if chosen else []))
                output = done.stdout + done.stderr
                self.assertEqual(done.returncode, code, output)
                if events:
                    self.assertEqual(one.wait_counted()["tallied"], events, output)
                answer = one.summary(*DAY)
                self.assertEqual((answer["events"], answer["page_views"], answer["unique_users"]), (events, views, users),
                                 output)
                if code:
                    last = output.strip().splitlines()[-1]
                    self.assertIn("no line could be read" if "prefix" in name or "between" in name else
                                  name.split(" in ")[0], last)
                one.kill()

    def test_a_target_that_begins_with_two_slashes_is_a_distinct_page(self):
        one = self.weir().start()
        path = self.folder / "access.log"
        targets = ["/", "//xmlrpc.php?rsd", "//blog/", "//shop", "//wp-includes/css/a.css"]
        path.write_bytes(text(line(second=n, target=target) for n, target in enumerate(targets)))
        self.assertEqual(self.import_file(one, path).returncode, 0)
        self.assertEqual(one.wait_counted()["tallied"], 5)
        self.assertEqual({page: views for page, views in self.pages(one).items() if views},
                         {"/": 1, "//xmlrpc.php": 1, "//blog/": 1, "//shop": 1})

    def test_a_format_without_client_time_or_zone_is_refused_at_start(self):
        for chosen, reason in (('"$request" [$time_local]', "no client"), ('%h "%r"', "no time"),
                               ("%h %{%F %T}t", "no zone"), ("combine", "expected auto, ")):
            done = subprocess.run([str(weir.BINARY), "import", "--format", chosen, "missing.log"], capture_output=True,
                                  text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 2, done.stderr)
            self.assertIn("--format: ", done.stderr)
            self.assertIn(reason, done.stderr)


if __name__ == "__main__":
    weir.main()
