// CONFIG_FILE: settings in a TOML file (https://toml.io/en/v1.0.0).
//
//   log_level = "debug"
//   rate_limit_rps = 100
//   cors_origins = ["https://shop.example", "https://www.shop.example"]
//
// A key is the name of a variable in lower or upper case. A value is a string or a whole number; a list of
// them is the same as one string with commas. There are no tables: the settings have no sections.
#pragma once

#include <filesystem>
#include <string_view>

#include "config/source_texts.hpp"

namespace weir::config {

// Parses the text of a file. All errors name the file and the line; only the first error of the syntax is
// found. Pure; any thread.
[[nodiscard]] SourceTexts parse_config_file(std::string_view toml, const std::filesystem::path& path);

// Reads a file and parses it. One error if it cannot be read or has more than 1 MiB.
[[nodiscard]] SourceTexts read_config_file(const std::filesystem::path& path);

}  // namespace weir::config
