"""The identities of /metrics: each request and each item ends in exactly one counter."""
import time

from tests.checker.recount_refusals import samples_of


def identities(samples):
    """Returns {name: (what came in, what became of it)} for a process at rest, from a scrape that is its only request in
    flight. `samples`: of samples_of()."""
    def total(*names):
        return sum(sum(samples.get(name, {}).values()) for name in names)

    def with_label(name, *labels):
        return sum(value for its, value in samples.get(name, {}).items() if any(label in its for label in labels))

    scrape = 1
    found = {"requests": (total("weir_http_requests_received_total"),
                          total("weir_http_requests_total", "weir_http_requests_abandoned_total") + scrape)}
    if "weir_intake_received_total" in samples:
        found["items"] = (total("weir_intake_received_total"),
                          total("weir_intake_accepted_total", "weir_intake_rejected_total", "weir_intake_refused_events_total",
                                "weir_intake_not_kept_total", "weir_intake_unknown_total", "weir_intake_in_flight_events"))
    if "weir_consumer_read_total" in samples:
        found["records"] = (total("weir_consumer_read_total"),
                            total("weir_consumer_tallied_total", "weir_consumer_duplicate_total",
                                  "weir_consumer_dead_lettered_total"))
    if "weir_access_refused_total" in samples:
        refused = "weir_access_refused_total"
        found["answers 401"] = (with_label("weir_http_requests_total", 'code="401"'),
                                with_label(refused, "key_missing", "password_missing", "password_wrong"))
        found["answers 429"] = (with_label("weir_http_requests_total", 'code="429"'), with_label(refused, "rate_limited"))
    return found


def check_counters(process, seconds=10):
    """Returns a list of findings. `process`: a weir.Weir that gets no requests but short ones of other observers; so it is
    scraped again until the identities hold, for that many seconds."""
    end = time.monotonic() + seconds
    while True:
        found = identities(samples_of(process.get("/metrics").body.decode()))
        findings = [f"{name}: {came_in:.0f} came in, {ended:.0f} ended in a counter"
                    for name, (came_in, ended) in found.items() if came_in != ended]
        if not findings or time.monotonic() > end:
            return findings
        time.sleep(0.2)
