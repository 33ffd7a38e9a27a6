#include "app/command_line.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <iostream>
#include <thread>
#include <unistd.h>

#include "app/arguments.hpp"
#include "app/command.hpp"
#include "app/dlq_command.hpp"
#include "app/process.hpp"
#include "app/query_commands.hpp"
#include "app/remote.hpp"
#include "app/settings_feed.hpp"
#include "base/decimal.hpp"
#include "base/ensure.hpp"
#include "commit/fence.hpp"
#include "config/load.hpp"
#include "config/show.hpp"
#include "config/variable.hpp"
#include "http/client.hpp"
#include "importer/default_state_dir.hpp"
#include "importer/import.hpp"
#include "importer/source.hpp"
#include "importer/weir_client.hpp"
#include "telemetry/logger.hpp"

// One table of commands. Each command has its arguments (arguments.hpp) and a function that runs it. take()
// of an argument stores the value in a member of CommandLine, which the function uses. Only the chosen
// command is parsed.
namespace weir::app {
namespace {

constexpr std::chrono::seconds watch_interval{2};  // of weir stats --watch

// Returns the width for tables: that of the terminal on standard output, else the variable COLUMNS, else 80.
std::size_t output_columns(const Dependencies& dependencies) {
  constexpr std::size_t least = 40;
  constexpr std::size_t most = 300;
  std::size_t columns = columns_of(STDOUT_FILENO);
  const auto variable = dependencies.environment.find("COLUMNS");
  if (columns == 0 && variable != dependencies.environment.end())
    columns = parse_decimal<std::size_t>(variable->second, 1, most).value_or(0);
  return std::clamp(columns == 0 ? 80 : columns, least, most);
}

// LOG_LEVEL and LOG_FORMAT. The enumerators of both types are in the same order.
std::unique_ptr<telemetry::Logger> make_logger(const config::Settings& settings) {
  return telemetry::make_logger(settings.log_level, settings.log_format == config::LogFormat::json);
}

// serve, producer and consumer.
int load_and_run(config::Command command, const config::Texts& typed, const Dependencies& dependencies) {
  config::Sources sources = sources_of(command, typed, dependencies);
  const auto consul_index = read_sources(sources);
  const auto loaded = config::load(sources);
  if (!loaded) {
    dependencies.err << config::to_text(loaded.error());
    return wrong_usage;
  }
  const auto logger = make_logger(loaded->settings);
  for (const std::string& warning : loaded->warnings) logger->warn(warning);
  if (!consul_index)
    logger->warn(consul_index.error().text +
                 "; the settings of the other sources are in force until it answers");
  if (!commit::fenced)
    logger->error("this build has no fence and is for tests only: its numbers will be wrong");
  SettingsFeed feed(std::move(sources), *loaded, consul_index.value_or(0));
  return run_process(command, loaded->settings, feed, *logger, dependencies.out);
}

// `weir config`. Secrets are masked. Wrong values of Consul are shown beside the settings that a process
// would have without them.
int show_config(config::Command command, const Dependencies& dependencies) {
  config::Sources sources = sources_of(command, {}, dependencies);
  const auto read = read_sources(sources);
  const auto shown = config::load_without_refused(sources, {});
  if (!shown) {
    dependencies.err << config::to_text(shown.error());
    return wrong_usage;
  }
  if (!read) dependencies.err << read.error().text << '\n';
  dependencies.out << config::to_table(shown->loaded, shown->refused);
  return shown->refused.empty() ? done : wrong_usage;
}

// Where `weir import` keeps its state without --state.
Result<std::filesystem::path> default_state_dir(const Dependencies& dependencies) {
  const auto variable = [&dependencies](std::string_view name) -> std::optional<std::string> {
    const auto found = dependencies.environment.find(name);
    return found == dependencies.environment.end() ? std::nullopt : std::optional(found->second);
  };
  return importer::default_state_dir({.xdg_state_home = variable("XDG_STATE_HOME"),
                                      .home = variable("HOME"),
                                      .passwd_home = importer::home_in_passwd});
}

// The arguments of `weir import`.
struct ImportArguments {
  importer::ImportOptions options;
  Remote remote;
  std::string salt_file;
  std::string state_dir;
  std::string format = "auto";
  bool resend = false;
  bool skip = false;
};

// `weir import`: fills the options from the arguments and connects the dependencies.
int run_import(ImportArguments typed, const Dependencies& dependencies) {
  const auto loaded = load(config::Command::import, {}, dependencies);
  if (!loaded) return wrong_usage;
  typed.remote.complete(loaded->settings);
  auto base = http::parse_base_url(typed.remote.url);
  ensure(base.has_value(), "take() of --url has validated the URL");
  importer::ImportOptions& options = typed.options;
  auto state_dir = typed.state_dir.empty() ? default_state_dir(dependencies)
                                           : Result<std::filesystem::path>(typed.state_dir);
  if (!state_dir) {
    dependencies.err << "weir import: " << state_dir.error().text << '\n';
    return wrong_usage;
  }
  auto format = importer::parse_format_choice(typed.format);
  if (!format) {
    dependencies.err << "weir import: --format: " << format.error().text << '\n';
    return wrong_usage;
  }
  options.format = std::move(*format);
  options.state_dir = std::move(*state_dir);
  if (!typed.salt_file.empty()) options.salt_file = typed.salt_file;
  if (typed.resend) options.in_doubt = importer::InDoubt::resend;
  if (typed.skip) options.in_doubt = importer::InDoubt::skip;
  options.columns = columns_of(STDERR_FILENO);
  options.page = typed.remote.url;
  while (options.page.ends_with('/')) options.page.pop_back();

  const auto weir = importer::make_weir_client(std::move(*base), typed.remote.credentials,
                                               {.ca_file = typed.remote.ca_file, .fingerprint = {}});
  const auto wait = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
  return importer::run_import(options, {*weir, read_clock, wait, importer::read_descriptor(STDIN_FILENO),
                                        dependencies.out, dependencies.err});
}

// The table of commands, and the arguments that were given.
class CommandLine {
 public:
  explicit CommandLine(const Dependencies& dependencies) : dependencies_(dependencies) {
    add_process(config::Command::serve,
                "run everything in one process: accept events, count them, serve the numbers");
    add_process(config::Command::producer, "accept events over HTTP and write them to Kafka");
    add_process(config::Command::consumer, "count events from Kafka in PostgreSQL, and serve the numbers");
    add_import();
    add_stats();
    add_export();
    for (Runnable& command : make_dlq_commands(dependencies)) commands_.push_back(std::move(command));
    add_config();
  }

