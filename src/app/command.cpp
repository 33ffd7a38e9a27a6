// What the commands have in common: settings from the environment and the command line, and the terminal.
#include "app/command.hpp"

#include <ostream>
#include <sys/ioctl.h>
#include <unistd.h>

#include "app/settings_feed.hpp"
#include "config/show.hpp"

namespace weir::app {

config::Sources sources_of(config::Command command, const config::Texts& typed,
                           const Dependencies& dependencies) {
  return {.command = command,
          .environment = dependencies.environment,
          .command_line = typed,
          .log_to_terminal = isatty(STDERR_FILENO) == 1};
}

std::optional<config::Loaded> load(config::Command command, const config::Texts& typed,
                                   const Dependencies& dependencies) {
  config::Sources sources = sources_of(command, typed, dependencies);
  const auto read = read_sources(sources);
  auto loaded = config::load(sources);
  if (loaded && !read) loaded->warnings.push_back(read.error().text);
  if (loaded) return std::move(*loaded);
  // The text lists every wrong setting, so that all can be corrected in one step.
  dependencies.err << config::to_text(loaded.error());
  return std::nullopt;
}

std::size_t columns_of(int descriptor) {
  constexpr std::size_t default_columns = 80;
  if (isatty(descriptor) != 1) return 0;
  winsize size{};
  // Some terminals, such as serial ones, report a width of 0.
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : default_columns;
}

std::function<bool(const std::string&)> text_into(std::string& text) {
  return [&text](const std::string& typed) {
    text = typed;
    return !typed.empty();
  };
}

// A secret is no option, because every user of the machine can read a command line. A family of variables has
// no fixed name.
void add_settings(CommandSpec& spec, config::Command command, config::Texts& settings) {
  for (const config::Variable& variable : config::variables()) {
    if (!variable.used_by.has(command) || !variable.is_supported() || variable.is_family() || variable.secret)
      continue;
    spec.arguments.push_back(
        {.name = "--" + config::option_name(variable),
         .help = "overrides " + std::string(variable.name),
         .expected = variable.value_spec.expected(),
         .take = [&settings, name = std::string(variable.name)](const std::string& text) {
           settings[name] = text;
           return true;
         }});
  }
}

}  // namespace weir::app
