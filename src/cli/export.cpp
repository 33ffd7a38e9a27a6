// One request and one pass: the client calls Lines for each part of the body, on the thread of the command. A
// chunk of the body can end in the middle of a UTF-8 character, and a line cannot.
#include "cli/export.hpp"

#include <ostream>
#include <utility>

#include "base/printable.hpp"
#include "base/result.hpp"
#include "cli/api_path.hpp"
#include "http/client.hpp"
#include "importer/weir_answer.hpp"

namespace weir::cli {

namespace {

// Passes complete lines on, so that no character is cut in two.
class Lines {
 public:
  Lines(bool is_json, std::ostream& out) : is_json_(is_json), out_(out) {}

  void take(std::string_view part) {
    text_ += part;
    const std::size_t end = text_.rfind('\n') + 1;  // npos + 1 is 0
    write(std::string_view(text_).substr(0, end));
    text_.erase(0, end);
  }
  void finish() {
    write(text_);
    out_.flush();
  }

 private:
  void write(std::string_view lines) {
    if (lines.empty() || !out_) return;
    out_ << (is_json_ ? with_escaped_controls(lines, Controls::del_and_c1)
                      : printable(lines, LineBreaks::kept));
  }

  const bool is_json_;
  std::ostream& out_;
  std::string text_;
};

// Errors are for the operator: the URL is wrong, Weir refused the request, or another program replied.
Result<void> fetch(const ExportOptions& options, std::ostream& out) {
  auto base = http::parse_base_url(options.url);
  if (!base) return propagate(base);
  http::Client client(std::move(*base), {.headers = options.credentials, .trust = options.trust});
  const bool is_json = options.format == "ndjson";
  Lines lines(is_json, out);
  auto response = client.get_streamed(api_path("export", {{"from", options.from},
                                                          {"to", options.to},
                                                          {"interval", options.interval},
                                                          {"tz", options.tz},
                                                          {"dimension", options.dimension},
                                                          {"format", options.format}}),
                                      {}, [&](std::string_view part) { lines.take(part); });
  if (!response) return propagate(response);
  // A reply that is not 200 is not streamed, so its body holds the error of the API.
  if (const auto error = importer::weir_error(*response)) return fail(ErrorKind::invalid, "refused", *error);
  // A proxy or another program can reply with 200, too. The content type shows whether the rows are an
  // export.
  const std::string_view type = response->header("Content-Type").value_or("");
  if (response->status != 200 || !type.starts_with(is_json ? "application/x-ndjson" : "text/csv"))
    return fail(ErrorKind::invalid, "not_weir", importer::describe_foreign(*response, client.base()));
  lines.finish();
  if (!out) return fail(ErrorKind::unavailable, "not_written", "the output could not be written");
  return {};
}

}  // namespace

int run_export(const ExportOptions& options, std::ostream& out, std::ostream& err) {
  const auto done = fetch(options, out);
  if (done) return 0;
  out.flush();
  // The URL is printed without credentials, because an error may be kept in a log.
  err << "weir export: " << printable(http::without_credentials(options.url)) << ": "
      << printable(done.error().text) << '\n';
  return 1;
}

}  // namespace weir::cli
