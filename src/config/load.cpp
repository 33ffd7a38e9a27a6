#include "config/load.hpp"

#include <optional>

#include "base/json_text.hpp"

namespace weir::config {
namespace {

// NAME="value", or NAME alone where the value is nobody's business.
std::string quoted(const Variable& variable, std::string_view name, std::string_view text) {
  std::string out(name);
  if (variable.secret) return out;
  append_json_string(out += '=', text);
  return out;
}

class Loader {
 public:
  explicit Loader(const Sources& sources) : sources_(sources) {
    loaded_.settings.log_format = sources.log_to_terminal ? LogFormat::text : LogFormat::json;
  }

  std::expected<Loaded, std::vector<Fault>> run() {
    for (const auto& [name, text] : sources_.command_line)
      if (find_variable(name) == nullptr) fault(name, name + " is not a setting of Weir");
    for (const Variable& variable : variables()) {
      if (variable.is_family())
        take_family(variable);
      else
        take_one(variable);
    }
    check_sizes();
    check_combination();
    if (!faults_.empty()) return std::unexpected(std::move(faults_));
    return std::move(loaded_);
  }

 private:
  struct Found {
    std::string_view text;
    Origin origin = Origin::fallback;
  };

  Found find(const Variable& variable) const {
    if (const auto at = sources_.command_line.find(variable.name); at != sources_.command_line.end())
      return {at->second, Origin::command_line};
    if (const auto at = sources_.environment.find(variable.name);
        at != sources_.environment.end() && !at->second.empty())
      return {at->second, Origin::environment};
    return {variable.fallback_of(sources_.command), Origin::fallback};
  }

  void take_one(const Variable& variable) {
    const Found found = find(variable);
    const bool set = found.origin != Origin::fallback;
    if (!found.text.empty() || set) judge(variable, variable.name, found, set);
    if (variable.used_by.has(sources_.command) && (set || variable.standing == Standing::in_use))
      show(variable, variable.name, found);
  }

  void take_family(const Variable& variable) {
    const std::string_view stem = variable.name.substr(0, variable.name.size() - 1);
    for (auto at = sources_.environment.lower_bound(stem);
         at != sources_.environment.end() && at->first.starts_with(stem); ++at) {
      if (at->second.empty() || !variable.covers(at->first)) continue;
      const Found found{at->second, Origin::environment};
      judge(variable, at->first, found, true);
      if (variable.used_by.has(sources_.command)) show(variable, at->first, found);
    }
  }

  void judge(const Variable& variable, std::string_view name, const Found& found, bool set) {
    if (found.text.empty() || !variable.form.read(found.text, loaded_.settings)) {
      fault(name, quoted(variable, name, found.text) + ": expected " + variable.form.expected());
      return;
    }
    if (!set || found.text == variable.fallback || !variable.used_by.has(sources_.command)) return;
    if (variable.standing == Standing::refused)
      fault(name, quoted(variable, name, found.text) +
                      " is set, but this version does not support it yet; unset it");
    if (variable.standing == Standing::noted)
      loaded_.notes.push_back(std::string(name) +
                              " is set, but this version does not support it yet: ignored");
  }

  void show(const Variable& variable, std::string_view name, const Found& found) {
    const bool mask = variable.secret && !found.text.empty();
    loaded_.in_force.push_back(
        {&variable, std::string(name), mask ? "***" : std::string(found.text), found.origin});
  }

  void check_sizes() {
    const Settings& settings = loaded_.settings;
    if (settings.max_event_bytes > settings.max_body_bytes)
      fault("MAX_EVENT_BYTES", "MAX_EVENT_BYTES=" + std::to_string(settings.max_event_bytes) +
                                   " is more than MAX_BODY_BYTES=" + std::to_string(settings.max_body_bytes) +
                                   ": expected at most as much");
  }

  void check_combination() {
    const Command command = sources_.command;
    if (command != Command::serve && command != Command::producer && command != Command::consumer) return;
    const bool kafka = loaded_.settings.event_log == EventLogKind::kafka;
    const bool postgres = loaded_.settings.metrics_store == StoreKind::postgres;
    const std::string weir = "weir " + std::string(name_of(command));
    if (command != Command::serve && !kafka)
      fault("EVENT_LOG",
            "EVENT_LOG=\"embedded\": " + weir + " shares its log with other processes: expected kafka");
    if (command != Command::producer && kafka && !postgres)
      fault("METRICS_STORE",
            "METRICS_STORE=\"sqlite\": the Kafka log goes with PostgreSQL only: expected postgres");
    if (kafka)
      fault("EVENT_LOG",
            "EVENT_LOG=\"kafka\"" + why_in_force("EVENT_LOG", weir) +
                ": this version does not support it yet; weir serve with EVENT_LOG=embedded works");
    if (postgres && command != Command::producer)
      fault("METRICS_STORE",
            "METRICS_STORE=\"postgres\"" + why_in_force("METRICS_STORE", weir) +
                ": this version does not support it yet; weir serve with METRICS_STORE=sqlite works");
  }

  std::string why_in_force(std::string_view name, const std::string& weir) const {
    return find(*find_variable(name)).origin == Origin::fallback ? " (the default of " + weir + ")" : "";
  }

  void fault(std::string_view variable, std::string text) {
    faults_.push_back({std::string(variable), std::move(text)});
  }

  const Sources& sources_;
  Loaded loaded_;
  std::vector<Fault> faults_;
};

}  // namespace

Texts environment_of(const char* const* entries) {
  Texts texts;
  for (; entries != nullptr && *entries != nullptr; ++entries) {
    const std::string_view entry = *entries;
    const std::size_t equals = entry.find('=');
    if (equals != std::string_view::npos && equals != 0)
      texts.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return texts;
}

std::expected<Loaded, std::vector<Fault>> load(const Sources& sources) { return Loader(sources).run(); }

}  // namespace weir::config
