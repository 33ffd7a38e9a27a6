"""Texts that collide in hash tables whose seed an attacker knows. colliding_texts.cpp computes them:

    texts = CollidingTexts(folder)       # compiles the generator into the folder, once
    texts.pages(160_000)            # equal in all bits of std::hash; usable as activity types, too
    texts.hosts(160_000)            # the same, from the characters of a host name
    texts.users(160_000)            # equal in the low 32 bits of the hash of user_id; the high bits differ
    texts.pairs(160_000)            # (user_id, message_id): the same for their fingerprint in dedupe"""
import pathlib
import shutil
import string
import subprocess

from tests.harness import weir

SOURCE = pathlib.Path(__file__).with_name("colliding_texts.cpp")
PATH = string.ascii_letters + string.digits + "!$%&'()*+,-.=@_~"
HOST = string.ascii_lowercase + string.digits + "!$&'()*+,-.;=_`{}~"


class CollidingTexts:
    def __init__(self, folder):
        self._program = pathlib.Path(folder) / "colliding_texts"
        if self._program.exists():
            return
        compiler = shutil.which("g++") or shutil.which("c++")
        if not compiler:
            weir.missing("a C++ compiler")
        subprocess.run([compiler, "-std=c++20", "-O2", "-o", self._program, SOURCE], check=True)

    def pages(self, count):
        return self._texts("values", PATH, count)

    def hosts(self, count):
        return self._texts("values", HOST, count)

    def users(self, count):
        return self._texts("users", count)

    def pairs(self, count):
        return [tuple(line.split("\t")) for line in self._texts("pairs", count)]

    def _texts(self, *words):
        made = subprocess.run([self._program, *map(str, words)], check=True, capture_output=True, text=True).stdout
        return made.splitlines()
