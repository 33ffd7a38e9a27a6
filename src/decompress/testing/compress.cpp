#include "decompress/testing/compress.hpp"

#define ZLIB_CONST  // zlib reads its input and does not change it
#include <zlib.h>
#include <zstd.h>

#include "base/ensure.hpp"

namespace weir::decompress {

// One gzip member, as gzip(1) writes it.
std::string gzip_of(std::string_view bytes) {
  z_stream stream{};
  ensure(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib starts");
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  ensure(deflate(&stream, Z_FINISH) == Z_STREAM_END, "the bound holds");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// One zstd frame.
std::string zstd_of(std::string_view bytes, ZstdOptions options) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ensure(context != nullptr, "zstd starts");
  const auto set = [context](ZSTD_cParameter parameter, int value) {
    ensure(ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)) == 0,
           "libzstd accepts the parameter");
  };
  if (options.window_log != 0) set(ZSTD_c_windowLog, options.window_log);
  set(ZSTD_c_contentSizeFlag, options.declares_size ? 1 : 0);
  set(ZSTD_c_checksumFlag, options.check_summed ? 1 : 0);
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  const std::size_t size = ZSTD_compress2(context, out.data(), out.size(), bytes.data(), bytes.size());
  ensure(ZSTD_isError(size) == 0, "the bound holds");
  ZSTD_freeCCtx(context);
  out.resize(size);
  return out;
}

}  // namespace weir::decompress
