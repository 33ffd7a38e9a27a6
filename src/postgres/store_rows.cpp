// Lists become one array for each column, in the order of the parameters of their statement. The kinds of
// columns are checked by Connection before a row is read here (Statement::columns).
#include "postgres/store_rows.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <type_traits>
#include <utility>

#include "postgres/errors.hpp"

namespace weir::postgres {
namespace {

// One overload for each type of a column. An absent optional is NULL.
void add_value(Array& array, std::int64_t number) { array.add(number); }
void add_value(Array& array, WallTime moment) { array.add(moment); }
void add_value(Array& array, std::string_view bytes) { array.add(bytes); }
template <class Enum>
  requires std::is_enum_v<Enum>
void add_value(Array& array, Enum name) {
  array.add(number_of(name));
}
template <class Value>
void add_value(Array& array, const std::optional<Value>& value) {
  value ? add_value(array, *value) : static_cast<void>(array.add_null());
}

// Returns a function (type, of) that adds one column of a list to the parameters: an array with the value of
// `of` for each row. `of` is a member or a function.
template <class List>
auto columns_of(Parameters& parameters, const List& rows) {
  return [&parameters, &rows](Type type, auto of) {
    Array array(type);
    for (const auto& row : rows) add_value(array, std::invoke(of, row));
    parameters.add(std::move(array));
  };
}

// Nothing for NULL.
std::optional<std::int64_t> optional_number(const Rows& rows, int row, int column) {
  if (rows.is_null(row, column)) return std::nullopt;
  return rows.number(row, column);
}

}  // namespace

// Columns, as tally::ledger_columns names them:
//
//   0 partition       4 read             8 skipped            12 observed_at
//   1 start_offset    5 tallied          9 last_record_hash   13 updated_at
//   2 next_offset     6 duplicate       10 log_end_offset     14 counted_from
//   3 version         7 dead_lettered   11 oldest_unread_at
tally::LedgerRow ledger_row(const Rows& rows, int row) {
  tally::LedgerRow ledger;
  ledger.partition = static_cast<std::int32_t>(rows.number(row, 0));
  ledger.start_offset = rows.number(row, 1);
  ledger.next_offset = rows.number(row, 2);
  ledger.version = rows.number(row, 3);
  ledger.read = rows.number(row, 4);
  ledger.tallied = rows.number(row, 5);
  ledger.duplicate = rows.number(row, 6);
  ledger.dead_lettered = rows.number(row, 7);
  ledger.skipped = rows.number(row, 8);
  ledger.last_record_hash = optional_number(rows, row, 9);
  ledger.observed.log_end_offset = rows.number(row, 10);
  if (!rows.is_null(row, 11)) ledger.observed.oldest_unread_at = rows.moment(row, 11);
  ledger.observed.observed_at = rows.moment(row, 12);
  ledger.updated_at = rows.moment(row, 13);
  ledger.counted_from = optional_number(rows, row, 14).value_or(0);  // NULL: no offsets were left out
  return ledger;
}

WindowStart window_start(const Rows& rows, int row, int column) {
  return std::chrono::floor<std::chrono::seconds>(rows.moment(row, column));
}

// Columns, as window_columns names them:
//
//   0 granularity      3 partition     6 page_views            9 place
//   1 dimension        4 value         7 rolled_events        10 stored_values
//   2 window_start     5 events        8 rolled_page_views    11 users
Result<tally::WindowRow> window_row(const Rows& rows, int row) {
  const auto small = [&](int column) { return static_cast<std::int32_t>(rows.number(row, column)); };
  tally::StoredValues stored;
  if (!rows.is_null(row, 10)) {  // only a `total` row has them
    auto decoded = tally::StoredValues::decode(rows.bytes(row, 10));
    if (!decoded) return propagate(decoded);
    stored = *std::move(decoded);
  }
  return tally::WindowRow{.key = {static_cast<tally::Granularity>(rows.number(row, 0)),
                                  static_cast<tally::Dimension>(rows.number(row, 1)),
                                  window_start(rows, row, 2), small(3), std::string(rows.bytes(row, 4))},
                          .events = rows.number(row, 5),
                          .page_views = rows.number(row, 6),
                          .rolled_events = rows.number(row, 7),
                          .rolled_page_views = rows.number(row, 8),
                          .arrival_rank = small(9),
                          .stored = std::move(stored),
                          .users = std::string(rows.bytes(row, 11))};
}

namespace {

// The name of a column of window_columns, without its "w.".
std::string window_column_name(int column) {
  std::string_view rest = window_columns;
  for (int at = 0; at < column; ++at) rest.remove_prefix(rest.find(", ") + 2);
  return std::string(rest.substr(2, rest.find(", ") - 2));
}

}  // namespace

Result<commit::MetricsStore::WindowRows> window_rows(const Rows& rows, std::size_t bytes_max) {
  using commit::MetricsStore;
  // Every row has the size of all windows in its last column. Too large: the statement returned the size
  // alone.
  if (std::cmp_greater(rows.number(0, window_column_count), bytes_max))
    return MetricsStore::WindowRows(std::nullopt);
  std::vector<tally::WindowRow> windows;
  if (rows.is_null(0, 0)) return windows;  // no window: the one row has only the size
  // window_or_size_kinds allows NULL in each column, so the kinds of a window are checked here.
  windows.reserve(static_cast<std::size_t>(rows.count()));
  for (int row = 0; row < rows.count(); ++row) {
    for (int column = 0; column < window_column_count; ++column) {
      const char kind = window_kinds[static_cast<std::size_t>(column)];
      if (kind >= 'a' && rows.is_null(row, column))
        return fail(ErrorKind::invalid, code_tables_differ,
                    "PostgreSQL: column activity_windows." + window_column_name(column) +
                        " holds NULL; expected a value, as Weir makes the table");
    }
    auto window = window_row(rows, row);
    if (!window) return propagate(window);
    windows.push_back(*std::move(window));
  }
  return windows;
}

// Columns: 0 id, 1 name, 2 source, 3 since.
std::vector<tally::KnownDimension> known_dimensions(const Rows& rows) {
  std::vector<tally::KnownDimension> known;
  for (int row = 0; row < rows.count(); ++row) {
    known.push_back({.dimension = static_cast<tally::Dimension>(rows.number(row, 0)),
                     .name = std::string(rows.bytes(row, 1)),
                     .source = std::string(rows.bytes(row, 2))});
    if (!rows.is_null(row, 3)) known.back().since = rows.moment(row, 3);
  }
  return known;
}

report::DeadLetterRow dead_letter_row(const Rows& rows, int row) {
  // NULL differs from an empty key or value: the record had none.
  const auto bytes = [&](int column) {
    return rows.is_null(row, column) ? std::nullopt : std::optional<std::string>(rows.bytes(row, column));
  };
  report::DeadLetterRow read{.partition = static_cast<std::int32_t>(rows.number(row, 0)),
                             .offset = rows.number(row, 1),
                             .reason = std::string(rows.bytes(row, 2)),
                             .detail = std::string(rows.bytes(row, 3)),
                             .key = bytes(4),
                             .value = bytes(5),
                             .at = rows.moment(row, 6),
                             .attempts = rows.number(row, 7),
                             .replayed_at = std::nullopt};
  if (!rows.is_null(row, 8)) read.replayed_at = rows.moment(row, 8);
  return read;
}

// The first nine columns are those of the newest row; the sums of the group follow.
report::DeadLetterGroup dead_letter_group(const Rows& rows, int row) {
  return {.count = rows.number(row, 9),
          .attempts = rows.number(row, 10),
          .replayed = rows.number(row, 11),
          .newest = dead_letter_row(rows, row)};
}

Parameters dimension_parameters(std::span<const tally::KnownDimension> dimensions) {
  using tally::KnownDimension;
  Parameters parameters;
  const auto add = columns_of(parameters, dimensions);
  add(Type::int2, &KnownDimension::dimension);
  add(Type::text, &KnownDimension::name);
  add(Type::text, &KnownDimension::source);
  add(Type::timestamptz, &KnownDimension::since);
  return parameters;
}

// The functions below add parameters in the order of their statement. The order of the lines is therefore
// part of the interface with store_sql.cpp.
Parameters start_parameters(std::string_view topic, std::string_view group,
                            std::span<const commit::PartitionStart> starts, WallTime now) {
  Parameters parameters;
  parameters.add(topic);
  const auto add = columns_of(parameters, starts);
  add(Type::int4, &commit::PartitionStart::partition);
  add(Type::int8, &commit::PartitionStart::start_offset);
  add(Type::int8, &commit::PartitionStart::next_offset);
  add(Type::int8, &commit::PartitionStart::last_record_hash);
  parameters.add(group).add(now);
  return parameters;
}

Parameters fence_parameters(std::string_view topic, std::span<const commit::Fence> fences) {
  Parameters parameters;
  parameters.add(topic);
  const auto add = columns_of(parameters, fences);
  add(Type::int4, &commit::Fence::partition);
  add(Type::int8, &commit::Fence::next_offset);
  add(Type::int8, &commit::Fence::version);
  add(Type::int8, &commit::Fence::tallied);
  add(Type::int8, &commit::Fence::duplicate);
  add(Type::int8, &commit::Fence::dead_lettered);
  add(Type::int8, &commit::Fence::skipped);
  return parameters;
}

Parameters key_parameters(std::string_view topic, std::span<const tally::WindowKey> keys,
                          std::size_t bytes_max) {
  using tally::WindowKey;
  Parameters parameters;
  parameters.add(topic);
  const auto add = columns_of(parameters, keys);
  add(Type::int2, &WindowKey::granularity);
  add(Type::int2, &WindowKey::dimension);
  add(Type::timestamptz, &WindowKey::start);
  add(Type::int4, &WindowKey::partition);
  add(Type::text, &WindowKey::value);
  // The largest std::size_t means no limit, and has no bigint.
  constexpr auto all = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  parameters.add(Type::int8, static_cast<std::int64_t>(std::min(bytes_max, all)));
  return parameters;
}

Parameters minute_parameters(std::string_view topic, std::int32_t partition,
                             std::span<const WindowStart> minutes) {
  Parameters parameters;
  parameters.add(topic).add(Type::int4, partition);
  columns_of(parameters, minutes)(Type::timestamptz, std::identity());
  return parameters;
}

Parameters pending_rollup_parameters(std::string_view topic, std::span<const commit::PendingRollup> minutes) {
  Parameters parameters;
  parameters.add(topic);
  const auto add = columns_of(parameters, minutes);
  add(Type::int4, &commit::PendingRollup::partition);
  add(Type::timestamptz, &commit::PendingRollup::start);
  return parameters;
}

Parameters window_parameters(std::string_view topic, WallTime now,
                             std::span<const tally::WindowRow> windows) {
  using tally::WindowRow;
  Parameters parameters;
  parameters.add(topic).add(now);
  const auto add = columns_of(parameters, windows);
  // NULL but on rows of `total`.
  const auto of_total = [](auto read) {
    return [read](const WindowRow& row) {
      return row.key.dimension == tally::Dimension::total ? std::optional(read(row.stored)) : std::nullopt;
    };
  };
  add(Type::int2, [](const WindowRow& row) { return row.key.granularity; });
  add(Type::int2, [](const WindowRow& row) { return row.key.dimension; });
  add(Type::timestamptz, [](const WindowRow& row) { return row.key.start; });
  add(Type::int4, [](const WindowRow& row) { return row.key.partition; });
  add(Type::text, [](const WindowRow& row) -> std::string_view { return row.key.value; });
  add(Type::int8, &WindowRow::events);
  add(Type::int8, &WindowRow::page_views);
  add(Type::int8, &WindowRow::rolled_events);
  add(Type::int8, &WindowRow::rolled_page_views);
  add(Type::int4, &WindowRow::arrival_rank);
  add(Type::text, of_total([](const tally::StoredValues& stored) { return stored.encode(); }));
  add(Type::int4, of_total([](const tally::StoredValues& stored) { return stored.rows_max(); }));
  // An empty sketch leaves the stored one as it is, with its TOAST rows.
  add(Type::bytea, [](const WindowRow& row) { return row.users_changed ? std::string_view(row.users) : ""; });
  return parameters;
}

// Several prunes of a transaction may raise the same horizon.
Parameters horizon_parameters(std::span<const commit::HorizonRaise> horizons) {
  std::map<tally::Granularity, WallTime> highest;  // a statement can update a row only once
  for (const auto& [granularity, pruned_to] : horizons) {
    WallTime& known = highest.try_emplace(granularity, pruned_to).first->second;
    known = std::max(known, pruned_to);
  }
  Parameters parameters;
  const auto add = columns_of(parameters, highest);
  add(Type::text, [](const auto& raised) { return tally::name_of(raised.first); });
  add(Type::timestamptz, [](const auto& raised) { return raised.second; });
  return parameters;
}

// The number of attempts begins with the default of its column.
Parameters dead_letter_parameters(std::string_view topic, std::span<const commit::DeadLetter> letters) {
  using commit::DeadLetter;
  Parameters parameters;
  parameters.add(topic);
  const auto add = columns_of(parameters, letters);
  add(Type::int4, &DeadLetter::partition);
  add(Type::int8, &DeadLetter::offset);
  add(Type::text, &DeadLetter::reason);
  add(Type::text,
      [](const DeadLetter& letter) { return storable_text(letter.detail); });  // may quote the record
  add(Type::bytea, &DeadLetter::key);
  add(Type::bytea, &DeadLetter::value);
  add(Type::timestamptz, &DeadLetter::at);
  return parameters;
}

Parameters dead_letter_id_parameters(std::span<const commit::DeadLetterId> ids) {
  using commit::DeadLetterId;
  Parameters parameters;
  const auto add = columns_of(parameters, ids);
  add(Type::text,
      [](const DeadLetterId& id) { return storable_text(id.topic); });  // from a header of a record
  add(Type::int4, &DeadLetterId::partition);
  add(Type::int8, &DeadLetterId::offset);
  return parameters;
}

Parameters flush_parameters(const commit::FlushRow& flush, WallTime now) {
  Parameters parameters;
  parameters.add(flush.timestamp).add(Type::int8, flush.unique_users).add(Type::int8, flush.page_view_count);
  parameters.add(now);
  return parameters;
}

// `start_offset` and `counted_from` are written once, when the row is inserted, and are no parameters here.
Parameters ledger_parameters(std::string_view topic, std::span<const tally::LedgerRow> ledgers) {
  using tally::LedgerRow;
  Parameters parameters;
  parameters.add(topic);
  const auto add = columns_of(parameters, ledgers);
  add(Type::int4, &LedgerRow::partition);
  add(Type::int8, &LedgerRow::version);
  add(Type::int8, &LedgerRow::next_offset);
  add(Type::int8, &LedgerRow::read);
  add(Type::int8, &LedgerRow::tallied);
  add(Type::int8, &LedgerRow::duplicate);
  add(Type::int8, &LedgerRow::dead_lettered);
  add(Type::int8, &LedgerRow::skipped);
  add(Type::int8, &LedgerRow::last_record_hash);
  add(Type::int8, [](const LedgerRow& row) { return row.observed.log_end_offset; });
  add(Type::timestamptz, [](const LedgerRow& row) { return row.observed.oldest_unread_at; });
  add(Type::timestamptz, [](const LedgerRow& row) { return row.observed.observed_at; });
  add(Type::timestamptz, &LedgerRow::updated_at);
  return parameters;
}

// Both $4, the last start, and $5, the last write, derive from `before`: a window is old once it has ended
// and its rows have not been written since.
Parameters prune_parameters(std::string_view topic, const commit::Prune& prune) {
  const auto width = tally::width_of(prune.granularity);
  Parameters parameters;
  parameters.add(topic)
      .add(Type::int2, number_of(prune.granularity))
      .add(Type::int4, prune.partition)
      .add(prune.before - width)
      .add(prune.before)
      .add(Type::int8, prune.rows_max)
      .add(prune.now);
  return parameters;
}

}  // namespace weir::postgres
