// The only file that uses CLI11. CLI11 splits the arguments and formats the help; it decides nothing. Unknown
// arguments are allowed and returned as extras, so that one run reports all faults, in Weir's own words.
#include "app/arguments.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>
#include <unordered_map>

#include "http/client.hpp"

namespace weir::app {
namespace {

constexpr int wrong_usage = 2;
constexpr std::size_t options_named_max = 12;

using Values = std::vector<std::string>;

// In quotes, and without credentials, because faults go to terminals and logs.
std::string in_quotes(std::string_view value) { return '"' + http::without_credentials(value) + '"'; }

bool is_option(const Argument& argument) { return argument.name.starts_with('-'); }
bool is_flag(const Argument& argument) { return argument.expected.empty(); }

// Returns the names of the options, or of the positional arguments, as a phrase; "" if the list would be too
// long.
std::string names_of(const CommandSpec& command, bool options) {
  std::vector<std::string> names;
  for (const Argument& argument : command.arguments)
    if (is_option(argument) == options) names.push_back(argument.name);
  return names.size() <= options_named_max ? in_words(names) : "";
}

// The fault of an argument that CLI11 returned as an extra.
std::string fault_of_extra(const CommandSpec& command, const std::string& extra) {
  const bool option = extra.size() > 1 && extra.starts_with('-');
  const std::string names = names_of(command, option);
  if (option)
    return "unknown option " + in_quotes(extra) + " of weir " + command.name +
           (names.empty() ? "" : ": expected " + names);
  return "unexpected argument " + in_quotes(extra) + ": weir " + command.name + " accepts " +
         (names.empty() ? "options only" : names);
}

// One run of parse(). Faults are gathered in the order of the table, then those of extras.
class Parser {
 public:
  explicit Parser(const CommandSpec& command)
      : command_(command), app_(command.help, "weir " + command.name) {
    app_.allow_extras();
    app_.footer(command.footer);
    for (const Argument& argument : command.arguments) add(argument);
  }

  std::optional<int> run(std::vector<std::string> typed, std::ostream& out, std::ostream& err) {
    try {
      std::ranges::reverse(typed);  // CLI11 expects the last one first
      app_.parse(std::move(typed));
      for (const Argument& argument : command_.arguments) collect(argument);
      for (const std::string& extra : app_.remaining())
        if (extra != "--")  // CLI11 returns the separator as an extra, too
          faults_.push_back(fault_of_extra(command_, extra));
      if (faults_.empty() && command_.check)
        if (std::string fault = command_.check(); !fault.empty()) faults_.push_back(std::move(fault));
    } catch (const CLI::CallForHelp&) {
      out << app_.help();
      return 0;
    } catch (const CLI::ParseError& error) {
      faults_.push_back(fault_of(error));
    }
    if (faults_.empty()) return std::nullopt;
    for (const std::string& fault : faults_) err << fault << '\n';
    err << "weir " << command_.name << " --help shows the usage\n";
    return wrong_usage;
  }

 private:
  void add(const Argument& argument) {
    if (is_flag(argument)) {
      options_[&argument] = app_.add_flag(argument.name, argument.help);
      return;
    }
    // A callback instead of a variable: CLI11's conversions for variables take long to compile.
    Values& values = values_[&argument];
    const auto store = [&values](const CLI::results_t& results) {
      values = results;
      return true;
    };
    CLI::Option* option = app_.add_option(argument.name, CLI::callback_t(store), argument.help);
    // All values are kept, so that collect() can report repetitions. An option takes only the one value after
    // it.
    option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    option->option_text(is_option(argument) ? "VALUE" : " ");
    if (is_option(argument))
      option->allow_extra_args(false);
    else
      option->expected(-1);  // one or more
    options_[&argument] = option;
  }

  // Passes the values of one argument to its take(), and adds a fault for each that is not as expected.
  void collect(const Argument& argument) {
    const std::size_t times = is_flag(argument) ? options_[&argument]->count() : values_[&argument].size();
    if (times == 0 && argument.is_required)
      faults_.push_back(argument.name + " is missing: expected " + argument.expected);
    if (times > 1 && !argument.is_repeatable && !is_flag(argument)) {
      faults_.push_back(argument.name + " is given " + std::to_string(times) + " times: expected once");
      return;
    }
    if (is_flag(argument)) {
      const Values& typed = options_[&argument]->results();
      if (std::ranges::any_of(typed, [](const std::string& value) { return value != "true"; }))
        faults_.push_back(argument.name + " has a value: expected none");
      else if (times > 0)
        (void)argument.take("");
      return;
    }
    for (const std::string& value : values_[&argument])
      if (!argument.take(value))
        faults_.push_back(argument.name + (argument.is_secret ? "" : "=" + in_quotes(value)) + ": expected " +
                          argument.expected);
  }

  // CLI11 itself reports only an option without its value.
  [[nodiscard]] std::string fault_of(const CLI::ParseError& error) const {
    const std::string_view text = error.what();
    for (const Argument& argument : command_.arguments)
      if (text.starts_with(argument.name + ":"))
        return argument.name + " has no value: expected " + argument.expected;
    return http::without_credentials(text);
  }

  const CommandSpec& command_;
  CLI::App app_;
  std::unordered_map<const Argument*, Values> values_;
  std::unordered_map<const Argument*, CLI::Option*> options_;
  std::vector<std::string> faults_;
};

}  // namespace

std::optional<int> parse(const CommandSpec& command, const std::vector<std::string>& typed, std::ostream& out,
                         std::ostream& err) {
  return Parser(command).run(typed, out, err);
}

std::string in_words(const std::vector<std::string>& choices) {
  std::string words;
  for (std::size_t at = 0; at < choices.size(); ++at) {
    if (at > 0) words += at + 1 == choices.size() ? " or " : ", ";
    words += choices[at];
  }
  return words;
}

std::function<bool(const std::string&)> one_of(std::vector<std::string> choices,
                                               std::function<void(std::size_t)> into) {
  return [choices = std::move(choices), into = std::move(into)](const std::string& value) {
    const auto found = std::ranges::find(choices, value);
    if (found == choices.end()) return false;
    into(static_cast<std::size_t>(found - choices.begin()));
    return true;
  };
}

}  // namespace weir::app
