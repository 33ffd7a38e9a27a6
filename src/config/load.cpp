// Loader goes through the table of variables twice. The first pass reads every value into Settings and
// gathers errors. Only without errors, the second pass lists the effective settings, which depend on the
// chosen log and store.
#include "config/load.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "base/json_text.hpp"
#include "config/kafka_property.hpp"
#include "http/exchange.hpp"

namespace weir::config {
namespace {

// NAME="value", or NAME alone for a secret.
std::string name_and_value(const Variable& variable, std::string_view name, std::string_view text) {
  std::string out(name);
  if (variable.is_secret_for(name)) return out;
  append_json_string(out += '=', text);
  return out;
}

// Where the value stands, if it is not in the environment or on the command line.
std::string_view place_of(Origin origin) {
  if (origin == Origin::consul) return " in Consul";
  return origin == Origin::file ? " in CONFIG_FILE" : "";
}

// What is wrong with a refused text, as an addition to what was expected.
std::string fault_of(const ValueSpec& form, std::string_view text) {
  const std::string why = form.fault == nullptr || text.empty() ? "" : form.fault(text);
  return why.empty() ? why : "; " + why;
}

class Loader {
 public:
  explicit Loader(const Sources& sources)
      : sources_(sources),
        layers_{{{Origin::command_line, &sources.command_line},
                 {Origin::environment, &sources.environment},
                 {Origin::consul, &sources.consul.texts},
                 {Origin::file, &sources.file.texts}}} {
    // The meaning of LOG_FORMAT=auto, which is the default.
    loaded_.settings.log_format = sources.log_to_terminal ? LogFormat::text : LogFormat::json;
  }

  // One text, without reading the others.
  [[nodiscard]] std::string text_of(std::string_view name) const {
    return std::string(find(*find_variable(name)).text);
  }

  std::expected<Loaded, std::vector<SettingError>> run() {
    for (const SourceTexts* source : {&sources_.file, &sources_.consul})
      errors_.insert(errors_.end(), source->errors.begin(), source->errors.end());
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

  // An empty text of the command line is a value, and is reported. Elsewhere it counts as unset: shells and
  // compose files often pass empty variables.
  Found find(const Variable& variable) const {
    for (const auto& [origin, texts] : layers_)
      if (const auto at = texts->find(variable.name);
          at != texts->end() && (!at->second.empty() || origin == Origin::command_line))
        return {variable.name, at->second, origin};
    return {variable.name, variable.default_for(sources_.command), Origin::default_value};
  }

  // The variable, or the members of the family that are set.
  std::vector<Found> find_all(const Variable& variable) const {
    if (!variable.is_family()) return {find(variable)};
    std::vector<Found> members;
    const std::string_view stem = variable.name.substr(0, variable.name.size() - 1);
    for (const auto& [origin, texts] : layers_) {
      // A later layer does not replace a property of an earlier one. The names may differ in case.
      const auto is_set_before = [&, known = members.size()](std::string_view name) {
        return std::ranges::any_of(
            members.begin(), members.begin() + static_cast<std::ptrdiff_t>(known),
            [&](const Found& member) { return http::same_ignoring_case(member.name, name); });
      };
      // The map is sorted, so the members of a family are adjacent. Some have a row of their own.
      for (auto at = texts->lower_bound(stem); at != texts->end() && at->first.starts_with(stem); ++at)
        if (!at->second.empty() && find_variable(at->first) == &variable && !is_set_before(at->first))
          members.push_back({at->first, at->second, origin});
    }
    return members;
  }

  bool is_set(std::string_view name) const { return find(*find_variable(name)).is_set(); }

  // Sets the member of Settings, or adds an error. Also decides about settings that this version does not
  // support.
  void read_value(const Variable& variable, const Found& found) {
    // Neither set nor with a default.
    if (found.text.empty() && !found.is_set()) return;
    // How the value appears in errors.
    const auto shown = [&] {
      return name_and_value(variable, found.name, found.text).append(place_of(found.origin));
    };
    if (found.text.empty() || !variable.value_spec.read(found.text, loaded_.settings)) {
      add_error(found, shown() + ": expected " + variable.value_spec.expected() +
                           fault_of(variable.value_spec, found.text));
      return;
    }
    // The default of an unsupported setting changes nothing, so it is accepted.
    if (!found.is_set() || found.text == variable.default_value || !variable.used_by.has(sources_.command))
      return;
    // A property has its own rules, beyond those of the table.
    if (variable.name == kafka_properties) add_kafka_property(variable, found);
    if (variable.support == Support::ignored)
      loaded_.warnings.push_back(std::string(found.name) +
                                 " is set, but this version does not support it yet: it is ignored");
  }

  void add_kafka_property(const Variable& variable, const Found& found) {
    std::string property = property_name(found.name);
    auto& properties = loaded_.settings.kafka.properties;
    const std::string error = property_error(property, std::string(found.text));
    if (!error.empty())
      add_error(found, name_and_value(variable, found.name, found.text).append(place_of(found.origin)) +
                           ": " + error);
    else if (std::ranges::find(properties, property, &std::pair<std::string, std::string>::first) !=
             properties.end())
      add_error(found, std::string(found.name) + ": the property " + property +
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
    loaded_.values.emplace(found.name, found.text);
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
  // The error is about the value that was found.
  void add_error(const Found& found, std::string text) {
    errors_.push_back({std::string(found.name), std::move(text), found.origin});
  }

  const Sources& sources_;
  const std::array<std::pair<Origin, const Texts*>, 4> layers_;  // what is used first comes first
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

std::string text_of(const Sources& sources, std::string_view variable) {
  return Loader(sources).text_of(variable);
}

// Each round takes at least one text out of Consul's, or replaces it by one of `last_good`. A text of
// last_good that is refused, too, is taken out in the next round.
std::expected<LoadedWithoutRefused, std::vector<SettingError>> load_without_refused(Sources sources,
                                                                                    const Texts& last_good) {
  std::vector<SettingError> refused = std::exchange(sources.consul.errors, {});
  std::set<std::string, std::less<>> replaced;
  for (;;) {
    auto loaded = load(sources);
    if (loaded)
      return LoadedWithoutRefused{*std::move(loaded), std::move(refused), std::move(sources.consul.texts)};
    bool changed = false;
    for (SettingError& error : loaded.error()) {
      if (error.origin != Origin::consul) continue;
      changed = true;
      const auto good = last_good.find(error.variable);
      if (good != last_good.end() && replaced.insert(error.variable).second)
        sources.consul.texts[error.variable] = good->second;
      else
        sources.consul.texts.erase(error.variable);
      refused.push_back(std::move(error));
    }
    if (!changed) {
      std::ranges::move(refused, std::back_inserter(loaded.error()));
      return std::unexpected(std::move(loaded.error()));
    }
  }
}

}  // namespace weir::config