  // `arguments` begin with the name of the program.
  int run(const std::vector<std::string>& arguments) {
    const std::string first = arguments.size() > 1 ? arguments[1] : "";
    if (first == "--help" || first == "-h") return show_help();
    if (first == "--version") return show_version();
    // The name of a command is one word, or two as in "dlq list".
    const std::string both = arguments.size() > 2 ? first + ' ' + arguments[2] : "";
    for (const Runnable& command : commands_) {
      if (command.spec.name != first && command.spec.name != both) continue;
      const auto options = arguments.begin() + (command.spec.name == first ? 2 : 3);
      const auto ended =
          parse(command.spec, {options, arguments.end()}, dependencies_.out, dependencies_.err);
      return ended ? *ended : command.run();
    }
    if (first == "dlq") return explain_dlq(both == "dlq --help" || both == "dlq -h", dependencies_);
    std::vector<std::string> expected;
    for (const Runnable& command : commands_) expected.push_back(command.spec.name);
    const bool option = first.starts_with('-');
    const std::string found = std::string(option ? "unknown option \"" : "unknown command \"") +
                              http::without_credentials(first) + '"';
    dependencies_.err << (arguments.size() < 2 ? "a command is missing" : found) << ": expected "
                      << (option ? "--help, --version or a command: " : "") << in_words(expected)
                      << "; weir --help shows the usage\n";
    return wrong_usage;
  }

 private:
  int show_help() const {
    dependencies_.out
        << "Weir: real-time activity analytics in one program\n\n"
           "Usage: weir COMMAND [OPTIONS]\n       weir --help\n       weir --version\n\nCommands:\n";
    for (const Runnable& command : commands_)
      dependencies_.out << "  " << command.spec.name << std::string(12 - command.spec.name.size(), ' ')
                        << command.spec.help << '\n';
    dependencies_.out << "\nweir COMMAND --help shows the usage of a command.\n";
    return done;
  }

  int show_version() const {
    dependencies_.out << "weir " WEIR_VERSION << (commit::fenced ? "" : ", built without the fence") << '\n';
    return done;
  }

  // Adds a command that runs a service. Each variable that it uses is also an option, except secrets: other
  // users can see the arguments of a process.
  void add_process(config::Command command, const std::string& does) {
    CommandSpec spec{.name = std::string(config::name_of(command)),
                     .help = does,
                     .footer = config::help_of_variables(command)};
    add_settings(spec, command, settings_);
    commands_.push_back(
        {std::move(spec), [this, command] { return load_and_run(command, settings_, dependencies_); }});
  }

