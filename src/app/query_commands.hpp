// The arguments of the commands that ask a running Weir: stats and export. The functions return tables whose
// take() functions store into their parameters, which must outlive the tables.
#pragma once

#include <string>
#include <vector>

#include "app/arguments.hpp"
#include "cli/export.hpp"
#include "cli/stats.hpp"

namespace weir::app {

// --url, for commands that talk to a running Weir.
[[nodiscard]] Argument url_into(std::string& url);

[[nodiscard]] std::vector<Argument> stats_arguments(cli::StatsOptions& options, std::string& url);
[[nodiscard]] std::vector<Argument> export_arguments(cli::ExportOptions& options, std::string& url);

}  // namespace weir::app
