#include "consumer/turn.hpp"

#include <utility>

namespace weir::consumer {
namespace {

struct CommandExecutor {
  Consumer& consumer;
  LogReader& reader;
  DeadLetterTopic* copies;
  Now now;
  TurnResult& end;
  bool& unanswered;  // a question to the log in this turn

  // A log that is away is waited for once a turn, however many partitions there are: the group takes whoever
  // does not poll for dead, and a process that is to leave would not hear of it.
  void operator()(const QueryLog& ask) {
    if (unanswered) return consumer.defer(ask, now);
    auto found = run_log_query(reader, ask.survey);
    unanswered = !found;
    consumer.surveyed(ask.partition, ask.generation, std::move(found), now);
  }
  void operator()(const SeekTo& seek) {
    const Result<void> sought = reader.seek(seek.partition, seek.offset);
    if (!sought) consumer.seek_failed(seek.partition, sought.error(), now);
  }
  void operator()(const Pause& pause) { reader.pause(pause.partition); }
  void operator()(const Resume& resume) { reader.resume(resume.partition); }
  void operator()(Execute& run) { end.jobs.push_back(std::move(run.job)); }
  void operator()(const StoreOffset& committed) {
    reader.store_offset(committed.partition, committed.next_offset);
  }
  void operator()(const Release& release) { reader.release(release.partitions); }
  void operator()(WriteToDlq& letters) {
    for (DeadLetterTopic::Copy& copy : letters.copies) copies->send(std::move(copy));
  }
  void operator()(const FlushDone& flush) { end.flushes.push_back(flush); }
  void operator()(Exit& exit) { end.exit = std::move(exit); }
};

}  // namespace

TurnResult run_turn(Consumer& consumer, LogReader& reader, DeadLetterTopic* copies,
                    const Result<std::vector<LogEvent>>& polled, std::vector<Job> ended, Now now) {
  if (polled) {
    consumer.log_answers();
    consumer.on_log_events(*polled, now);
  } else {
    consumer.log_failed(polled.error());
  }
  for (Job& job : ended) consumer.done(std::move(job), now);
  if (copies != nullptr) {
    for (const DeadLetterTopic::CopyResult& copy : copies->take_results()) consumer.on_dlq_result(copy, now);
  }
  consumer.tick(now);

  TurnResult end;
  bool unanswered = false;
  // Carrying out a command may lead to others.
  for (auto commands = consumer.take_commands(); !commands.empty(); commands = consumer.take_commands()) {
    for (Command& command : commands)
      std::visit(CommandExecutor{consumer, reader, copies, now, end, unanswered}, command);
  }
  return end;
}

}  // namespace weir::consumer
