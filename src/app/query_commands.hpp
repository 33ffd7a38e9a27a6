// The arguments of the commands that ask a running Weir: stats and export. The functions return tables whose
// take() functions store into their parameters, which must outlive the tables.
#pragma once

#include <vector>

#include "app/arguments.hpp"
#include "app/remote.hpp"
#include "cli/export.hpp"
#include "cli/stats.hpp"

namespace weir::app {

[[nodiscard]] std::vector<Argument> stats_arguments(cli::StatsOptions& options, Remote& remote);
[[nodiscard]] std::vector<Argument> export_arguments(cli::ExportOptions& options, Remote& remote);

}  // namespace weir::app
