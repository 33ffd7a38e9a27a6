// Loader goes through the table of variables twice. The first pass reads every value into Settings and
// gathers errors. Only without errors, the second pass lists the effective settings, which depend on the
// chosen log and store.
#include "config/load.hpp"

#include <algorithm>

#include "base/json_text.hpp"
#include "config/kafka_property.hpp"

namespace weir::config {
namespace {

// NAME="value", or NAME alone for a secret.
std::string name_and_value(const Variable& variable, std::string_view name, std::string_view text) {
  std::string out(name);
  if (variable.is_secret_for(name)) return out;
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
    // The meaning of LOG_FORMAT=auto, which is the default.
    loaded_.settings.log_format = sources.log_to_terminal ? LogFormat::text : LogFormat::json;
  }

  std::expected<Loaded, std::vector<SettingError>> run() {
    for (const auto& [name, text] : sources_.command_line)
      if (find_variable(name) == nullptr) add_error(name, name + " is not a setting of Weir");
    for (const Variable& variable : variables())
      for (const Found& found : find_all(variable)) read_value(variable, found);
    loaded_.settings.consumer_port_is_set = is_set("CONSUMER_PORT");
    choose_for_dlq();
    check_sizes();
    check_tls();
    check_combination();
    if (!errors_.empty()) return std::unexpected(std::move(errors_));
    for (const Variable& variable : variables())
      for (const Found& found : find_all(variable)) add_effective(variable, found);
    warn_about_partition_key();
    return std::move(loaded_);
  }

 private:
  // The text of a variable, or of one member of a family.
  struct Found {
    std::string_view name;
    std::string_view text;
    Origin origin = Origin::default_value;
    [[nodiscard]] bool is_set() const { return origin != Origin::default_value; }
  };

  // An empty text of the command line is a value, and is reported. An empty variable counts as unset: shells
  // and compose files often pass these.
  Found find(const Variable& variable) const {
    if (const auto at = sources_.command_line.find(variable.name); at != sources_.command_line.end())
      return {variable.name, at->second, Origin::command_line};
    if (const auto at = sources_.environment.find(variable.name);
        at != sources_.environment.end() && !at->second.empty())
      return {variable.name, at->second, Origin::environment};
    return {variable.name, variable.default_for(sources_.command), Origin::default_value};
  }

  // The variable, or the members of the family that are set.
  std::vector<Found> find_all(const Variable& variable) const {
    if (!variable.is_family()) return {find(variable)};
    std::vector<Found> members;
    // The map is sorted, so the members of a family are adjacent.
    const std::string_view stem = variable.name.substr(0, variable.name.size() - 1);
    for (auto at = sources_.environment.lower_bound(stem);
         at != sources_.environment.end() && at->first.starts_with(stem); ++at)
      if (!at->second.empty() && variable.matches(at->first))
        members.push_back({at->first, at->second, Origin::environment});
    return members;
  }

  bool is_set(std::string_view name) const { return find(*find_variable(name)).is_set(); }

  // Sets the member of Settings, or adds an error. Also decides about settings that this version does not
  // support.
  void read_value(const Variable& variable, const Found& found) {
    // Neither set nor with a default.
    if (found.text.empty() && !found.is_set()) return;
    // How the value appears in errors.
    const auto shown = [&] { return name_and_value(variable, found.name, found.text); };
    if (found.text.empty() || !variable.value_spec.read(found.text, loaded_.settings)) {
      add_error(found.name, shown() + ": expected " + variable.value_spec.expected() +
                                fault_of(variable.value_spec, found.text));
      return;
    }
    // The default of an unsupported setting changes nothing, so it is accepted.
    if (!found.is_set() || found.text == variable.default_value || !variable.used_by.has(sources_.command))
      return;
    // A property has its own rules, beyond those of the table.
    if (variable.name == kafka_properties) add_kafka_property(variable, found);
    if (variable.support == Support::refused)
      add_error(found.name, shown() + " is set, but this version does not support it yet: unset it");
    if (variable.support == Support::ignored)
      loaded_.warnings.push_back(std::string(found.name) +
                                 " is set, but this version does not support it yet: it is ignored");
  }

  void add_kafka_property(const Variable& variable, const Found& found) {
    std::string property = property_name(found.name);
    auto& properties = loaded_.settings.kafka.properties;
    const std::string error = property_error(property, std::string(found.text));
    if (!error.empty())
      add_error(found.name, name_and_value(variable, found.name, found.text) + ": " + error);
    else if (std::ranges::find(properties, property, &std::pair<std::string, std::string>::first) !=
             properties.end())
      add_error(found.name, std::string(found.name) + ": the property " + property +
                                " is set by two variables, in upper and lower case: expected one");
    else
      properties.emplace_back(std::move(property), found.text);
  }

