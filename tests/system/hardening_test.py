"""How the program was compiled and linked: what Debian calls hardening (cmake/compiler.cmake), read from the file itself."""
import platform
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
    def setUp(self):
        super().setUp()
        self.symbols = readelf("--dyn-syms")

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

    def test_functions_check_their_stack(self):
        self.assertIn("__stack_chk_fail", self.symbols)

    def test_functions_of_libc_check_their_buffers(self):
        # Each is called instead of the function without _chk where the compiler knows the size of the buffer.
        self.assertTrue(re.findall(r"__(?:mem|str|f?printf|v?snprintf|read|recv|fd)\w*_chk", self.symbols), self.symbols)

    def test_indirect_branches_go_only_to_marked_functions(self):
        # Debian's startup code is not marked, so the linker leaves out the property of the whole program.
        if platform.machine() != "x86_64":
            self.skipTest("CET is of x86-64")
        code = weir.BINARY.read_bytes()
        self.assertGreater(code.count(b"\xf3\x0f\x1e\xfa"), 1000, "endbr64 at the beginning of functions")


if __name__ == "__main__":
    weir.main()
