"""How the program was linked: what Debian calls hardening (cmake/compiler.cmake), read from the file itself."""
import re
import shutil
import subprocess

from tests.harness import weir


def readelf(*options):
    if not shutil.which("readelf"):
        weir.missing("readelf (package binutils)")
    return subprocess.run(["readelf", "--wide", *options, str(weir.BINARY)], stdout=subprocess.PIPE, text=True,
                          check=True).stdout


class Hardening(weir.Case):
    def test_the_program_is_position_independent(self):
        self.assertRegex(readelf("--file-header"), r"Type: +DYN \(Position-Independent Executable file\)")

    def test_relocations_are_resolved_at_start_and_then_read_only(self):
        self.assertIn("GNU_RELRO", readelf("--program-headers"))
        self.assertRegex(readelf("--dynamic"), r"\(FLAGS_1\) +Flags: .*NOW")

    def test_no_segment_is_writable_and_executable(self):
        segments = re.findall(r"(?m)^  (LOAD|GNU_STACK) .* ([R ][W ][E ]) 0x", readelf("--program-headers"))
        self.assertEqual(len([1 for kind, _ in segments if kind == "GNU_STACK"]), 1, segments)
        self.assertEqual([one for one in segments if "W" in one[1] and "E" in one[1]], [])
        self.assertIn(("GNU_STACK", "RW "), segments)


if __name__ == "__main__":
    weir.main()