  // Whether the chosen log and store use it.
  bool is_used(const Variable& variable) const {
    const bool kafka = loaded_.settings.event_log == EventLogKind::kafka;
    const bool postgres = loaded_.settings.metrics_store == StoreKind::postgres;
    switch (variable.support) {
      case Support::full:
        return true;
      case Support::kafka_only:
        return kafka;
      case Support::embedded_only:
        return !kafka;
      case Support::postgres_only:
        return postgres;
      default:
        return false;
    }
  }

  // A setting is shown if it is set, or if its default is used.
  void add_effective(const Variable& variable, const Found& found) {
    const bool used = is_used(variable);
    if (!variable.used_by.has(sources_.command) || !(found.is_set() || used)) return;
    const bool mask = variable.is_secret_for(found.name) && !found.text.empty();
    loaded_.effective.push_back(
        {&variable, std::string(found.name), mask ? "***" : std::string(found.text), found.origin, used});
  }

  // `weir dlq` works beside any of the services. With the brokers of a consumer, whose EVENT_LOG and
  // METRICS_STORE have no need to be set, it uses Kafka and PostgreSQL.
  void choose_for_dlq() {
    if (sources_.command != Command::dlq) return;
    Settings& settings = loaded_.settings;
    if (!is_set("EVENT_LOG") && is_set("KAFKA_BROKERS")) settings.event_log = EventLogKind::kafka;
    if (!is_set("METRICS_STORE") && settings.event_log == EventLogKind::kafka)
      settings.metrics_store = StoreKind::postgres;
  }

  // A single event is sent in a body, too.
  void check_sizes() {
    const Settings& settings = loaded_.settings;
    if (settings.max_event_bytes > settings.max_body_bytes)
      add_error("MAX_EVENT_BYTES",
                "MAX_EVENT_BYTES=" + std::to_string(settings.max_event_bytes) +
                    " is more than MAX_BODY_BYTES=" + std::to_string(settings.max_body_bytes) +
                    ": expected at most MAX_BODY_BYTES");
  }

  void check_tls() {
    const Settings& settings = loaded_.settings;
    if (settings.tls_cert.empty() == settings.tls_key.empty()) return;
    const std::string set = settings.tls_key.empty() ? "TLS_CERT" : "TLS_KEY";
    const std::string missing = settings.tls_key.empty() ? "TLS_KEY" : "TLS_CERT";
    if (find_variable(set)->used_by.has(sources_.command))
      add_error(missing, missing + " is not set, but " + set + " is: expected both or none");
  }

  // The consumers of a group share their store, which a SQLite file cannot be. The embedded log belongs to
  // one process.
  void check_combination() {
    const Command command = sources_.command;
    if (command != Command::serve && command != Command::producer && command != Command::consumer) return;
    const bool kafka = loaded_.settings.event_log == EventLogKind::kafka;
    const bool postgres = loaded_.settings.metrics_store == StoreKind::postgres;
    const std::string weir = "weir " + std::string(name_of(command));
    if (command != Command::serve && !kafka)
      add_error("EVENT_LOG", "EVENT_LOG=\"embedded\": " + weir +
                                 " shares the event log with other processes: expected kafka");
    if (command == Command::producer || postgres) return;
    if (command == Command::consumer)
      add_error("METRICS_STORE", "METRICS_STORE=\"sqlite\": " + weir +
                                     " shares the metrics store with other processes: expected postgres");
    else if (kafka)
      add_error("METRICS_STORE", std::string("METRICS_STORE=\"sqlite\"") +
                                     (is_set("METRICS_STORE") ? "" : " (the default of weir serve)") +
                                     ": with EVENT_LOG=\"kafka\" expected postgres");
  }

  void warn_about_partition_key() {
    const Settings& settings = loaded_.settings;
    const Variable& variable = *find_variable("KAFKA_PARTITION_KEY");
    if (!variable.used_by.has(sources_.command) || settings.event_log != EventLogKind::kafka ||
        settings.partition_key.kind == intake::PartitionKey::Kind::user_id)
      return;
    loaded_.warnings.push_back(name_and_value(variable, variable.name, find(variable).text) +
                               ": dedupe works only within a partition. An event with a known user_id and "
                               "message_id is recognized only "
                               "if it has the same key as the first one; an exact copy always has. Use "
                               "user_id if that is not enough");
  }

  void add_error(std::string_view variable, std::string text) {
    errors_.push_back({std::string(variable), std::move(text)});
  }

  const Sources& sources_;
  Loaded loaded_;
  std::vector<SettingError> errors_;
};

}  // namespace

Texts environment_of(const char* const* entries) {
  Texts texts;
  // The array of environ(7).
  for (; entries != nullptr && *entries != nullptr; ++entries) {
    const std::string_view entry = *entries;
    const std::size_t equals = entry.find('=');
    if (equals != std::string_view::npos && equals != 0)
      texts.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return texts;
}

std::expected<Loaded, std::vector<SettingError>> load(const Sources& sources) {
  return Loader(sources).run();
}

}  // namespace weir::config
