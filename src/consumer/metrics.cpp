#include "consumer/metrics.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "telemetry/exposition.hpp"

namespace weir::consumer {
namespace {

using telemetry::Exposition;

double seconds(std::chrono::nanoseconds time) { return std::chrono::duration<double>(time).count(); }

template <class Integer>
double number(Integer value) {
  return static_cast<double>(value);
}

void describe_account(const Status& status, Exposition& into) {
  const auto count = [&into](std::string_view name, std::string_view help, std::int64_t value) {
    into.counter(name, help, number(value));
  };
  count("weir_consumer_read_total",
        "Records whose offset is in the ledger: tallied, duplicate or dead-lettered.", status.counts.read);
  count("weir_consumer_tallied_total", "Records that are in the numbers.", status.counts.tallied);
  count("weir_consumer_duplicate_total", "Records whose message_id was known.", status.counts.duplicate);
  count("weir_consumer_skipped_total", "Offsets that hold no record for us.", status.counts.skipped);
  auto letters = status.dead_letters;
  letters.try_emplace("not_json", 0);
  for (const auto& [reason, letters_so_far] : letters)
    into.counter("weir_consumer_dead_lettered_total", "Records that became dead letters, by reason.",
                 number(letters_so_far), {{"reason", reason}});
  count("weir_consumer_flushes_total", "Flushes that are in the store.", status.flushes);
  count("weir_consumer_roll_ups_total", "Roll-ups of quiet minutes that are in the store.", status.roll_ups);
  count("weir_consumer_windows_opened_total", "Windows that had no row before.", status.windows_opened);
  count("weir_consumer_store_retries_total", "Transactions that failed and were tried again.",
        status.store_retries);
  count("weir_consumer_commits_in_doubt_total", "COMMITs without an answer, looked up in the ledger.",
        status.commits_in_doubt);
  count(
      "weir_consumer_transactions_given_up_total",
      "Transactions that took the metrics store too long; their events were written in smaller ones instead.",
      status.transactions_given_up);
  count("weir_consumer_fences_lost_total", "Partitions whose ledger somebody else had written.",
        status.fences_lost);
  count("weir_consumer_pauses_total", "Times that reading was paused.", status.pauses);
}

void describe_flush(const Status& status, Exposition& into) {
  std::array<double, Durations::borders.size()> bounds{};
  std::ranges::transform(Durations::borders, bounds.begin(), seconds);
  std::array<std::uint64_t, Durations::borders.size() + 1> counts{};
  std::ranges::copy(status.flush_took.counts, counts.begin());
  into.histogram("weir_consumer_flush_duration_seconds", "How long good flushes took in the store.", bounds,
                 counts, seconds(status.flush_took.sum));
}

void describe_state(const Status& status, Now now, Exposition& into) {
  constexpr std::array phases{Phase::starting, Phase::opening,  Phase::catching_up,
                              Phase::live,     Phase::draining, Phase::stopped};
  for (const Phase phase : phases) {
    std::string name(name_of(phase));
    std::ranges::replace(name, ' ', '_');
    into.gauge("weir_consumer_phase", "1 for the phase that the consumer is in.",
               status.phase == phase ? 1 : 0, {{"phase", name}});
  }
  into.gauge("weir_consumer_store_up", "1 while the store answers.", status.store_up ? 1 : 0);
  into.gauge("weir_consumer_log_up", "1 while the log can be read.", status.log_up ? 1 : 0);
  into.gauge("weir_consumer_paused", "1 while reading is paused: too much waits, or the store is away.",
             status.paused ? 1 : 0);
  into.gauge("weir_consumer_waiting_events", "Events that were read and are not known to be in the store.",
             number(status.backlog_events));
  into.gauge("weir_consumer_letters_uncopied",
             "Dead letters whose copy is not acknowledged; their parts wait.", number(status.dlq_pending));
  into.gauge("weir_consumer_store_latency_seconds", "How long the last good transaction took.",
             seconds(status.store_latency));
  if (const auto unread = status.oldest_unread_age(now.wall))
    into.gauge(
        "weir_consumer_oldest_unread_age_seconds",
        "Age of the oldest record that is not in the store. Absent while it is not known: partitions are "
        "being opened, catch up or are refused.",
        seconds(*unread));
  if (status.last_good_flush)
    into.gauge("weir_consumer_last_flush_age_seconds", "Since the last good flush.",
               seconds(now.mono - status.last_good_flush->mono));
}

void describe_partitions(const Status& status, Exposition& into) {
  const auto count = [&into](std::string_view event, std::int64_t times) {
    into.counter("weir_consumer_partition_events_total",
                 "Partitions that came and went; misplaced: the log had cut off what was to be read next.",
                 number(times), {{"event", event}});
  };
  count("assigned", status.partitions_assigned);
  count("revoked", status.partitions_revoked);
  count("lost", status.partitions_lost);
  count("misplaced", status.offsets_out_of_range);

  using State = PartitionStatus::State;
  for (const State state : {State::opening, State::catching_up, State::live, State::refused})
    into.gauge("weir_consumer_partitions", "Partitions that this process holds, by state.",
               number(std::ranges::count(status.partitions, state, &PartitionStatus::state)),
               {{"state", name_of(state)}});
  for (const PartitionStatus& partition : status.partitions) {
    if (!partition.ledger) continue;
    const std::string number_of = std::to_string(partition.partition);
    into.gauge("weir_consumer_lag_records", "Offsets of a partition that are not in the store yet.",
               number(partition.ledger->lag()), {{"partition", number_of}});
    into.gauge("weir_consumer_next_offset", "The first offset of a partition that is not in the store.",
               number(partition.ledger->next_offset), {{"partition", number_of}});
  }
}

}  // namespace

void collect(const Status& status, Now now, Exposition& into) {
  describe_state(status, now, into);
  describe_account(status, into);
  describe_flush(status, into);
  describe_partitions(status, into);
}

}  // namespace weir::consumer
