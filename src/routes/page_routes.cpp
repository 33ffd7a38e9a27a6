#include "routes/page_routes.hpp"

#include <algorithm>
#include <array>
#include <string>

#include "base/ensure.hpp"
#include "base/hash.hpp"
#include "base/hex.hpp"

namespace weir::routes {

namespace {

// Which file is served at which path.
struct Served {
  std::string_view path;
  std::string_view name;
  std::string_view content_type;
};
constexpr std::array served{
    Served{"/", "index.html", "text/html; charset=utf-8"},
    Served{"/app.js", "app.js", "text/javascript; charset=utf-8"},
    Served{"/api.js", "api.js", "text/javascript; charset=utf-8"},
    Served{"/axis.js", "axis.js", "text/javascript; charset=utf-8"},
    Served{"/chart.js", "chart.js", "text/javascript; charset=utf-8"},
    Served{"/dead_letters.js", "dead_letters.js", "text/javascript; charset=utf-8"},
    Served{"/dom.js", "dom.js", "text/javascript; charset=utf-8"},
    Served{"/empty.js", "empty.js", "text/javascript; charset=utf-8"},
    Served{"/ledger.js", "ledger.js", "text/javascript; charset=utf-8"},
    Served{"/list_dialog.js", "list_dialog.js", "text/javascript; charset=utf-8"},
    Served{"/lists.js", "lists.js", "text/javascript; charset=utf-8"},
    Served{"/live.js", "live.js", "text/javascript; charset=utf-8"},
    Served{"/notes.js", "notes.js", "text/javascript; charset=utf-8"},
    Served{"/queries.js", "queries.js", "text/javascript; charset=utf-8"},
    Served{"/tiles.js", "tiles.js", "text/javascript; charset=utf-8"},
    Served{"/view.js", "view.js", "text/javascript; charset=utf-8"},
    Served{"/zone.js", "zone.js", "text/javascript; charset=utf-8"},
    Served{"/style.css", "style.css", "text/css; charset=utf-8"},
    Served{"/favicon.svg", "favicon.svg", "image/svg+xml"},
};

// Nothing from other origins and no inline script: text of clients cannot become code.
constexpr std::string_view security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

// ETag and headers are computed once; each request copies them.
http::Route route_of(const Served& file) {
  const auto bytes = page_file(file.name);
  auto handle = [file, bytes, etag = etag_of(bytes)](const http::Request& request, http::Respond respond) {
    http::Reply reply{.content_type = std::string(file.content_type)};
    // no-cache: the browser stores the file and revalidates it, so a new version shows its own page at once.
    reply.headers = {{"ETag", etag},
                     {"Cache-Control", "no-cache"},
                     {"Content-Security-Policy", std::string(security_policy)},
                     {"X-Content-Type-Options", "nosniff"},
                     {"Referrer-Policy", "no-referrer"}};
    const auto known = request.header("if-none-match");
    if (known && (known->contains(etag) || *known == "*"))
      reply.status = 304;
    else
      reply.body = bytes;
    respond(std::move(reply));
  };
  return {"GET", std::string(file.path), std::move(handle)};
}

}  // namespace

// A missing file is an error of the build, so it is asserted.
std::string_view page_file(std::string_view name) {
  const auto files = page_files();
  const auto found = std::ranges::find(files, name, &PageFile::name);
  ensure(found != files.end(), "every file that is served is built in");
  return found->bytes;
}

// A strong ETag (RFC 9110 §8.8.3): it changes with any byte of the file.
std::string etag_of(std::string_view bytes) {
  std::string tag = "\"";
  append_hex(tag, murmur3(bytes).low);
  return tag + '"';
}

std::vector<http::Route> page_routes() {
  std::vector<http::Route> routes;
  for (const auto& file : served) routes.push_back(route_of(file));
  return routes;
}

}  // namespace weir::routes
