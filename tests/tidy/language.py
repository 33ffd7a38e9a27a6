#!/usr/bin/env python3
"""Measures the language of the tree: words that readers outside this project do not know, and the share of comments.

    python3 tests/tidy/language.py              the two figures, and the modules that are above the bound
    python3 tests/tidy/language.py --list       each place of a listed word

tidy_test.py imports the same functions, so the figures and the check cannot disagree.
"""
import argparse
import io
import pathlib
import re
import subprocess
import tokenize

ROOT = pathlib.Path(__file__).resolve().parents[2]

# Each entry: what must not stand in comments, documents and texts, and what to write instead.
LISTED = {
    r"behind(?! (a|the|its|your) (reverse )?(proxy|firewall|load balancer))": "after, >= (in this field `behind` means lagging)",
    r"whoever|whosoever": "the process that, the caller that",
    r"whatever": "any, regardless of",
    r"somebody|someone else": "another process, another client",
    r"nobody": "no process, no client",
    r"anybody": "any client, any user",
    r"anew": "again, from the start",
    r"mend(s|ed|ing)?": "fix, recover",
    r"reckon(s|ed|ing)?": "compute",
    r"strangers?": "untrusted input, another group",
    r"(?<!dead )(?<!dead-)(?<!dead_)(?<!`)letters?(?! of the alphabet|, digits)": "dead letter",
    r"knock(s|ed|ing)?": "notify, wake up",
    r"(come|comes|came|go|goes|gone|bring|brings|take|takes) home": "is reported, returns",
    r"(is|are|was|were|be|been) told": "receives, is notified",
    r"(is|are|was|were|be) said(?! to)": "is logged, is reported",
    r"fillers?": "implementation",
    r"(?<!memory )(?<!head)rooms?(?! for| in| left)": "module",
    r"as it stands|by and by|hither|thither|wherein|thereof|therein": "plain words",
}
PATTERN = re.compile(r"\b(?:" + "|".join(f"(?:{p})" for p in LISTED) + r")\b", re.IGNORECASE)
QUOTED = re.compile(r'"[^"\n]*"|`[^`\n]*`|“[^”\n]*”')
WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
CPP = re.compile(r'R"(\w*)\((?:.|\n)*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|(?P<comment>//[^\n]*|/\*(?:.|\n)*?\*/)')


def tracked(*patterns):
    names = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True,
                           capture_output=True, text=True).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).exists()]


def cpp_comments(text):
    """(line, text) of each comment."""
    for found in CPP.finditer(text):
        if found.group("comment"):
            yield text.count("\n", 0, found.start()) + 1, found.group("comment").lstrip("/*! ")


def python_comments(text):
    """Comments and docstrings: strings that stand alone as a statement."""
    previous = tokenize.NEWLINE
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string.lstrip("# ")
            elif token.type == tokenize.STRING and previous in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT):
                yield token.start[0], token.string
            if token.type not in (tokenize.NL, tokenize.COMMENT):
                previous = token.type
    except (tokenize.TokenError, IndentationError):
        return


def matches_of(pattern):
    """Returns a reader that yields (line, text) of each match."""
    def read(text):
        for found in re.finditer(pattern, text, re.MULTILINE):
            yield text.count("\n", 0, found.start()) + 1, found.group(0).strip().lstrip("/*#! ")
    return read


def markdown_prose(text):
    """Lines outside of fenced code."""
    fenced = False
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced:
            yield number, line


SLASH_COMMENTS = matches_of(r"(?:^|(?<=\s))//.*$|/\*(?:.|\n)*?\*/")
HASH_COMMENTS = matches_of(r"(?:^|(?<=\s))##? .*$")
READERS = {".cpp": cpp_comments, ".hpp": cpp_comments, ".py": python_comments, ".md": markdown_prose,
           ".js": SLASH_COMMENTS, ".mjs": SLASH_COMMENTS, ".ts": SLASH_COMMENTS}  # all others: HASH_COMMENTS


def prose():
    """(path, line, text) of everything that is written for readers."""
    suffixes = [f"*{suffix}" for suffix in READERS]
    for path in tracked(*suffixes, "*.cmake", "*CMakeLists.txt", "Makefile", "Dockerfile", "scripts/*", ".ci/*"):
        if path.name == "language.py":
            continue
        # Some scripts are Python.
        text = path.read_text()
        reader = python_comments if text.startswith("#!/usr/bin/env python3") else READERS.get(path.suffix, HASH_COMMENTS)
        for line, found in reader(text):
            yield path, line, found


def places():
    """(path, line, word) of each listed word outside of quotations."""
    for path, line, text in prose():
        for found in PATTERN.finditer(QUOTED.sub(" ", text)):
            yield path, line, found.group(0)


def kind_of(path):
    return "documents" if path.suffix == ".md" else "comments"


def figures():
    """Returns {kind: (number of listed words, number of words)}."""
    made = {"comments": [0, 0], "documents": [0, 0]}
    for path, _, _ in places():
        made[kind_of(path)][0] += 1
    for path, _, text in prose():
        made[kind_of(path)][1] += len(WORD.findall(text))
    return {kind: tuple(numbers) for kind, numbers in made.items()}


def comment_share(paths):
    """Lines that hold nothing but a comment, of all lines that are not blank."""
    lines = [line.strip() for path in paths for line in path.read_text().split("\n") if line.strip()]
    return sum(1 for line in lines if line.startswith("//")) / max(len(lines), 1)


def is_production(path):
    return "testing" not in path.parts and not path.name.endswith("_test.cpp")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--list", action="store_true", help="print each place of a listed word")
    arguments = parser.parse_args()
    if arguments.list:
        for path, line, word in places():
            print(f"{path.relative_to(ROOT)}:{line}: {word}")
    for kind, (count, words) in figures().items():
        print(f"listed words per 1000 words of {kind}: {1000 * count / words:.2f} ({count} of {words})")
    sources = [path for path in tracked("src/*.cpp", "src/*.hpp") if is_production(path)]
    for suffix in (".hpp", ".cpp"):
        of_kind = [path for path in sources if path.suffix == suffix]
        without = sum(1 for path in of_kind if not re.search(r"^\s*//", path.read_text(), re.MULTILINE))
        print(f"comment share of {suffix}: {100 * comment_share(of_kind):.1f} % ({without} of {len(of_kind)} files without any)")


if __name__ == "__main__":
    main()
