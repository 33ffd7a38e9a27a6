"""Makes system calls of a process fail, by strace."""
import shutil

from tests.harness import weir


def prefix(trace, rule):
    """Returns the words to put before a command. `rule`: CALL:error=NAME:when=N, applied to each thread. The tracer is a
    child of the program, so signals to the program work as usual. strace writes a line for each such call to `trace`."""
    if not shutil.which("strace"):
        weir.missing("strace")
    call = rule.split(":")[0]
    return ["strace", "-D", "-A", "-f", "--seccomp-bpf", "-qq", "-o", str(trace), "-e", f"trace={call}", "-e", "signal=none", "-e",
            f"inject={rule}"]
