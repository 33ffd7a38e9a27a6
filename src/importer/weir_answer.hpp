// Tells the replies of Weir from those of another program at its address: a proxy, a login page, another
// service. A reply of another program proves nothing about the events that were sent. Pure functions; any
// thread may call them.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.hpp"

namespace weir::importer {

// The JSON object that the text is. Nothing if it is anything else.
[[nodiscard]] std::optional<boost::json::object> object_in(std::string_view text);

// The value at the end of a path of members. Null if a member is missing or is not an object.
[[nodiscard]] const boost::json::value* find(const boost::json::object& object,
                                             std::initializer_list<std::string_view> path);
// The string at the end of the path; empty if there is none.
[[nodiscard]] std::string text_at(const boost::json::object& object,
                                  std::initializer_list<std::string_view> path);
// The integer at the end of the path.
[[nodiscard]] std::optional<std::int64_t> number_at(const boost::json::object& object,
                                                    std::initializer_list<std::string_view> path);

// The text of an error reply of Weir: `{"error":"…"}` with a status of 400 or more. Nothing for any other
// reply.
[[nodiscard]] std::optional<std::string> weir_error(const http::Response& response);

// Describes a reply that is not Weir's: address, status, media type, Server, Location without secrets, and
// the beginning of the body. Printable, on one line.
[[nodiscard]] std::string describe_foreign(const http::Response& response, const http::BaseUrl& base);

}  // namespace weir::importer
