// Tells the replies of a Weir from those of something that answers in its place: a proxy, a login page,
// another service on the port. A reply of unknown origin proves nothing about the events that were sent.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "http/client.hpp"

namespace weir::importer {

// The JSON object that the text is; nothing if the text is anything else.
[[nodiscard]] std::optional<boost::json::object> object_in(std::string_view text);

// The value at the end of the path of members; null where a member is missing or is no object.
[[nodiscard]] const boost::json::value* find(const boost::json::object& object,
                                             std::initializer_list<std::string_view> path);
// The string there; empty if there is none.
[[nodiscard]] std::string text_at(const boost::json::object& object,
                                  std::initializer_list<std::string_view> path);
// The integer there.
[[nodiscard]] std::optional<std::int64_t> number_at(const boost::json::object& object,
                                                    std::initializer_list<std::string_view> path);

// The text of an error reply of Weir, `{"error":"…"}` with a status of 400 or more; nothing if the reply is
// not one.
[[nodiscard]] std::optional<std::string> weir_error(const http::Response& response);

// Describes a reply that is not Weir's: where it came from, its status, media type, Server, redirection, and
// the beginning of its body. Printable ASCII on one line.
[[nodiscard]] std::string describe_foreign(const http::Response& response, const http::BaseUrl& base);

}  // namespace weir::importer
