"""Compares the answers that clients received with /metrics: the process must have counted each refusal by a reason."""
import collections
import re

START_TIME_OFF = 1  # seconds; a start time counts from the boot, which the kernel reports in whole seconds
SAMPLE = re.compile(r'(\w+)(?:\{(.*)\})? (\S+)')
# {status of an answer: the counters that may have counted it with its reason}
REASONS = {503: ("weir_intake_refused_total", "weir_intake_not_kept_total"),
           500: ("weir_intake_not_kept_total", "weir_intake_unknown_total"),
           400: ("weir_intake_rejected_total",), 413: ("weir_intake_rejected_total",)}


def check_refusals(ledgers, urls, api):
    """Returns a list of findings. `api`: the process (a weir.Weir). `urls`: the URLs by which the clients reached it. Only
    requests since the start of the process are checked, so its clock must not have been stepped."""
    samples = samples_of(api.get("/metrics").body.decode())
    since = sum(samples["process_start_time_seconds"].values()) + START_TIME_OFF
    answers = collections.Counter(status for status, began in tries_of(ledgers, urls).values() if began > since)
    findings = []
    for status, count in sorted(answers.items()):
        counted = sum(value for labels, value in samples["weir_http_requests_total"].items() if f'code="{status}"' in labels)
        if status and counted < count:
            findings.append(f"answers: clients received {count} with {status}, weir_http_requests_total has {counted:.0f}")
        explained = sum(sum(samples[name].values()) for name in REASONS.get(status, ()))
        if status in REASONS and explained < count:
            findings.append(f"reasons: clients received {count} answers with {status}, {', '.join(REASONS[status])} have "
                            f"{explained:.0f}")
    return findings


def tries_of(ledgers, urls):
    """Returns {try: (status, time of the intent)} of the requests to these URLs."""
    return {mark.rpartition(".")[0]: (send.status, send.at) for mark, send in ledgers.sends.items() if send.to in urls}


def samples_of(exposition):
    """Parses a Prometheus exposition into {name: {labels: value}}."""
    samples = collections.defaultdict(dict)
    for line in exposition.splitlines():
        found = SAMPLE.fullmatch(line)
        if found:
            samples[found.group(1)][found.group(2) or ""] = float(found.group(3))
    return samples
