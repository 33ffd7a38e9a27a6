// Each scrape calls collect() with a copy of the status, so no lock is held here. Names and labels are fixed,
// except for partition numbers and the codes of dead letters.
#include "consumer/metrics.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <type_traits>

#include "telemetry/exposition.hpp"

namespace weir::consumer {
namespace {

using telemetry::Exposition;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

template <class Integer>
double number(Integer value) {
  return static_cast<double>(value);
}

void collect_ledger(const Status& status, Exposition& into) {
  const auto count = [&into](std::string_view name, std::string_view help, std::int64_t value) {
    into.counter(name, help, number(value));
  };
  count("weir_consumer_read_total",
        "Records that the ledger counts: tallied, duplicates and dead letters together.", status.counts.read);
  count("weir_consumer_tallied_total", "Records that are counted in the windows.", status.counts.tallied);
  count("weir_consumer_duplicate_total", "Records whose message_id was seen before.",
        status.counts.duplicate);
  count("weir_consumer_skipped_total",
        "Offsets without a record for Weir: control records, compacted or deleted records.",
        status.counts.skipped);
  // One reason is always present, so that an alert on the metric has a series from the start.
  auto dead_letters = status.dead_letters;
  dead_letters.try_emplace("not_json", 0);
  for (const auto& [reason, total] : dead_letters)
    into.counter("weir_consumer_dead_lettered_total", "Records that became dead letters, by reason.",
                 number(total), {{"reason", reason}});
}

void collect_transactions(const Status& status, Exposition& into) {
  const auto count = [&into](std::string_view name, std::string_view help, std::int64_t value) {
    into.counter(name, help, number(value));
  };
  count("weir_consumer_flushes_total", "Flushes that were committed.", status.flushes);
  count("weir_consumer_roll_ups_total", "Roll-ups of minutes into hours and days that were committed.",
        status.roll_ups);
  count("weir_consumer_windows_opened_total", "Windows, of any granularity, that got their first row.",
        status.windows_opened);
  count("weir_consumer_store_retries_total", "Tries of a store transaction that failed and were repeated.",
        status.store_retries);
  count("weir_consumer_commits_in_doubt_total",
        "Commits whose outcome was unknown, so that it was read from the ledger.", status.commits_in_doubt);
  count("weir_consumer_transactions_abandoned_total",
        "Transactions that took the store too long; their events were written in smaller ones instead.",
        status.transactions_abandoned);
  count("weir_consumer_fence_failures_total",
        "Partitions that were opened again because another process had written their ledger row.",
        status.fence_failures);

  count("weir_consumer_rows_written_total",
        "Rows of activity_windows that committed flushes and roll-ups have written.", status.rows_written);
  count("weir_consumer_sketch_bytes_written_total",
        "Bytes of the sketches in these rows that were new or changed.", status.sketch_bytes_written);
  for (const CappedCount& capped : status.capped)
    into.counter("weir_consumer_capped_values_total",
                 "Times that a value was counted in (other) because its window was full, by dimension.",
                 number(capped.values), {{"dimension", capped.name}});
}

void collect_flushes(const Status& status, Exposition& into) {
  const auto histogram = [&into](std::string_view name, std::string_view help, const auto& observed,
                                 const auto& to_number) {
    std::array<double, std::remove_cvref_t<decltype(observed)>::bounds.size()> bounds{};
    std::ranges::transform(observed.bounds, bounds.begin(), to_number);
    std::array<std::uint64_t, bounds.size() + 1> counts{};
    std::ranges::copy(observed.counts, counts.begin());
    into.histogram(name, help, bounds, counts, to_number(observed.sum));
  };
  histogram("weir_consumer_flush_duration_seconds", "Duration of committed flushes in the store.",
            status.flush_durations, seconds);
  histogram("weir_consumer_flush_events", "Events that a committed flush has counted.", status.flush_sizes,
            number<std::int64_t>);
}

void collect_state(const Status& status, Now now, Exposition& into) {
  constexpr std::array phases{Phase::starting, Phase::opening,  Phase::catching_up,
                              Phase::live,     Phase::draining, Phase::stopped};
  // One series for each phase, the form of an OpenMetrics StateSet: an alert can name a phase.
  for (const Phase phase : phases) {
    std::string name(name_of(phase));
    std::ranges::replace(name, ' ', '_');
    into.gauge("weir_consumer_phase", "1 for the phase of the consumer, 0 for all others.",
               status.phase == phase ? 1 : 0, {{"phase", name}});
  }
  into.gauge("weir_consumer_store_up", "1 while the metrics store answers.", status.store_up ? 1 : 0);
  into.gauge("weir_consumer_log_up", "1 while the event log can be read.", status.log_up ? 1 : 0);
  into.gauge("weir_consumer_paused",
             "1 while consumption is paused: the backlog is too large, or the metrics store is unavailable.",
             status.paused ? 1 : 0);
  into.counter("weir_consumer_pauses_total", "Times that consumption was paused.", number(status.pauses));
  into.gauge("weir_consumer_backlog_events", "Events that were read and are not known to be in the store.",
             number(status.backlog_events));
  into.gauge(
      "weir_consumer_dlq_pending",
      "Dead letters that the dead letter topic has not acknowledged; their batch is not flushed before.",
      number(status.dlq_pending));
  into.gauge("weir_consumer_store_latency_seconds", "Duration of the last committed transaction.",
             seconds(status.store_latency));
  if (const auto unread = status.oldest_unread_age(now.wall))
    into.gauge(
        "weir_consumer_oldest_unread_age_seconds",
        "Age of the oldest record that is not in the store. Absent while it is unknown: a partition is being "
        "opened, catches up or is refused.",
        seconds(*unread));
  if (status.last_good_flush)
    into.gauge("weir_consumer_last_flush_age_seconds", "Time since the last committed flush.",
               seconds(now.mono - status.last_good_flush->mono));
}

void collect_partitions(const Status& status, Exposition& into) {
  const auto count = [&into](std::string_view event, std::int64_t times) {
    into.counter("weir_consumer_partition_events_total",
                 "Partitions that were assigned, revoked or lost, or whose read position left the log "
                 "(offset_out_of_range).",
                 number(times), {{"event", event}});
  };
  count("assigned", status.partitions_assigned);
  count("revoked", status.partitions_revoked);
  count("lost", status.partitions_lost);
  count("offset_out_of_range", status.offsets_out_of_range);

  using State = PartitionStatus::State;
  for (const State state : {State::opening, State::catching_up, State::live, State::refused})
    into.gauge("weir_consumer_partitions", "Partitions that are assigned to this process, by state.",
               number(std::ranges::count(status.partitions, state, &PartitionStatus::state)),
               {{"state", name_of(state)}});
}

void collect_each_partition(const Status& status, WallTime now, Exposition& into) {
  for (const PartitionStatus& each : status.partitions) {
    // A partition that is not counted shows no lag, instead of a lag of 0.
    if (!each.ledger) continue;
    const std::string partition = std::to_string(each.partition);
    into.gauge("weir_consumer_lag_records", "Offsets of a partition that are not in the store yet.",
               number(each.ledger->lag()), {{"partition", partition}});
    into.gauge("weir_consumer_next_offset", "The first offset of a partition that is not in the store.",
               number(each.ledger->next_offset), {{"partition", partition}});
    into.gauge("weir_consumer_log_end_offset", "The end offset of a partition, as last seen.",
               number(each.ledger->log_end), {{"partition", partition}});
    if (const auto age = each.oldest_unread_age(now))
      into.gauge(
          "weir_consumer_partition_oldest_unread_age_seconds",
          "Age of the oldest record of a partition that is not in the store. Absent while it is unknown.",
          seconds(*age), {{"partition", partition}});
    into.gauge("weir_consumer_dedupe_entries", "Occurrences that the dedupe window of a partition remembers.",
               number(each.ledger->dedupe_entries), {{"partition", partition}});
    into.gauge("weir_consumer_dedupe_span_seconds",
               "Time from the oldest remembered occurrence of a partition to the newest.",
               seconds(each.ledger->dedupe_span), {{"partition", partition}});
  }
}

}  // namespace

void collect(const Status& status, Now now, Exposition& into) {
  collect_state(status, now, into);
  collect_ledger(status, into);
  collect_transactions(status, into);
  collect_flushes(status, into);
  collect_partitions(status, into);
  collect_each_partition(status, now.wall, into);
}

}  // namespace weir::consumer
