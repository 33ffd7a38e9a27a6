// All limits of the program, in one place, so that static_asserts can check that they fit together.
//
// Limits that an operator can set (MAX_EVENT_BYTES, …) are in config/settings.hpp; their defaults are here.
// docs/OPERATING.md lists the limits that clients and operators notice.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::limits {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;

// --- One event. All lengths are in bytes of UTF-8.

inline constexpr std::size_t event_bytes_default = 64 * KiB;
inline constexpr std::size_t user_id_bytes_max = 256;
inline constexpr std::size_t activity_type_bytes_max = 128;
inline constexpr std::size_t message_id_bytes_max = 128;
inline constexpr std::size_t url_bytes_max = 2048;  // page_url and referrer
inline constexpr int json_depth_max = 32;
// The JSON parser (simdjson) reads this many bytes past the end of a document. They must be readable.
inline constexpr std::size_t json_slack_bytes = 64;
// How far an event's timestamp may be in the future. The first bound applies at ingest, against the clock.
// The second applies in the consumer, against the record's time; it is larger because clocks of machines
// differ.
inline constexpr std::chrono::hours event_ahead_of_clock_max{24};
inline constexpr std::chrono::hours event_ahead_of_record_max{48};
inline constexpr int year_min = 1990;
// A clock or a record time that is further ahead than this is not trusted at once
// (consumer/settled_clock.hpp).
inline constexpr std::chrono::hours clock_lead_max{12};
// When the clock steps back by at most this, the embedded log keeps its last record time until the clock has
// caught up. It follows a larger step.
inline constexpr std::chrono::seconds clock_step_back_max{10};

// --- One request.

inline constexpr std::size_t body_bytes_default = 16 * MiB;
inline constexpr std::size_t header_bytes_max = 32 * KiB;
inline constexpr std::size_t header_fields_max = 100;
inline constexpr std::size_t uri_bytes_max = 8 * KiB;
// One request of Segment's tracking API: the limits that Segment documents for it.
inline constexpr std::size_t segment_event_bytes_max = 32 * KiB;
inline constexpr std::size_t segment_body_bytes_max = 500 * KiB;
inline constexpr std::size_t segment_events_max = 2500;
// Rejected events that one reply lists. A batch with more of them is rejected as a whole.
inline constexpr std::size_t rejected_items_max = 10'000;
inline constexpr std::chrono::seconds request_deadline{30};  // from the first byte to the last
inline constexpr std::chrono::seconds idle_deadline{75};     // between two requests of a connection

// --- One process: connections and memory.

inline constexpr std::size_t connections_max = 8192;
// File descriptors that connections must leave free: for the stores, the log and its clients, and for each io
// thread.
inline constexpr std::size_t reserved_descriptors = 96;
inline constexpr std::size_t reserved_descriptors_per_io_thread = 8;
// Memory held for clients: unread bytes of requests, bodies that are not answered yet, and unsent replies.
// The first bound is for all clients, the second for one client address (an IPv4 address or an IPv6 /64). A
// large MAX_BODY_BYTES raises both.
inline constexpr std::size_t held_bytes_max = 128 * MiB;
inline constexpr std::size_t address_held_bytes_max = 48 * MiB;
// Each connection counts as at least this much, even if it holds less.
inline constexpr std::size_t connection_bytes_min = 8 * KiB;
// Unsent replies to pipelined requests of one connection. The next request is not started before less than
// half of this is unsent.
inline constexpr std::size_t unsent_replies_bytes_max = 64 * KiB;
// Unsent bytes of one streamed reply. A client that lets more accumulate is disconnected.
inline constexpr std::size_t stream_unsent_bytes_max = 256 * KiB;
// When the held memory has fallen by this much, free memory is returned to the system (malloc_trim).
inline constexpr std::size_t memory_trim_bytes_min = 16 * MiB;
// Accepted bytes that the log has not answered yet. The reserve is for requests not larger than one event.
inline constexpr std::size_t in_flight_bytes_max = 64 * MiB;
inline constexpr std::size_t in_flight_reserve_bytes = 8 * MiB;

// --- Who may send, and how much.

inline constexpr std::size_t api_keys_max = 100;  // each request with a key is compared with all of them
inline constexpr std::size_t api_key_bytes_max = 256;
// Clients that the rate limiter remembers at the same time, at 16 bytes each.
inline constexpr std::size_t rate_limited_clients_max = std::size_t{1} << 21;
// Addresses of X-Forwarded-For that are looked at, from the right.
inline constexpr std::size_t forwarded_hops_max = 16;

// --- The embedded log.

inline constexpr std::size_t log_commit_bytes_max = 32 * MiB;  // one group commit
inline constexpr std::size_t segment_bytes_max = MiB;          // one segment (a row of `segments`)
inline constexpr std::int64_t segment_records_max = 4096;
inline constexpr std::size_t poll_bytes_max = 4 * MiB;  // read by one poll(), in whole segments
inline constexpr std::int64_t poll_records_max = 10'000;

// --- The consumer: what was read and is not in the store yet. Above a bound, partitions are paused.
// Dead letters have bounds of their own, because they are kept whole, unlike other events. Partitions that
// wait for copies on the dead letter topic share an extra half of these bounds. So they do not pause others.

