#include "app/command_line.hpp"

#include <array>
#include <charconv>
#include <functional>
#include <iostream>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include "app/arguments.hpp"
#include "app/process.hpp"
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
#include "tally/dimension.hpp"
#include "tally/granularity.hpp"
#include "telemetry/logger.hpp"

namespace weir::app {
namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int wrong_usage = 2;

// Of the terminal that the descriptor is; 0: it is none.
std::size_t columns_of(int descriptor) {
  constexpr std::size_t usual = 80;
  if (isatty(descriptor) != 1) return 0;
  winsize size{};
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

struct World {
  config::Texts environment;
  std::ostream& out;
  std::ostream& err;
};

// The settings of a command; nothing, with every fault said, if there is one.
std::optional<config::Loaded> load(config::Command command, const config::Texts& typed, const World& world) {
  auto loaded = config::load({.command = command,
                              .environment = world.environment,
                              .command_line = typed,
                              .log_to_terminal = isatty(STDERR_FILENO) == 1});
  if (loaded) return std::move(*loaded);
  world.err << config::to_text(loaded.error());
  return std::nullopt;
}

std::unique_ptr<telemetry::Logger> make_logger(const config::Settings& settings) {
  return telemetry::make_logger(static_cast<telemetry::Severity>(settings.log_level),
                                settings.log_format == config::LogFormat::json);
}

int load_and_run(config::Command command, const config::Texts& typed, const World& world) {
  const auto loaded = load(command, typed, world);
  if (!loaded) return wrong_usage;
  const config::Settings& settings = loaded->settings;
  const auto log = make_logger(settings);
  for (const std::string& note : loaded->notes) log->warn(note);
  if (!commit::fenced) log->error("built without the fence, for tests alone: the numbers will be wrong");
  return run_process(command, settings, *log, world.out);
}

int show_config(config::Command command, const World& world) {
  const auto loaded = load(command, {}, world);
  if (!loaded) return wrong_usage;
  world.out << config::to_table(*loaded);
  return done;
}

// Where a running Weir is unless --url says so.
std::optional<std::string> default_url(config::Command command, const World& world) {
  const auto loaded = load(command, {}, world);
  if (!loaded) return std::nullopt;
  return "http://127.0.0.1:" + std::to_string(loaded->settings.server_port);
}

Result<std::filesystem::path> default_state_dir(const World& world) {
  const auto variable = [&world](std::string_view name) -> std::optional<std::string> {
    const auto found = world.environment.find(name);
    return found == world.environment.end() ? std::nullopt : std::optional(found->second);
  };
  return importer::default_state_dir({.xdg_state_home = variable("XDG_STATE_HOME"),
                                      .home = variable("HOME"),
                                      .of_user = importer::home_in_passwd});
}

struct ImportTyped {
  importer::ImportOptions options;
  std::string url;
  std::string salt_file;
  std::string state_dir;
  std::string format = "auto";
  bool resend = false;
  bool skip = false;
};

int run_import(ImportTyped typed, const World& world) {
  if (typed.url.empty()) {
    const auto url = default_url(config::Command::import, world);
    if (!url) return wrong_usage;
    typed.url = *url;
  }
  auto base = http::parse_base_url(typed.url);
  ensure(base.has_value(), "a URL that was typed is checked when it is read");
  importer::ImportOptions& options = typed.options;
  auto state_dir =
      typed.state_dir.empty() ? default_state_dir(world) : Result<std::filesystem::path>(typed.state_dir);
  if (!state_dir) {
    world.err << "weir import: " << state_dir.error().text << '\n';
    return wrong_usage;
  }
  auto format = importer::parse_format_choice(typed.format);
  if (!format) {
    world.err << "weir import: --format: " << format.error().text << '\n';
    return wrong_usage;
  }
  options.format = std::move(*format);
  options.state_dir = std::move(*state_dir);
  if (!typed.salt_file.empty()) options.salt_file = typed.salt_file;
  if (typed.resend) options.in_doubt = importer::InDoubt::resend;
  if (typed.skip) options.in_doubt = importer::InDoubt::skip;
  options.columns = columns_of(STDERR_FILENO);
  options.page = typed.url;
  while (options.page.ends_with('/')) options.page.pop_back();

  const auto weir = importer::connect_weir(std::move(*base));
  const auto wait = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
  return importer::run_import(
      options, {*weir, read_clock, wait, importer::read_descriptor(STDIN_FILENO), world.out, world.err});
}

int run_stats(cli::StatsOptions options, const std::string& url, const World& world) {
  if (!url.empty()) {
    options.url = url;
  } else if (const auto known = default_url(config::Command::stats, world)) {
    options.url = *known;
  } else {
    return wrong_usage;
  }
  return cli::run_stats(options, world.out, world.err);
}

// A command and what runs it.
struct Runnable {
  CommandSpec spec;
  std::function<int()> run;
};

std::function<bool(const std::string&)> text_into(std::string& text) {
  return [&text](const std::string& typed) {
    text = typed;
    return !typed.empty();
  };
}

Argument url_into(std::string& url) {
  return {.name = "--url",
          .help = "where Weir is (default: http://127.0.0.1:SERVER_PORT)",
          .expected = "http://host:port/prefix, without a user name and password",
          .take = [&url](const std::string& typed) {
            url = typed;
            return http::parse_base_url(typed).has_value();
          }};
}

// The commands, what may be typed after each, and what was.
class CommandLine {
 public:
  explicit CommandLine(const World& world) : world_(world) {
    add_process(config::Command::serve, "everything in one process: take events, count them, show them");
    add_process(config::Command::producer, "takes events into Kafka");
    add_process(config::Command::consumer, "counts events from Kafka into PostgreSQL, and shows the numbers");
    add_import();
    add_stats();
    add_config();
  }

  int run(const std::vector<std::string>& arguments) {
    const std::string first = arguments.size() > 1 ? arguments[1] : "";
    if (first == "--help" || first == "-h") return show_help();
    if (first == "--version") return show_version();
    for (const Runnable& command : commands_) {
      if (command.spec.name != first) continue;
      const auto ended =
          parse(command.spec, {arguments.begin() + 2, arguments.end()}, world_.out, world_.err);
      return ended ? *ended : command.run();
    }
    std::vector<std::string> expected;
    for (const Runnable& command : commands_) expected.push_back(command.spec.name);
    const bool option = first.starts_with('-');
    world_.err << (arguments.size() < 2 ? "a command is missing"
                                        : '"' + http::without_credentials(first) + "\" is no " +
                                              (option ? "option" : "command") + " of weir")
               << ": expected " << (option ? "--help, --version or a command, which is " : "")
               << in_words(expected) << "; weir --help explains them\n";
    return wrong_usage;
  }

 private:
  int show_help() const {
    world_.out << "Weir: real-time activity analytics in one program\n\n"
                  "Usage: weir COMMAND [OPTIONS]\n       weir --help\n       weir --version\n\nCommands:\n";
    for (const Runnable& command : commands_)
      world_.out << "  " << command.spec.name << std::string(12 - command.spec.name.size(), ' ')
                 << command.spec.help << '\n';
    world_.out << "\nweir COMMAND --help lists what a command takes.\n";
    return done;
  }

  int show_version() const {
    world_.out << "weir " WEIR_VERSION << (commit::fenced ? "" : ", built without the fence") << '\n';
    return done;
  }

  // A command that runs until it is told to leave: each variable that it uses is an option too, but for
  // secrets, which other processes could see there.
  void add_process(config::Command command, const std::string& does) {
    CommandSpec spec{.name = std::string(config::name_of(command)),
                     .help = does,
                     .footer = config::help_of_variables(command)};
    for (const config::Variable& variable : config::variables()) {
      if (!variable.used_by.has(command) || !variable.is_built() || variable.is_family() || variable.secret)
        continue;
      spec.arguments.push_back({.name = "--" + config::option_name(variable),
                                .help = "instead of " + std::string(variable.name),
                                .expected = variable.form.expected(),
                                .take = [this, name = std::string(variable.name)](const std::string& text) {
                                  settings_[name] = text;  // judged with all other settings
                                  return true;
                                }});
    }
    commands_.push_back(
        {std::move(spec), [this, command] { return load_and_run(command, settings_, world_); }});
  }

  void add_import() {
    CommandSpec spec{.name = "import", .help = "access logs, NDJSON or JSON activities into a running Weir"};
    spec.arguments = {
        {.name = "FILE",
         .help = "files, plain, .gz or .zst; - for standard input",
         .expected = "a file, or - for standard input",
         .take =
             [this](const std::string& file) {
               import_.options.files.push_back(file);
               return !file.empty();
             },
         .is_repeatable = true,
         .is_required = true},
        url_into(import_.url),
        {.name = "--format",
         .help = "auto (default), common, combined, vhost_combined, main, caddy, traefik, activities, or an "
                 "nginx "
                 "log_format or Apache LogFormat string",
         .expected = "the name of a format, or a format string",
         .take = text_into(import_.format)},
        {.name = "--state",
         .help = "where to keep how far it came (default: $XDG_STATE_HOME/weir, else ~/.local/state/weir)",
         .expected = "a folder",
         .take = text_into(import_.state_dir)},
        {.name = "--salt-file",
         .help = "what visitors' names are hashed with (default: in the state)",
         .expected = "a file",
         .take = text_into(import_.salt_file)},
        {.name = "--again",
         .help = "count the same input a second time, as a new run",
         .take = [this](const std::string&) { return import_.options.again = true; }},
        {.name = "--resend",
         .help = "send the lines in doubt again: they were not kept",
         .take = [this](const std::string&) { return import_.resend = true; }},
        {.name = "--skip",
         .help = "leave the lines in doubt out: they were kept",
         .take = [this](const std::string&) { return import_.skip = true; }}};
    spec.check = [this] {
      return import_.resend && import_.skip ? "--resend and --skip are both given: expected one of them" : "";
    };
    commands_.push_back({std::move(spec), [this] { return run_import(std::move(import_), world_); }});
  }

  void add_stats() {
    CommandSpec spec{.name = "stats", .help = "the numbers of a running Weir on a terminal"};
    const std::vector<std::string> intervals(tally::granularity_names.begin(),
                                             tally::granularity_names.end());
    const std::string dimensions = dimensions_in_words();
    const std::vector<std::string> formats{"table", "json", "csv"};  // in the order of cli::StatsFormat
    spec.arguments = {
        url_into(stats_url_),
        {.name = "--from",
         .help = "RFC 3339 (default: 24 h before --to)",
         .expected = "a time in RFC 3339, such as 2026-01-31T00:00:00Z",
         .take = text_into(stats_.from)},
        {.name = "--to",
         .help = "RFC 3339 (default: now)",
         .expected = "a time in RFC 3339, such as 2026-01-31T00:00:00Z",
         .take = text_into(stats_.to)},
        {.name = "--interval",
         .help = in_words(intervals),
         .expected = in_words(intervals),
         .take = one_of(intervals, [this, intervals](std::size_t at) { stats_.interval = intervals[at]; })},
        {.name = "--dimension",
         .help = "top lists to show: " + dimensions + " (default: all); may be repeated",
         .expected = dimensions,
         .take = [this](const std::string& typed) { return read_dimension(typed); },
         .is_repeatable = true},
        {.name = "--limit",
         .help = "rows of a top list (default: 10)",
         .expected = "a number from 1 to 500",
         .take = [this](const std::string& typed) { return read_limit(typed); }},
        {.name = "--format",
         .help = in_words(formats) + " (default: table)",
         .expected = in_words(formats),
         .take =
             one_of(formats, [this](std::size_t at) { stats_.format = static_cast<cli::StatsFormat>(at); })}};
    commands_.push_back({std::move(spec), [this] { return run_stats(stats_, stats_url_, world_); }});
  }

  static std::string dimensions_in_words() {
    std::vector<std::string> names;
    for (const auto& each : tally::built_in_dimensions)
      if (each.dimension != tally::Dimension::total) names.emplace_back(each.name);
    names.emplace_back("a name in DIMENSIONS of that Weir");
    return in_words(names);
  }

  // Whether that Weir knows the name is for it to say.
  bool read_dimension(const std::string& typed) {
    if (!tally::is_dimension_name(typed) || typed == name_of(tally::Dimension::total)) return false;
    stats_.dimensions.push_back(typed);
    return true;
  }

  bool read_limit(const std::string& typed) {
    const char* const end = typed.data() + typed.size();
    const auto read = std::from_chars(typed.data(), end, stats_.limit);
    return read.ec == std::errc() && read.ptr == end && stats_.limit >= 1 &&
           stats_.limit <= limits::top_rows_max;
  }

  void add_config() {
    static constexpr std::array commands{config::Command::serve, config::Command::producer,
                                         config::Command::consumer};
    std::vector<std::string> names;
    for (const config::Command command : commands) names.emplace_back(config::name_of(command));
    CommandSpec spec{.name = "config", .help = "the settings in force and where each came from"};
    spec.arguments = {{.name = "COMMAND",
                       .help = "whose settings (default: serve)",
                       .expected = in_words(names),
                       .take = one_of(names, [this](std::size_t at) { config_of_ = commands.at(at); })}};
    commands_.push_back({std::move(spec), [this] { return show_config(config_of_, world_); }});
  }

  const World& world_;
  std::vector<Runnable> commands_;
  config::Texts settings_;
  ImportTyped import_;
  cli::StatsOptions stats_;
  std::string stats_url_;
  config::Command config_of_ = config::Command::serve;
};

}  // namespace

int run(const Invocation& invocation, std::ostream& out, std::ostream& err) {
  const World world{config::environment_of(invocation.environment), out, err};
  try {
    return CommandLine(world).run(invocation.arguments);
  } catch (const std::exception& cannot_go_on) {
    err << "weir: " << cannot_go_on.what() << '\n';
    return failed;
  }
}

}  // namespace weir::app
