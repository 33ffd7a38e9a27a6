#include "app/command_line.hpp"

#include <array>
#include <functional>
#include <iostream>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include "app/arguments.hpp"
#include "app/process.hpp"
#include "app/remote.hpp"
#include "base/decimal.hpp"
#include "base/ensure.hpp"
#include "base/limits.hpp"
#include "cli/stats.hpp"
#include "commit/fence.hpp"
#include "config/load.hpp"
#include "config/show.hpp"
#include "config/variable.hpp"
#include "http/client.hpp"
#include "importer/default_state_dir.hpp"
#include "importer/import.hpp"
#include "importer/source.hpp"
#include "importer/weir_client.hpp"
#include "tally/granularity.hpp"
#include "telemetry/logger.hpp"

// One table of commands. Each command has its arguments (arguments.hpp) and a function that runs it. take()
// of an argument stores the value in a member of CommandLine, which the function uses. Only the chosen
// command is parsed.
namespace weir::app {
namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int wrong_usage = 2;

// Returns the width of the terminal; 0 if the descriptor is not a terminal.
std::size_t columns_of(int descriptor) {
  constexpr std::size_t default_columns = 80;
  if (isatty(descriptor) != 1) return 0;
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : default_columns;
}

// What a command uses of the process.
struct Dependencies {
  config::Texts environment;
  std::ostream& out;
  std::ostream& err;
};

config::Sources sources_of(config::Command command, const config::Texts& typed,
                           const Dependencies& dependencies) {
  return {.command = command,
          .environment = dependencies.environment,
          .command_line = typed,
          .log_to_terminal = isatty(STDERR_FILENO) == 1};
}

// Returns the settings for the command. On faults, writes all of them to `err` and returns std::nullopt.
std::optional<config::Loaded> load(config::Command command, const config::Texts& typed,
                                   const Dependencies& dependencies) {
  auto loaded = config::load(sources_of(command, typed, dependencies));
  if (loaded) return std::move(*loaded);
  dependencies.err << config::to_text(loaded.error());
  return std::nullopt;
}

// LOG_LEVEL and LOG_FORMAT. The enumerators of both types are in the same order.
std::unique_ptr<telemetry::Logger> make_logger(const config::Settings& settings) {
  return telemetry::make_logger(settings.log_level, settings.log_format == config::LogFormat::json);
}

// serve, producer and consumer.
int load_and_run(config::Command command, const config::Texts& typed, const Dependencies& dependencies) {
  const auto loaded = load(command, typed, dependencies);
  if (!loaded) return wrong_usage;
  const config::Settings& settings = loaded->settings;
  const auto logger = make_logger(settings);
  for (const std::string& warning : loaded->warnings) logger->warn(warning);
  if (!commit::fenced)
    logger->error("this build has no fence and is for tests only: its numbers will be wrong");
  const auto load_again = [&]() -> std::optional<config::Settings> {
    auto again = config::load(sources_of(command, typed, dependencies));
    if (again) return std::move(again->settings);
    for (const config::SettingError& error : again.error()) logger->error(error.text);
    return std::nullopt;
  };
  return run_process(command, settings, load_again, *logger, dependencies.out);
}

// `weir config`. Secrets are masked.
int show_config(config::Command command, const Dependencies& dependencies) {
  const auto loaded = load(command, {}, dependencies);
  if (!loaded) return wrong_usage;
  dependencies.out << config::to_table(*loaded);
  return done;
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

  const auto weir = importer::make_weir_client(std::move(*base), typed.remote.credentials);
  const auto wait = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
  return importer::run_import(options, {*weir, read_clock, wait, importer::read_descriptor(STDIN_FILENO),
                                        dependencies.out, dependencies.err});
}

// `weir stats`.
int run_stats(cli::StatsOptions options, Remote remote, const Dependencies& dependencies) {
  const auto loaded = load(config::Command::stats, {}, dependencies);
  if (!loaded) return wrong_usage;
  remote.complete(loaded->settings);
  options.url = remote.url;
  options.credentials = remote.credentials;
  return cli::run_stats(options, dependencies.out, dependencies.err);
}

// A command and the function that runs it.
struct Runnable {
  CommandSpec spec;
  std::function<int()> run;
};

// Returns a take() that stores the value and accepts any text but the empty one.
std::function<bool(const std::string&)> text_into(std::string& text) {
  return [&text](const std::string& typed) {
    text = typed;
    return !typed.empty();
  };
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
    add_config();
  }

