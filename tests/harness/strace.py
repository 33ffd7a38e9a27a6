"""System calls that fail when and as told, by strace."""
import shutil

from tests.harness import weir


def prefix(trace, rule):
    """What a command is started through. `rule`: CALL:error=NAME:when=N, for each thread of it. The tracer is a child
    of the program, not the other way round: signals go where they always go. `trace` gets a line for each such call."""
    if not shutil.which("strace"):
        weir.missing("strace")
    call = rule.split(":")[0]
    return ["strace", "-D", "-A", "-f", "--seccomp-bpf", "-qq", "-o", str(trace), "-e", f"trace={call}", "-e", "signal=none", "-e",
            f"inject={rule}"]
