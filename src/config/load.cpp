#include "config/load.hpp"

#include <algorithm>

#include "base/json_text.hpp"
#include "config/kafka_property.hpp"

namespace weir::config {
namespace {

// NAME="value", or NAME alone where the value is nobody's business.
std::string quoted(const Variable& variable, std::string_view name, std::string_view text) {
  std::string out(name);
  if (variable.hides(name)) return out;
  append_json_string(out += '=', text);
  return out;
}

// What is wrong with a refused text, as an addition to what was expected.
std::string fault_of(const ValueSpec& form, std::string_view text) {
  const std::string why = form.fault == nullptr || text.empty() ? "" : form.fault(text);
  return why.empty() ? why : "; " + why;
}

class Loader {
 public:
  explicit Loader(const Sources& sources) : sources_(sources) {
    loaded_.settings.log_format = sources.log_to_terminal ? LogFormat::text : LogFormat::json;
  }

  std::expected<Loaded, std::vector<Fault>> run() {
    for (const auto& [name, text] : sources_.command_line)
      if (find_variable(name) == nullptr) fault(name, name + " is not a setting of Weir");
    for (const Variable& variable : variables())
      for (const Found& found : find_all(variable)) judge(variable, found);
    loaded_.settings.consumer_port_is_set = is_set("CONSUMER_PORT");
    check_sizes();
    check_combination();
    if (!faults_.empty()) return std::unexpected(std::move(faults_));
    for (const Variable& variable : variables())
      for (const Found& found : find_all(variable)) show(variable, found);
    note_partition_key();
    return std::move(loaded_);
  }

 private:
  struct Found {
    std::string_view name;
    std::string_view text;
    Origin origin = Origin::fallback;
    [[nodiscard]] bool is_set() const { return origin != Origin::fallback; }
  };

  Found find(const Variable& variable) const {
    if (const auto at = sources_.command_line.find(variable.name); at != sources_.command_line.end())
      return {variable.name, at->second, Origin::command_line};
    if (const auto at = sources_.environment.find(variable.name);
        at != sources_.environment.end() && !at->second.empty())
      return {variable.name, at->second, Origin::environment};
    return {variable.name, variable.fallback_of(sources_.command), Origin::fallback};
  }

  // The variable, or the members of the family that are set.
  std::vector<Found> find_all(const Variable& variable) const {
    if (!variable.is_family()) return {find(variable)};
    std::vector<Found> members;
    const std::string_view stem = variable.name.substr(0, variable.name.size() - 1);
    for (auto at = sources_.environment.lower_bound(stem);
         at != sources_.environment.end() && at->first.starts_with(stem); ++at)
      if (!at->second.empty() && variable.covers(at->first))
        members.push_back({at->first, at->second, Origin::environment});
    return members;
  }

  bool is_set(std::string_view name) const { return find(*find_variable(name)).is_set(); }

  void judge(const Variable& variable, const Found& found) {
    if (found.text.empty() && !found.is_set()) return;
    if (found.text.empty() || !variable.form.read(found.text, loaded_.settings)) {
      fault(found.name, quoted(variable, found.name, found.text) + ": expected " + variable.form.expected() +
                            fault_of(variable.form, found.text));
      return;
    }
    if (!found.is_set() || found.text == variable.fallback || !variable.used_by.has(sources_.command)) return;
    if (variable.name == kafka_properties) take_property(variable, found);
    if (variable.standing == Support::refused)
      fault(found.name, quoted(variable, found.name, found.text) +
                            " is set, but this version does not support it yet; unset it");
    if (variable.standing == Support::noted)
      loaded_.notes.push_back(std::string(found.name) +
                              " is set, but this version does not support it yet: ignored");
  }

  void take_property(const Variable& variable, const Found& found) {
    std::string property = property_of(found.name);
    auto& properties = loaded_.settings.kafka.properties;
    const std::string why_not = why_refused(property, std::string(found.text));
    if (!why_not.empty())
      fault(found.name, quoted(variable, found.name, found.text) + ": " + why_not);
    else if (std::ranges::find(properties, property, &std::pair<std::string, std::string>::first) !=
             properties.end())
      fault(found.name, std::string(found.name) + ": the property " + property +
                            " is set twice, in other letters: expected once");
    else
      properties.emplace_back(std::move(property), found.text);
  }

  // Whether the chosen log and store make use of it.
  bool has_use(const Variable& variable) const {
    const bool kafka = loaded_.settings.event_log == EventLogKind::kafka;
    const bool postgres = loaded_.settings.metrics_store == StoreKind::postgres;
    switch (variable.standing) {
      case Support::in_use:
        return true;
      case Support::with_kafka:
        return kafka;
      case Support::with_embedded:
        return !kafka;
      case Support::with_postgres:
        return postgres;
      default:
        return false;
    }
  }

  void show(const Variable& variable, const Found& found) {
    const bool used = has_use(variable);
    if (!variable.used_by.has(sources_.command) || !(found.is_set() || used)) return;
    const bool mask = variable.hides(found.name) && !found.text.empty();
    loaded_.in_force.push_back(
        {&variable, std::string(found.name), mask ? "***" : std::string(found.text), found.origin, used});
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
    if (command == Command::producer || postgres) return;
    if (command == Command::consumer)
      fault("METRICS_STORE", "METRICS_STORE=\"sqlite\": " + weir +
                                 " shares its store with other processes: expected postgres");
    else if (kafka)
      fault("METRICS_STORE", std::string("METRICS_STORE=\"sqlite\"") +
                                 (is_set("METRICS_STORE") ? "" : " (the default of weir serve)") +
                                 ": the Kafka log goes with PostgreSQL only: expected postgres");
  }

  void note_partition_key() {
    const Settings& settings = loaded_.settings;
    if (!find_variable("KAFKA_PARTITION_KEY")->used_by.has(sources_.command) ||
        settings.event_log != EventLogKind::kafka ||
        settings.partition_key.kind == PartitionKey::Kind::user_id)
      return;
    loaded_.notes.push_back(
        quoted_one("KAFKA_PARTITION_KEY") +
        ": dedupe holds only within one partition: an event with a known user_id and message_id is "
        "recognised "
        "only if it has the same key as the first one, as an exact copy always has; expected user_id where "
        "that matters");
  }

  std::string quoted_one(std::string_view name) const {
    const Variable& variable = *find_variable(name);
    return quoted(variable, name, find(variable).text);
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
