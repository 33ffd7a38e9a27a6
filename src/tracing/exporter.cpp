// The export thread takes a batch when one is full, when schedule_delay has passed, or at the stop. It
// encodes a batch once and sends it until retry_delay() says that it is done or dropped. The lock is held
// only to move spans, never during encoding, I/O or logging.
//
// After stop() has returned, only the export thread may still use State; `logger` is null then.
#include "tracing/exporter.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <mutex>
#include <utility>
#include <vector>

#include "telemetry/exposition.hpp"
#include "telemetry/log_throttle.hpp"
#include "telemetry/logger.hpp"
#include "tracing/otlp.hpp"

namespace weir::tracing {
namespace {

// Why spans are dropped: the label `reason`.
enum class Drop : std::uint8_t { queue_full, refused, no_answer, retries_exhausted, stopping };
constexpr std::array<std::string_view, 5> drop_names{"queue_full", "refused", "no_answer",
                                                     "retries_exhausted", "stopping"};

Drop reason_of(const Result<ExportAnswer>& answer, int attempt) {
  if (attempt >= export_attempts_max) return Drop::retries_exhausted;
  return answer ? Drop::refused : Drop::no_answer;
}

std::string text_of(const Result<ExportAnswer>& answer) {
  return answer ? "HTTP status " + std::to_string(answer->status) : answer.error().text;
}

double number(const std::atomic<std::uint64_t>& count) {
  return static_cast<double>(count.load(std::memory_order_relaxed));
}

}  // namespace

struct Exporter::State {
  State(ExporterOptions its_options, std::unique_ptr<Transport> its_transport, telemetry::Logger& its_logger)
      : options(std::move(its_options)), transport(std::move(its_transport)), logger(&its_logger) {
    queue.reserve(options.queue_max);
    taken.reserve(options.queue_max);
  }

  const ExporterOptions options;
  const std::unique_ptr<Transport> transport;  // the export thread's

  mutable std::mutex mutex;  // guards the members up to the counters
  std::condition_variable changed;
  std::vector<Span> queue;
  std::vector<Span> taken;  // swapped out of the queue; only the export thread changes it
  std::size_t next = 0;     // the first span of `taken` that is in no batch yet
  bool stopping = false;
  MonoTime stop_by;
  bool done = false;

  std::atomic<std::uint64_t> exported{0};
  std::atomic<std::uint64_t> failed_requests{0};
  std::array<std::atomic<std::uint64_t>, drop_names.size()> dropped{};

  std::mutex log_mutex;  // guards the next two
  telemetry::Logger* logger;
  telemetry::LogThrottle failures;
  bool is_failing = false;  // the export thread's

  void drop(Drop why, std::size_t spans) {
    dropped[static_cast<std::size_t>(why)].fetch_add(spans, std::memory_order_relaxed);
  }

