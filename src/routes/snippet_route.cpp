#include "routes/snippet_route.hpp"

#include <string>

#include "routes/page_routes.hpp"

namespace weir::routes {

// ETag and headers as for the files of the page (page_routes.cpp), but for two: other origins may load it,
// and browsers do not ask again at each view of a page.
http::Route snippet_route() {
  const std::string_view script = page_file("weir.js");
  http::Route route{.method = "GET", .path = "/weir.js"};
  route.cross_origin = true;
  route.handle = [script, etag = etag_of(script)](const http::Request& request, http::Respond respond) {
    http::Reply reply{.content_type = "text/javascript; charset=utf-8"};
    reply.headers = {{"ETag", etag},
                     {"Cache-Control", "max-age=3600"},
                     {"Cross-Origin-Resource-Policy", "cross-origin"},
                     {"X-Content-Type-Options", "nosniff"}};
    const auto known = request.header("if-none-match");
    if (known && (known->contains(etag) || *known == "*"))
      reply.status = 304;
    else
      reply.body = script;
    respond(std::move(reply));
  };
  return route;
}

}  // namespace weir::routes
