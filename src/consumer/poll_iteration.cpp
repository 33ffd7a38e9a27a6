// The order within an iteration: the poll's events, ended jobs, ended copies, tick, then the commands. So a
// tick knows everything that has happened, and a SeekTo is executed before the next poll returns records.
#include "consumer/poll_iteration.hpp"

#include <utility>

namespace weir::consumer {
namespace {

struct CommandExecutor {
  Consumer& consumer;
  LogReader& reader;
  DeadLetterTopic* dead_letter_topic;
  Now now;
  IterationResult& result;
  bool& log_unavailable;  // a query of this iteration got no answer

  // An unavailable log is waited for once in each iteration, not once for each partition. Otherwise the group
  // would remove this member because it does not poll, and a stop request would wait too long.
  void operator()(const QueryLog& ask) {
    if (log_unavailable) return consumer.defer(ask, now);
    auto found = run_log_query(reader, ask.query);
    log_unavailable = !found;
    consumer.on_log_query_result(ask.partition, ask.generation, std::move(found), now);
  }
  void operator()(const SeekTo& seek) {
    const Result<void> sought = reader.seek(seek.partition, seek.offset);
    if (!sought) consumer.on_seek_failed(seek.partition, sought.error(), now);
  }
  void operator()(const Pause& pause) { reader.pause(pause.partition); }
  void operator()(const Resume& resume) { reader.resume(resume.partition); }
  void operator()(Execute& execute) { result.jobs.push_back(std::move(execute.job)); }
  void operator()(const StoreOffset& store) { reader.store_offset(store.partition, store.next_offset); }
  void operator()(const Release& release) { reader.release(release.partitions); }
  void operator()(WriteToDlq& write) {
    for (DeadLetterTopic::Copy& copy : write.copies) dead_letter_topic->send(std::move(copy));
  }
  void operator()(const FlushDone& flush) { result.flushes.push_back(flush); }
  void operator()(Exit& exit) { result.exit = std::move(exit); }
};

}  // namespace

IterationResult run_poll_iteration(Consumer& consumer, LogReader& reader, DeadLetterTopic* dead_letter_topic,
                                   const Result<std::vector<LogEvent>>& polled, std::vector<Job> ended,
                                   Now now) {
  if (polled) {
    consumer.on_poll_succeeded();
    consumer.on_log_events(*polled, now);
  } else {
    consumer.on_poll_failed(polled.error());
  }
  for (Job& job : ended) consumer.on_job_done(std::move(job), now);
  if (dead_letter_topic != nullptr) {
    for (const DeadLetterTopic::CopyResult& copied : dead_letter_topic->take_results())
      consumer.on_dlq_result(copied, now);
  }
  consumer.tick(now);

  IterationResult result;
  bool log_unavailable = false;
  // A log query may add commands, so repeat until there are none.
  for (auto commands = consumer.take_commands(); !commands.empty(); commands = consumer.take_commands()) {
    for (Command& command : commands)
      std::visit(CommandExecutor{consumer, reader, dead_letter_topic, now, result, log_unavailable}, command);
  }
  return result;
}

}  // namespace weir::consumer
