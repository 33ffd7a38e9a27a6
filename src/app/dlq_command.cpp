// The store is read directly, also while a service runs: PostgreSQL has many sessions, and SQLite allows
// other processes to read a file that one writes. replay_sender.hpp says how replays reach the event log.
#include "app/dlq_command.hpp"

#include <filesystem>
#include <limits>
#include <memory>
#include <ostream>
#include <unistd.h>
#include <utility>

#include "activity/rfc3339.hpp"
#include "app/replay_sender.hpp"
#include "app/store_adapter.hpp"
#include "base/decimal.hpp"
#include "cli/dlq.hpp"
#include "config/show.hpp"

namespace weir::app {
namespace {

// The arguments of the three commands; each uses some of them.
struct DlqArguments {
  config::Texts settings;
  cli::DlqListOptions list;
  cli::DlqShowOptions show;
  cli::DlqReplayOptions replay;
  report::DeadLetterFilter filter;
  bool include_replayed = false;
  std::string id;
};
using Arguments = std::shared_ptr<DlqArguments>;

// Rows hold milliseconds. A finer time is rounded up, which selects the same rows with >= and with <.
std::function<bool(const std::string&)> time_into(std::optional<WallTime>& time) {
  return [&time](const std::string& typed) {
    const auto parsed = activity::parse_rfc3339(typed);
    if (parsed) time = std::chrono::ceil<std::chrono::milliseconds>(*parsed);
    return parsed.has_value();
  };
}

template <class Number>
std::function<bool(const std::string&)> number_into(std::optional<Number>& number) {
  return [&number](const std::string& typed) {
    number = parse_decimal<Number>(typed, 0, std::numeric_limits<Number>::max());
    return number.has_value();
  };
}

// The options that select dead letters, for `list` and `replay`.
void add_filter(CommandSpec& spec, report::DeadLetterFilter& filter) {
  constexpr const char* time = "a time in RFC 3339, such as 2026-01-31T00:00:00Z";
  spec.arguments.push_back({.name = "--reason",
                            .help = "only dead letters with this reason, as the list shows it",
                            .expected = "a reason",
                            .take = [&filter](const std::string& typed) {
                              filter.reason = typed;
                              return !typed.empty();
                            }});
  spec.arguments.push_back({.name = "--from",
                            .help = "only dead letters written at or after this time",
                            .expected = time,
                            .take = time_into(filter.from)});
  spec.arguments.push_back({.name = "--to",
                            .help = "only dead letters written before this time",
                            .expected = time,
                            .take = time_into(filter.to)});
  spec.arguments.push_back({.name = "--partition",
                            .help = "only dead letters of this partition",
                            .expected = "the number of a partition",
                            .take = number_into(filter.partition)});
  spec.arguments.push_back({.name = "--offset",
                            .help = "only dead letters at this offset",
                            .expected = "an offset",
                            .take = number_into(filter.offset)});
}

// `formats` are in the order of cli::DlqFormat.
void add_format(CommandSpec& spec, cli::DlqFormat& format, const std::vector<std::string>& formats) {
  spec.arguments.push_back(
      {.name = "--format",
       .help = "output format: " + in_words(formats) + " (default: table)",
       .expected = in_words(formats),
       .take = one_of(formats, [&format](std::size_t at) { format = static_cast<cli::DlqFormat>(at); })});
}

// A missing file is an error here, because SQLite would report it without a hint at DATA_DIR.
Result<std::unique_ptr<report::MetricsReader>> open_reader(const config::Settings& settings) {
  if (settings.metrics_store == config::StoreKind::postgres) return make_postgres_reader(settings);
  std::error_code ignored;
  const auto file = settings.data_dir / "metrics.db";
  if (!std::filesystem::exists(file, ignored))
    return fail(
        ErrorKind::invalid, "cannot_open",
        file.string() + " does not exist; expected the DATA_DIR of a weir serve, or METRICS_STORE=postgres");
  return open_sqlite_reader(settings);
}

// Loads the settings, opens the store and runs the command on it.
int run_on_store(const DlqArguments& typed, const Dependencies& dependencies,
                 const std::function<int(const config::Settings&, report::MetricsReader&)>& command) {
  const auto loaded = load(config::Command::dlq, typed.settings, dependencies);
  if (!loaded) return wrong_usage;
  auto reader = open_reader(loaded->settings);
  if (reader) return command(loaded->settings, **reader);
  dependencies.err << "weir dlq: " << reader.error().text << '\n';
  return failed;
}

// The arguments live in a shared object: the callbacks of the spec write to it and the command reads it.
Runnable make_list(const Dependencies& dependencies) {
  const auto typed = std::make_shared<DlqArguments>();
  CommandSpec spec{.name = "dlq list",
                   .help = "list the dead letters by reason",
                   .footer = config::help_of_variables(config::Command::dlq)};
  add_filter(spec, typed->list.filter);
  spec.arguments.push_back(
      {.name = "--waiting",
       .help = "only dead letters of which no replay is counted yet",
       .take = [typed](const std::string&) { return typed->list.filter.waiting_only = true; }});
  spec.arguments.push_back({.name = "--rows",
                            .help = "one row for each dead letter instead of one for each reason",
                            .take = [typed](const std::string&) { return typed->list.rows = true; }});
  add_format(spec, typed->list.format, {"table", "json", "csv"});
  add_settings(spec, config::Command::dlq, typed->settings);
  return {std::move(spec), [typed, &dependencies] {
            if (const std::size_t columns = columns_of(STDOUT_FILENO)) typed->list.columns = columns;
            return run_on_store(*typed, dependencies, [&](const auto& settings, auto& reader) {
              return cli::run_dlq_list(typed->list, settings.kafka_topic, reader, dependencies.out,
                                       dependencies.err);
            });
          }};
}

// The topic in "topic/partition/offset". It is compared with KAFKA_TOPIC once that is known.
std::string topic_of(const std::string& id) {
  const std::size_t last = id.rfind('/');
  if (last == std::string::npos || last == 0) return "";
  const std::size_t before = id.rfind('/', last - 1);
  return before == std::string::npos ? "topic" : id.substr(0, before);
}

Runnable make_show(const Dependencies& dependencies) {
  const auto typed = std::make_shared<DlqArguments>();
  CommandSpec spec{.name = "dlq show",
                   .help = "show one dead letter with its key, value, reason and attempts",
                   .footer = config::help_of_variables(config::Command::dlq)};
  spec.arguments.push_back({.name = "ID",
                            .help = "partition/offset, or topic/partition/offset, as the list shows it",
                            .expected = "partition/offset",
                            .take =
                                [typed](const std::string& id) {
                                  typed->id = id;
                                  // The settings are not loaded yet. Only the form of the id can be checked
                                  // here.
                                  cli::DlqShowOptions ignored;
                                  return cli::read_dead_letter_id(id, topic_of(id), ignored);
                                },
                            .is_required = true});
  add_format(spec, typed->show.format, {"table", "json"});
  add_settings(spec, config::Command::dlq, typed->settings);
  return {std::move(spec), [typed, &dependencies] {
            return run_on_store(*typed, dependencies, [&](const auto& settings, auto& reader) {
              if (cli::read_dead_letter_id(typed->id, settings.kafka_topic, typed->show))
                return cli::run_dlq_show(typed->show, settings.kafka_topic, reader, dependencies.out,
                                         dependencies.err);
              dependencies.err << "ID=\"" << typed->id << "\": expected partition/offset, or "
                               << settings.kafka_topic << "/partition/offset\n";
              return wrong_usage;
            });
          }};
}

Runnable make_replay(const Dependencies& dependencies) {
  const auto typed = std::make_shared<DlqArguments>();
  CommandSpec spec{.name = "dlq replay",
                   .help = "send dead letters through the event log again; each is counted at most once",
                   .footer = config::help_of_variables(config::Command::dlq)};
  add_filter(spec, typed->replay.filter);
  spec.arguments.push_back({.name = "--include-replayed",
                            .help = "also send dead letters of which a replay is counted already",
                            .take = [typed](const std::string&) { return typed->include_replayed = true; }});
  spec.arguments.push_back({.name = "--dry-run",
                            .help = "print what would be sent, and send nothing",
                            .take = [typed](const std::string&) { return typed->replay.dry_run = true; }});
  add_settings(spec, config::Command::dlq, typed->settings);
  return {std::move(spec), [typed, &dependencies] {
            // By default a dead letter whose replay is counted is not sent a second time.
            typed->replay.filter.waiting_only = !typed->include_replayed;
            // Progress goes to standard error, so the width is that of its terminal.
            typed->replay.columns = columns_of(STDERR_FILENO);
            return run_on_store(*typed, dependencies, [&](const auto& settings, auto& reader) {
              return cli::run_dlq_replay(typed->replay, settings.kafka_topic,
                                         {.reader = reader,
                                          .open_sender = [&settings] { return open_replay_sender(settings); },
                                          .clock = read_clock,
                                          .out = dependencies.out,
                                          .err = dependencies.err});
            });
          }};
}

}  // namespace

std::vector<Runnable> make_dlq_commands(const Dependencies& dependencies) {
  std::vector<Runnable> commands;
  commands.push_back(make_list(dependencies));
  commands.push_back(make_show(dependencies));
  commands.push_back(make_replay(dependencies));
  return commands;
}

int explain_dlq(bool help, const Dependencies& dependencies) {
  std::ostream& to = help ? dependencies.out : dependencies.err;
  to << "weir dlq lists, shows and replays dead letters: expected weir dlq list, weir dlq show or weir dlq "
        "replay; each has --help\n";
  return help ? done : wrong_usage;
}

}  // namespace weir::app
