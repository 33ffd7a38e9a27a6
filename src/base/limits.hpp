// Everything has a limit, and this is the one sheet where they stand, so that they can be seen to add up.
// What a user can set (MAX_EVENT_BYTES, …) is in config/settings.hpp with its default from here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace weir::limits {

inline constexpr std::size_t KiB = 1024;
inline constexpr std::size_t MiB = 1024 * KiB;

// One event.
inline constexpr std::size_t event_bytes_default = 64 * KiB;
inline constexpr std::size_t user_id_bytes_max = 256;
inline constexpr std::size_t activity_type_bytes_max = 128;
inline constexpr std::size_t message_id_bytes_max = 128;
inline constexpr std::size_t url_bytes_max = 2048;
inline constexpr int json_depth_max = 32;
inline constexpr std::size_t json_slack_bytes =
    64;  // readable bytes that the JSON parser wants behind a document
inline constexpr std::chrono::hours door_ahead_max{24};    // an event's time against the clock, at the door
inline constexpr std::chrono::hours record_ahead_max{48};  // an event's time against its record's time
inline constexpr int year_min = 1990;
// A clock, or a record's time, that is further ahead than this is not believed at once.
inline constexpr std::chrono::hours clock_lead_max{12};
// A step of the clock back by at most this is waited out by the embedded log: its record times stand still.
inline constexpr std::chrono::seconds clock_step_back_max{10};

// One request.
inline constexpr std::size_t body_bytes_default = 16 * MiB;
inline constexpr std::size_t header_bytes_max = 32 * KiB;
inline constexpr std::size_t header_fields_max = 100;
inline constexpr std::size_t uri_bytes_max = 8 * KiB;
inline constexpr std::size_t rejected_items_max =
    10'000;  // named in one answer; beyond, the batch is refused
inline constexpr std::chrono::seconds request_deadline{30};  // first byte to last, however slowly they come
inline constexpr std::chrono::seconds idle_deadline{75};     // between two requests of a connection

// One process.
inline constexpr std::size_t connections_max = 8192;
// Open files that connections leave to the stores, the log and its clients, and to each io thread.
inline constexpr std::size_t descriptors_kept = 96;
inline constexpr std::size_t descriptors_per_io_thread = 8;
// What clients hold: unread bytes of requests, bodies that are not answered yet, unsent replies. At most so
// much for one client address (IPv4: the address, IPv6: its /64), and for all of them. MAX_BODY_BYTES raises
// both if needed.
inline constexpr std::size_t held_bytes_max = 128 * MiB;
inline constexpr std::size_t address_held_bytes_max = 48 * MiB;
inline constexpr std::size_t connection_bytes_min =
    8 * KiB;  // counted for each connection, whatever it holds
// Replies to pipelined requests: the next request is begun only while less than half of it is unsent.
inline constexpr std::size_t unsent_replies_bytes_max = 64 * KiB;
inline constexpr std::size_t given_back_bytes_min =
    16 * MiB;  // after such a fall the system gets its memory back
inline constexpr std::size_t in_flight_bytes_max = 64 * MiB;     // accepted, and the log has not answered yet
inline constexpr std::size_t in_flight_reserve_bytes = 8 * MiB;  // of it: for requests of one event's size
inline constexpr std::size_t log_commit_bytes_max = 32 * MiB;    // one group commit of the embedded log
inline constexpr std::size_t segment_bytes_max = MiB;            // one row of it…
inline constexpr std::int64_t segment_records_max = 4096;
inline constexpr std::size_t poll_bytes_max = 4 * MiB;  // …and what is read of it at once, in whole rows
inline constexpr std::int64_t poll_records_max = 10'000;
// Read and not yet in the store: then partitions pause. Letters are kept whole, unlike events. Partitions
// that wait for the copies of their letters have half as much again, together, so that they hold up no other.
inline constexpr std::int64_t waiting_events_max = 200'000;
inline constexpr std::size_t waiting_letters_max = 10'000;
inline constexpr std::size_t waiting_letter_bytes_max = 32 * MiB;
inline constexpr std::size_t waiting_tally_bytes_max =
    64 * MiB;  // gathered windows with their values and users