inline constexpr std::int64_t waiting_events_max = 200'000;
inline constexpr std::size_t waiting_dead_letters_max = 10'000;
inline constexpr std::size_t waiting_dead_letter_bytes_max = 32 * MiB;
inline constexpr std::size_t waiting_tally_bytes_max = 64 * MiB;  // windows with their values and users

// --- One transaction of the consumer. A few bytes from a client can become many rows with long values. So
// rows and bytes are limited, too: PostgreSQL ends transactions that take too long, and each step is in
// memory several times.

// One pending batch of one partition. When a bound is reached, the next batch begins.
inline constexpr std::size_t pending_batch_rows_max = 20'000;
inline constexpr std::size_t pending_batch_bytes_max = 8 * MiB;
// The batches of all partitions in one transaction, or the minute rows of one roll-up.
inline constexpr std::size_t transaction_rows_max = 40'000;
inline constexpr std::size_t transaction_bytes_max = 16 * MiB;
// Rows that are read, merged and written in one step of a transaction.
inline constexpr std::size_t step_rows_max = 4096;
inline constexpr std::size_t step_bytes_max = 4 * MiB;
// Rows that one pruning transaction deletes: whole windows, at least one.
inline constexpr std::int64_t prune_rows_max = 10'000;

// --- One window.

inline constexpr std::size_t values_per_window_max = 1000;  // stored values for each dimension and partition
inline constexpr std::size_t own_dimensions_max = 8;        // counted at once (DIMENSIONS)
inline constexpr std::size_t own_dimension_number_max = 255;  // of the names that one database ever has
inline constexpr std::size_t own_value_bytes_max = 256;
inline constexpr std::size_t sketch_exact_max = 4096;  // users that a sketch counts exactly

// --- One query of the API.

inline constexpr std::size_t points_max = 5000;
inline constexpr std::size_t top_rows_max = 500;
// From the arrival of a query to the end of all work on it: the queue, the store, the union of sketches. The
// reply is 503 when it passes.
inline constexpr std::chrono::seconds query_deadline{7};
// Memory for the numbers of past days that are kept for further queries.
inline constexpr std::size_t kept_days_bytes_max = 32 * MiB;
// Queries that wait for a thread. Further ones are answered 503 at once.
inline constexpr std::size_t waiting_queries_max = 256;

// --- Replies that last: the live feed and exports.

// Readers of the live feed. Further ones are answered 503.
inline constexpr std::size_t live_readers_max = 1000;
// An export of more intervals is refused: their starts are in memory.
inline constexpr std::size_t export_intervals_max = 1'000'000;
// Exports that wait for the one that runs. Further ones are answered 503.
inline constexpr std::size_t waiting_exports_max = 4;
inline constexpr std::chrono::minutes export_deadline{10};

static_assert(event_bytes_default <= body_bytes_default);
static_assert(user_id_bytes_max + activity_type_bytes_max + message_id_bytes_max + 2 * url_bytes_max <
              event_bytes_default);
static_assert(segment_event_bytes_max < event_bytes_default, "a translated event is a little longer");
static_assert(segment_events_max <= rejected_items_max, "a batch of wrong events is not rejected as a whole");
static_assert(body_bytes_default <= log_commit_bytes_max, "one request fits into one commit");
static_assert(log_commit_bytes_max <= in_flight_bytes_max);
static_assert(live_readers_max <= connections_max / 4, "readers leave connections for other clients");
static_assert(in_flight_bytes_max <= held_bytes_max);
static_assert(in_flight_reserve_bytes + log_commit_bytes_max <= in_flight_bytes_max);
static_assert(2 * body_bytes_default + header_bytes_max + unsent_replies_bytes_max <= address_held_bytes_max,
              "one client can have a compressed body and its decompressed form");
static_assert(2 * address_held_bytes_max <= held_bytes_max, "one client address leaves room for another");
static_assert(connections_max * connection_bytes_min <= held_bytes_max / 2,
              "idle connections leave room for bodies");
static_assert(unsent_replies_bytes_max <= address_held_bytes_max / 512);
static_assert(stream_unsent_bytes_max <= address_held_bytes_max / 128);
static_assert(memory_trim_bytes_min <= address_held_bytes_max);
static_assert(segment_bytes_max <= poll_bytes_max && segment_records_max <= poll_records_max);
static_assert(poll_records_max < waiting_events_max, "the records of one poll do not reach the bound");
static_assert(event_bytes_default <= waiting_dead_letter_bytes_max);
static_assert(pending_batch_rows_max <= transaction_rows_max && step_rows_max <= pending_batch_rows_max);
static_assert(pending_batch_bytes_max <= transaction_bytes_max && step_bytes_max <= pending_batch_bytes_max);
static_assert(2 * pending_batch_bytes_max <= waiting_tally_bytes_max,
              "one batch is gathered while another is written");
static_assert(event_ahead_of_clock_max < event_ahead_of_record_max, "clocks differ");
static_assert(clock_lead_max < std::chrono::days{1}, "the shortest retention is one day");
static_assert(uri_bytes_max < header_bytes_max);
static_assert(top_rows_max <= values_per_window_max);
static_assert(query_deadline < request_deadline, "a late query is answered before the connection is closed");

}  // namespace weir::limits
