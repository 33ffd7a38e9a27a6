"""Every refusal that a living process gave has a counter and a reason: what clients were answered, against its /metrics."""
import collections
import re

START_TIME_OFF = 1  # seconds: the kernel tells the boot, which a process' start is counted from, in whole seconds
SAMPLE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)')
# An answer's status, and the counters of which one must have told it with its reason.
REASONS = {503: ("weir_intake_refused_total", "weir_intake_not_kept_total"),
           500: ("weir_intake_not_kept_total", "weir_intake_unknown_total"),
           400: ("weir_intake_rejected_total",), 413: ("weir_intake_rejected_total",)}


def check_refusals(ledgers, urls, api):
    """A list of texts; empty: the process that answers `api` (a weir.Weir), and that the ledgers's clients reached by one
    of these URLs, has counted each of its answers, and each refusal by a reason. Only what it was sent since it began is
    looked at; so its clock must not have been moved."""
    samples = samples_of(api.get("/metrics").body.decode())
    since = sum(samples["process_start_time_seconds"].values()) + START_TIME_OFF
    answers = collections.Counter(status for status, began in tries_of(ledgers, urls).values() if began > since)
    findings = []
    for status, count in sorted(answers.items()):
        counted = sum(value for labels, value in samples["weir_http_requests_total"].items() if f'code="{status}"' in labels)
        if status and counted < count:
            findings.append(f"answers: {count} with {status} were seen, and weir_http_requests_total says {counted:.0f}")
        told = sum(sum(samples[name].values()) for name in REASONS.get(status, ()))
        if status in REASONS and told < count:
            findings.append(f"reasons: {count} answers with {status} were seen, and {', '.join(REASONS[status])} say {told:.0f}")
    return findings


def tries_of(ledgers, urls):
    """{try: (status, when it was intended)} of those that went to one of these URLs."""
    return {mark.rpartition(".")[0]: (send.status, send.at) for mark, send in ledgers.sends.items() if send.to in urls}


def samples_of(exposition):
    """{name: {labels: value}}"""
    samples = collections.defaultdict(dict)
    for line in exposition.splitlines():
        found = SAMPLE.fullmatch(line)
        if found:
            samples[found.group(1)][found.group(2) or ""] = float(found.group(3))
    return samples
