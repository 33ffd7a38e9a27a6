"""What is measured: Weir, the floors, and the peers in a folder beside the project, which are built if they are there."""
import pathlib
import shutil
import subprocess

from tests.harness import weir

WEIR, RUST, GO, ORIGINAL, STREAMS = "weir", "peer-rust", "strong-go", "original", "peer-streams"
BARE = "floor"  # a server that answers and does nothing, or librdkafka alone


def build(folder, peers):
    """Builds the peers below `peers` into `folder`, each once, and returns {name: command}. A peer whose tools are missing, or
    that does not build, is left out with a line about it."""
    found = {}
    for name, source, make, product in (
            (RUST, "peer-rust", ["cargo", "build", "--release", "--quiet"], "target/release/peer-rust"),
            (GO, "peer-go/strong-go", ["go", "build", "-o", "program", "."], "program"),
            (ORIGINAL, "peer-go/producer", ["go", "build", "-o", "program", "."], "program"),
            (ORIGINAL + " consumer", "peer-go/consumer", ["go", "build", "-o", "program", "."], "program"),
            (STREAMS, "peer-streams", ["mvn", "-q", "package"], "target/classes")):
        place = folder / source
        if not (pathlib.Path(peers) / source).exists():
            continue
        if not (place / product).exists():
            if not shutil.which(make[0]):
                print(f"{name} is left out: {make[0]} is not installed")
                continue
            shutil.copytree(pathlib.Path(peers) / source, place, dirs_exist_ok=True)
            subprocess.run(["chmod", "-R", "u+w", place], check=True)
            if subprocess.run(make, cwd=place).returncode != 0:
                print(f"{name} is left out: {' '.join(make)} failed in {place}")
                continue
        found[name] = place / product
    return found


def producer(name, built, folder):
    """Returns (command, settings, path that answers when it is ready) of a program for the way in."""
    if name == WEIR:
        return [weir.BINARY, "producer"], {}, "/health/ready"
    if name == BARE:
        return [folder / "weir_bare_server", "PORT"], {}, None
    settings = {RUST: {}, GO: {"MODE": "producer", "LINGER_MS": 0}, ORIGINAL: {"BATCH_TIMEOUT_MS": 10, "ACKS": "all"}}[name]
    return [built[name]], settings, "/health"


def consumer(name, built, folder):
    """Returns (command, settings, path) of a program for the way out."""
    if name == WEIR:
        return [weir.BINARY, "consumer"], {}, None
    if name == GO:
        return [built[name]], {"MODE": "consumer"}, None
    if name == ORIGINAL:
        return [built[ORIGINAL + " consumer"]], {"BATCH_SIZE": 10000, "COMMIT_INTERVAL_MS": 1000, "MESSAGE_LOG": 0,
                                                 "READER_PER_WORKER": 1, "FLUSH_INTERVAL_SEC": 2}, None
    classes = built[STREAMS]
    command = ["java", "-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-cp", f"{classes}:{classes.parent}/lib/*", "peer.Main"]
    return command, {"STATE_DIR": folder / "streams"}, None