  void run();
  [[nodiscard]] std::span<const Span> next_batch();
  [[nodiscard]] std::size_t waiting() const { return queue.size() + taken.size() - next; }
  void send(std::span<const Span> batch);
  [[nodiscard]] bool wait_before_retry(std::chrono::milliseconds delay);
  void on_answer(const Result<ExportAnswer>& answer);
};

void Exporter::State::run() {
  for (auto batch = next_batch(); !batch.empty(); batch = next_batch()) send(batch);
  const std::lock_guard lock(mutex);
  done = true;
  changed.notify_all();
}

// Waits for the next batch; it is valid until the next call. Returns none when the exporter has stopped and
// nothing is left to send. The whole queue is swapped out at once, so add() never waits for spans to be
// moved.
std::span<const Span> Exporter::State::next_batch() {
  const auto now = [] { return std::chrono::steady_clock::now(); };
  std::unique_lock lock(mutex);
  if (next == taken.size()) {
    taken.clear();
    next = 0;
    const auto is_due = [&] { return stopping || queue.size() >= options.batch_max; };
    while (!changed.wait_until(lock, now() + options.schedule_delay, is_due) && queue.empty()) continue;
    std::swap(taken, queue);
  }
  if (stopping && now() >= stop_by) {
    drop(Drop::stopping, taken.size() - next + queue.size());
    next = taken.size();
    queue.clear();
  }
  const std::size_t size = std::min(taken.size() - next, options.batch_max);
  const std::span<const Span> batch = std::span(taken).subspan(next, size);
  next += size;
  return batch;
}

void Exporter::State::send(std::span<const Span> batch) {
  const std::string body = encode(batch, options.resource, options.version, options.protocol);
  for (int attempt = 1;; ++attempt) {
    const Result<ExportAnswer> answer = transport->post(content_type_of(options.protocol), body);
    on_answer(answer);
    if (is_success(answer)) {
      exported.fetch_add(batch.size(), std::memory_order_relaxed);
      return;
    }
    const double jitter = static_cast<double>(random_bits() >> 11) / static_cast<double>(1ULL << 53);
    const auto delay = retry_delay(answer, attempt, jitter);
    if (!delay) return drop(reason_of(answer, attempt), batch.size());
    if (!wait_before_retry(*delay)) return drop(Drop::stopping, batch.size());
  }
}

// Returns false if the exporter stops: then a batch is not sent again.
bool Exporter::State::wait_before_retry(std::chrono::milliseconds delay) {
  std::unique_lock lock(mutex);
  return !changed.wait_for(lock, delay, [this] { return stopping; });
}

void Exporter::State::on_answer(const Result<ExportAnswer>& answer) {
  const std::lock_guard lock(log_mutex);
  if (is_success(answer)) {
    if (std::exchange(is_failing, false) && logger != nullptr)
      logger->info("spans are exported again", {{"failures_not_logged", std::to_string(failures.on_end())}});
    return;
  }
  is_failing = true;
  failed_requests.fetch_add(1, std::memory_order_relaxed);
  const auto times = failures.on_occurrence(std::chrono::steady_clock::now());
  if (!times || logger == nullptr) return;
  logger->warn("the trace receiver did not accept spans; requests are not affected",
               {{"reason", text_of(answer)}, {"times", std::to_string(*times)}});
}

Exporter::Exporter(ExporterOptions options, std::unique_ptr<Transport> transport, telemetry::Logger& logger)
    : state_(std::make_shared<State>(std::move(options), std::move(transport), logger)) {
  thread_ = std::thread([state = state_] { state->run(); });
}

Exporter::~Exporter() { stop(std::chrono::milliseconds{0}); }

void Exporter::add(Span span) {
  bool is_full_batch = false;
  {
    const std::lock_guard lock(state_->mutex);
    if (state_->stopping) return state_->drop(Drop::stopping, 1);
    if (state_->waiting() >= state_->options.queue_max) return state_->drop(Drop::queue_full, 1);
    state_->queue.push_back(std::move(span));
    is_full_batch = state_->queue.size() == state_->options.batch_max;
  }
  if (is_full_batch) state_->changed.notify_all();
}

void Exporter::stop(std::chrono::milliseconds timeout) {
  if (!thread_.joinable()) return;
  bool done = false;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->stop_by = std::chrono::steady_clock::now() + timeout;
    state_->changed.notify_all();
    done = state_->changed.wait_until(lock, state_->stop_by, [this] { return state_->done; });
  }
  {
    const std::lock_guard lock(state_->log_mutex);
    state_->logger = nullptr;
  }
  if (done)
    thread_.join();
  else
    thread_.detach();
}

void Exporter::collect(telemetry::Exposition& into) const {
  std::size_t waiting = 0;
  {
    const std::lock_guard lock(state_->mutex);
    waiting = state_->waiting();
  }
  into.gauge("weir_trace_queue_spans", "Spans that wait for their export.", static_cast<double>(waiting));
  into.gauge("weir_trace_queue_spans_max", "Spans that may wait; further ones are dropped.",
             static_cast<double>(state_->options.queue_max));
  into.counter("weir_trace_exported_spans_total", "Spans that the receiver has accepted.",
               number(state_->exported));
  for (std::size_t i = 0; i < drop_names.size(); ++i)
    into.counter("weir_trace_dropped_spans_total", "Spans that were not exported, by reason.",
                 number(state_->dropped[i]), {{"reason", drop_names[i]}});
  into.counter("weir_trace_failed_requests_total",
               "Export requests that the receiver did not answer, or answered with an error.",
               number(state_->failed_requests));
}

}  // namespace weir::tracing
