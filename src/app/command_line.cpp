#include "app/command_line.hpp"

#include <CLI/CLI.hpp>
#include <functional>
#include <iostream>
#include <thread>
#include <unistd.h>

#include "app/process.hpp"
#include "cli/import.hpp"
#include "cli/remote.hpp"
#include "cli/stats.hpp"
#include "config/load.hpp"
#include "config/show.hpp"
#include "feed/source.hpp"
#include "http/client.hpp"
#include "observe/log.hpp"
#include "rollup/fence.hpp"

namespace weir::app {
namespace {

constexpr int done = 0;
constexpr int failed = 1;
constexpr int wrong_usage = 2;

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

std::unique_ptr<observe::Log> make_log(const config::Settings& settings) {
  return observe::make_log(static_cast<observe::Severity>(settings.log_level),
                           settings.log_format == config::LogFormat::json);
}

int load_and_run(config::Command command, const config::Texts& typed, const World& world) {
  const auto loaded = load(command, typed, world);
  if (!loaded) return wrong_usage;
  const config::Settings& settings = loaded->settings;
  const auto log = make_log(settings);
  for (const std::string& note : loaded->notes) log->warn(note);
  if (!rollup::fenced) log->error("built without the fence, for tests alone: the numbers will be wrong");
  return run_process(command, settings, *log, world.out);
}

int show_config(const std::string& command, const World& world) {
  for (const auto each : {config::Command::serve, config::Command::producer, config::Command::consumer}) {
    if (config::name_of(each) != command) continue;
    const auto loaded = load(each, {}, world);
    if (!loaded) return wrong_usage;
    world.out << config::to_table(*loaded);
    return done;
  }
  return wrong_usage;
}

// Where a running Weir is unless --url says so.
std::optional<std::string> default_url(config::Command command, const World& world) {
  const auto loaded = load(command, {}, world);
  if (!loaded) return std::nullopt;
  return "http://127.0.0.1:" + std::to_string(loaded->settings.server_port);
}

struct ImportTyped {
  cli::ImportOptions options;
  std::string url;
  std::string salt_file;
  std::string state_dir;
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
  if (!base) {
    world.err << "--url: " << base.error().text << '\n';
    return wrong_usage;
  }
  const auto home = world.environment.find("HOME");
  cli::ImportOptions& options = typed.options;
  options.state_dir = !typed.state_dir.empty()
                          ? std::filesystem::path(typed.state_dir)
                          : cli::default_state_dir(home == world.environment.end() ? "." : home->second);
  if (!typed.salt_file.empty()) options.salt_file = typed.salt_file;
  if (typed.resend) options.in_doubt = cli::InDoubt::resend;
  if (typed.skip) options.in_doubt = cli::InDoubt::skip;
  options.terminal = isatty(STDERR_FILENO) == 1;
  options.page = typed.url;
  while (options.page.ends_with('/')) options.page.pop_back();

  const auto weir = cli::connect_remote(std::move(*base));
  const auto wait = [](std::chrono::milliseconds time) { std::this_thread::sleep_for(time); };
  return cli::run_import(
      options, {*weir, read_clock, wait, feed::read_descriptor(STDIN_FILENO), world.out, world.err});
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

// The commands, what may be typed behind each, and what was. `chosen` runs the command once parsing has succeeded.
class CommandLine {
 public:
  explicit CommandLine(const World& world) : world_(world) {
    app_.set_version_flag("--version", rollup::fenced ? "weir " WEIR_VERSION
                                                      : "weir " WEIR_VERSION ", built without the fence");
    app_.require_subcommand(1);
    add_process(config::Command::serve, "everything in one process: take events, count them, show them");
    add_process(config::Command::producer, "takes events into Kafka");
    add_process(config::Command::consumer, "counts events from Kafka into PostgreSQL, and shows the numbers");
    add_import();
    add_stats();
    add_config();
  }