// One transaction of the consumer. A few bytes of a client may become many rows with long values, so rows and
// bytes are bounded, too: the database ends what takes too long, and a step is held in memory several times.
inline constexpr std::size_t part_rows_max = 20'000;  // gathered of one partition; then the next part begins
inline constexpr std::size_t part_bytes_max = 8 * MiB;
inline constexpr std::size_t transaction_rows_max =
    40'000;  // of all partitions' parts; a roll-up's minute rows
inline constexpr std::size_t transaction_bytes_max = 16 * MiB;
inline constexpr std::size_t step_rows_max = 4096;  // read, merged and written at once
inline constexpr std::size_t step_bytes_max = 4 * MiB;
inline constexpr std::int64_t prune_rows_max = 10'000;  // whole windows, at least one

// One window.
inline constexpr std::size_t values_per_window_max = 1000;
inline constexpr std::size_t own_dimensions_max = 8;          // DIMENSIONS: counted at once
inline constexpr std::size_t own_dimension_number_max = 255;  // names that one database ever knows
inline constexpr std::size_t own_value_bytes_max = 256;
inline constexpr std::size_t sketch_exact_max = 4096;

// One answer.
inline constexpr std::size_t points_max = 5000;
inline constexpr std::size_t top_rows_max = 500;
// From a question's arrival to the end of all work on it: waiting for a thread, the store, uniting. Then it
// is 503.
inline constexpr std::chrono::seconds query_deadline{7};
inline constexpr std::size_t questions_waiting_max = 256;  // for a thread; then further ones are answered 503

static_assert(event_bytes_default <= body_bytes_default);
static_assert(user_id_bytes_max + activity_type_bytes_max + message_id_bytes_max + 2 * url_bytes_max <
              event_bytes_default);
static_assert(body_bytes_default <= log_commit_bytes_max, "a request stands or falls in one commit");
static_assert(log_commit_bytes_max <= in_flight_bytes_max);
static_assert(in_flight_bytes_max <= held_bytes_max);
static_assert(in_flight_reserve_bytes + log_commit_bytes_max <= in_flight_bytes_max);
static_assert(2 * body_bytes_default + header_bytes_max + unsent_replies_bytes_max <= address_held_bytes_max,
              "one client can have a body read and inflated");
static_assert(2 * address_held_bytes_max <= held_bytes_max, "one client address leaves room for another");
static_assert(connections_max * connection_bytes_min <= held_bytes_max / 2,
              "idle connections leave room for bodies");
static_assert(unsent_replies_bytes_max <= address_held_bytes_max / 512);
static_assert(given_back_bytes_min <= address_held_bytes_max);
static_assert(segment_bytes_max <= poll_bytes_max && segment_records_max <= poll_records_max);
static_assert(poll_records_max < waiting_events_max, "a poll that comes when all is well finds room");
static_assert(event_bytes_default <= waiting_letter_bytes_max);
static_assert(part_rows_max <= transaction_rows_max && step_rows_max <= part_rows_max);
static_assert(part_bytes_max <= transaction_bytes_max && step_bytes_max <= part_bytes_max);
static_assert(2 * part_bytes_max <= waiting_tally_bytes_max, "a part gathers while another is written");
static_assert(door_ahead_max < record_ahead_max, "clocks differ");
static_assert(clock_lead_max < std::chrono::days{1}, "retention is in days, and at least one");
static_assert(uri_bytes_max < header_bytes_max);
static_assert(top_rows_max <= values_per_window_max);
static_assert(query_deadline < request_deadline, "the answer of a late question says why");

}  // namespace weir::limits