  void add_import() {
    CommandSpec spec{.name = "import",
                     .help = "send access logs, NDJSON or JSON activities to a running Weir"};
    spec.arguments = {
        {.name = "FILE",
         .help = "files to import: plain, gzip or zstd; - is standard input",
         .expected = "a file, or - for standard input",
         .take =
             [this](const std::string& file) {
               import_.options.files.push_back(file);
               return !file.empty();
             },
         .is_repeatable = true,
         .is_required = true},
        url_into(import_.remote.url),
        key_into(import_.remote.key),
        ca_file_into(import_.remote.ca_file),
        {.name = "--format",
         .help = "auto (default), common, combined, vhost_combined, main, caddy, traefik, activities, or an "
                 "nginx log_format or Apache LogFormat string",
         .expected = "the name of a format, or a format string",
         .take = text_into(import_.format)},
        {.name = "--state",
         .help =
             "directory that records the progress (default: $XDG_STATE_HOME/weir, else ~/.local/state/weir)",
         .expected = "a folder",
         .take = text_into(import_.state_dir)},
        {.name = "--salt-file",
         .help = "file with the salt for hashing visitors (default: salt in the state directory)",
         .expected = "a file",
         .take = text_into(import_.salt_file)},
        {.name = "--again",
         .help = "import the same input again, as a new run that is counted again",
         .take = [this](const std::string&) { return import_.options.again = true; }},
        {.name = "--resend",
         .help = "send lines of unknown outcome again (if they were not stored)",
         .take = [this](const std::string&) { return import_.resend = true; }},
        {.name = "--skip",
         .help = "skip lines of unknown outcome (if they were stored)",
         .take = [this](const std::string&) { return import_.skip = true; }}};
    spec.check = [this] {
      return import_.resend && import_.skip ? "--resend and --skip are both given: expected one of them" : "";
    };
    commands_.push_back({std::move(spec), [this] { return run_import(std::move(import_), dependencies_); }});
  }

  void add_stats() {
    CommandSpec spec{.name = "stats", .help = "show the numbers of a running Weir"};
    spec.arguments = stats_arguments(stats_, query_remote_);
    commands_.push_back({std::move(spec), [this] {
                           if (!find_remote()) return wrong_usage;
                           stats_.url = query_remote_.url;
                           stats_.credentials = query_remote_.credentials;
                           stats_.trust.ca_file = query_remote_.ca_file;
                           stats_.columns = output_columns(dependencies_);
                           stats_.wait = [] {
                             std::this_thread::sleep_for(watch_interval);
                             return true;
                           };
                           return cli::run_stats(stats_, dependencies_.out, dependencies_.err);
                         }});
  }

  void add_export() {
    CommandSpec spec{.name = "export",
                     .help = "write all rows of a range of a running Weir, as CSV or NDJSON"};
    spec.arguments = export_arguments(export_, query_remote_);
    commands_.push_back({std::move(spec), [this] {
                           if (!find_remote()) return wrong_usage;
                           export_.url = query_remote_.url;
                           export_.credentials = query_remote_.credentials;
                           export_.trust.ca_file = query_remote_.ca_file;
                           return cli::run_export(export_, dependencies_.out, dependencies_.err);
                         }});
  }

  // Completes the address and the credentials of stats and export. Returns false after a wrong setting.
  bool find_remote() {
    const auto loaded = load(config::Command::stats, {}, dependencies_);
    if (loaded) query_remote_.complete(loaded->settings);
    return loaded.has_value();
  }

  void add_config() {
    static constexpr std::array commands{config::Command::serve, config::Command::producer,
                                         config::Command::consumer};
    std::vector<std::string> names;
    for (const config::Command command : commands) names.emplace_back(config::name_of(command));
    CommandSpec spec{.name = "config", .help = "show the settings in force and the source of each"};
    spec.arguments = {{.name = "COMMAND",
                       .help = "the command whose settings to show (default: serve)",
                       .expected = in_words(names),
                       .take = one_of(names, [this](std::size_t at) { config_of_ = commands.at(at); })}};
    commands_.push_back({std::move(spec), [this] { return show_config(config_of_, dependencies_); }});
  }

  const Dependencies& dependencies_;
  std::vector<Runnable> commands_;
  config::Texts settings_;
  ImportArguments import_;
  cli::StatsOptions stats_;
  cli::ExportOptions export_;
  Remote query_remote_;  // of stats or export
  config::Command config_of_ = config::Command::serve;
};

}  // namespace

int run(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const Dependencies dependencies{config::environment_of(invocation.environment), out, err};
  try {
    return CommandLine(dependencies).run(invocation.arguments);
  } catch (const std::exception& failure) {
    err << "weir: " << failure.what() << '\n';
    return failed;
  }
}

}  // namespace weir::app