  int run(const std::vector<std::string>& arguments) {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend() - 1);  // as CLI11 wants them
    try {
      app_.parse(std::move(reversed));
    } catch (const CLI::ParseError& error) {
      const int code = app_.exit(error, world_.out, world_.err);
      return code == 0 ? done : wrong_usage;
    }
    return chosen_();
  }

 private:
  // A command that runs until it is told to leave: each variable that it uses is an option too, but for secrets, which
  // other processes could see there.
  void add_process(config::Command command, const std::string& does) {
    CLI::App* process = app_.add_subcommand(std::string(config::name_of(command)), does);
    for (const config::Variable& variable : config::variables()) {
      if (!variable.used_by.has(command) || !variable.is_built() || variable.is_family() || variable.secret)
        continue;
      process->add_option_function<std::string>(
          "--" + config::option_name(variable),
          [this, name = std::string(variable.name)](const std::string& text) { settings_[name] = text; },
          "instead of " + std::string(variable.name));
    }
    process->footer(config::help_of_variables(command));
    process->callback(
        [this, command] { chosen_ = [this, command] { return load_and_run(command, settings_, world_); }; });
  }

  void add_import() {
    CLI::App* import =
        app_.add_subcommand("import", "access logs, NDJSON or JSON activities into a running Weir");
    import->add_option("FILE", import_.options.files, "files, plain, .gz or .zst; - for standard input")
        ->required();
    import->add_option("--url", import_.url, "where Weir is (default: http://127.0.0.1:SERVER_PORT)");
    import->add_option("--state", import_.state_dir,
                       "where to keep how far it came (default: ~/.local/state/weir)");
    import->add_option("--salt-file", import_.salt_file,
                       "what visitors' names are hashed with (default: in the state)");
    import->add_flag("--again", import_.options.again, "count the same input a second time, as a new run");
    CLI::Option* resend =
        import->add_flag("--resend", import_.resend, "send the lines in doubt again: they were not kept");
    import->add_flag("--skip", import_.skip, "leave the lines in doubt out: they were kept")
        ->excludes(resend);
    import->callback([this] { chosen_ = [this] { return run_import(std::move(import_), world_); }; });
  }

  void add_stats() {
    CLI::App* stats = app_.add_subcommand("stats", "the numbers of a running Weir on a terminal");
    stats->add_option("--url", stats_url_, "where Weir is (default: http://127.0.0.1:SERVER_PORT)");
    stats->add_option("--from", stats_.from, "RFC 3339 (default: 24 h before --to)");
    stats->add_option("--to", stats_.to, "RFC 3339 (default: now)");
    stats->add_option("--interval", stats_.interval, "minute, hour or day")
        ->check(CLI::IsMember({"minute", "hour", "day"}));
    stats->add_option("--dimension", stats_.dimensions, "top lists to show: page, referrer, activity_type")
        ->check(CLI::IsMember({"page", "referrer", "activity_type"}));
    stats->add_option("--limit", stats_.limit, "rows of a top list")->check(CLI::Range(1, 500));
    const std::map<std::string, cli::StatsFormat> formats{
        {"table", cli::StatsFormat::table}, {"json", cli::StatsFormat::json}, {"csv", cli::StatsFormat::csv}};
    stats->add_option("--format", stats_.format, "table, json or csv")
        ->transform(CLI::CheckedTransformer(formats));
    stats->callback([this] { chosen_ = [this] { return run_stats(stats_, stats_url_, world_); }; });
  }

  void add_config() {
    CLI::App* config = app_.add_subcommand("config", "the settings in force and where each came from");
    config->add_option("COMMAND", config_of_, "whose settings (default: serve)")
        ->check(CLI::IsMember({"serve", "producer", "consumer"}));
    config->callback([this] { chosen_ = [this] { return show_config(config_of_, world_); }; });
  }

  const World& world_;
  CLI::App app_{"Weir: real-time activity analytics in one program", "weir"};
  config::Texts settings_;
  ImportTyped import_;
  cli::StatsOptions stats_;
  std::string stats_url_;
  std::string config_of_ = "serve";
  std::function<int()> chosen_;
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