  // `arguments` begin with the name of the program.
  int run(const std::vector<std::string>& arguments) {
    const std::string first = arguments.size() > 1 ? arguments[1] : "";
    if (first == "--help" || first == "-h") return show_help();
    if (first == "--version") return show_version();
    for (const Runnable& command : commands_) {
      if (command.spec.name != first) continue;
      const auto ended =
          parse(command.spec, {arguments.begin() + 2, arguments.end()}, dependencies_.out, dependencies_.err);
      return ended ? *ended : command.run();
    }
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
    for (const config::Variable& variable : config::variables()) {
      if (!variable.used_by.has(command) || !variable.is_supported() || variable.is_family() ||
          variable.secret)
        continue;
      spec.arguments.push_back({.name = "--" + config::option_name(variable),
                                .help = "overrides " + std::string(variable.name),
                                .expected = variable.value_spec.expected(),
                                .take = [this, name = std::string(variable.name)](const std::string& text) {
                                  settings_[name] = text;  // validated together with all other settings
                                  return true;
                                }});
    }
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
    const std::vector<std::string> intervals(tally::granularity_names.begin(),
                                             tally::granularity_names.end());
    const std::string dimensions = in_words(cli::dimension_choices());
    const std::vector<std::string> formats{"table", "json", "csv"};  // in the order of cli::StatsFormat
    spec.arguments = {
        url_into(stats_remote_.url),
        key_into(stats_remote_.key),
        {.name = "--from",
         .help = "start of the range, in RFC 3339 (default: 24 h before --to)",
         .expected = "a time in RFC 3339, such as 2026-01-31T00:00:00Z",
         .take = text_into(stats_.from)},
        {.name = "--to",
         .help = "end of the range, in RFC 3339 (default: now)",
         .expected = "a time in RFC 3339, such as 2026-01-31T00:00:00Z",
         .take = text_into(stats_.to)},
        {.name = "--interval",
         .help = "interval of the plot: " + in_words(intervals) + " (default: by the length of the range)",
         .expected = in_words(intervals),
         .take = one_of(intervals, [this, intervals](std::size_t at) { stats_.interval = intervals[at]; })},
        {.name = "--dimension",
         .help = "top list to show: " + dimensions + " (default: all); may be repeated",
         .expected = dimensions,
         .take = [this](const std::string& typed) { return cli::add_dimension(stats_, typed); },
         .is_repeatable = true},
        {.name = "--limit",
         .help = "maximum number of rows of a top list (default: 10)",
         .expected = "a number from 1 to 500",
         .take = [this](const std::string& typed) { return read_limit(typed); }},
        {.name = "--format",
         .help = "output format: " + in_words(formats) + " (default: table)",
         .expected = in_words(formats),
         .take =
             one_of(formats, [this](std::size_t at) { stats_.format = static_cast<cli::StatsFormat>(at); })}};
    commands_.push_back(
        {std::move(spec), [this] { return run_stats(stats_, stats_remote_, dependencies_); }});
  }

  // --limit. Returns false unless the text is a number in the range.
  bool read_limit(const std::string& typed) {
    const auto limit = parse_decimal<std::size_t>(typed, 1, limits::top_rows_max);
    stats_.limit = limit.value_or(stats_.limit);
    return limit.has_value();
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
  Remote stats_remote_;
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
