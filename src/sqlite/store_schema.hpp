// The tables and views of the metrics store, metrics.db: what people may read (contract §6) and what only this room
// reads.
//
// All moments in public tables and views are UTC text, so that people need no conversion and comparing text compares
// time: `2015-05-19T09:00:00.000Z` for moments, `2015-05-19T09:00:00Z` for window_start in views.
//
// Inner tables (activity_windows, activity_unrolled): window_start is INTEGER unix seconds, last_write_ms INTEGER unix
// milliseconds; granularity 0 minute, 1 hour, 2 day; dimension 0 total, 1 activity_type, 2 page, 3 referrer.
// activity_windows is WITHOUT ROWID: measured, a scan costs 0.2 µs a row against 0.5 through an index, and REPLACE
// finds its row by one descent (2.7 µs a row, the same as the other layout).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace weir::sqlite {

// What makes an empty file a metrics store of version metrics_store_file.version.
[[nodiscard]] std::string metrics_store_schema();

[[nodiscard]] std::filesystem::path metrics_store_path(const std::filesystem::path& data_dir);

// A moment as it stands in a public table, and back. Move::ourselves: somebody has written something else there.
[[nodiscard]] std::string moment_text(WallTime moment);
[[nodiscard]] Result<WallTime> parse_moment(std::string_view text);

}  // namespace weir::sqlite
