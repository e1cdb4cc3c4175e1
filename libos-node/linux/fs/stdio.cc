// Standard input, output and error of the program.
#include <algorithm>

#include "kernel/console.h"
#include "kernel/panic.h"
#include "kernel/user_memory.h"
#include "linux/fd_table.h"
#include "linux/fs/anonymous_file.h"
#include "linux/fs/open.h"

namespace ebb::linux_abi {
namespace {

// Tells itself as a pipe, which Node writes to synchronously: what a program prints before it exits or crashes has left
// it.
class ConsoleFile final : public AnonymousFile {
 public:
  explicit ConsoleFile(uint32_t stream) : AnonymousFile(kOWrOnly, kSIfIfo | 0600), stream_(stream) {}

  Result<size_t> Write(std::span<const std::byte> bytes) override {
    std::byte chunk[kChunk];
    for (size_t done = 0; done < bytes.size();) {
      const size_t size = std::min(bytes.size() - done, kChunk);
      // The first chunk is copied before anything can block.
      if (done != 0 && !UserReadable(reinterpret_cast<uint64_t>(bytes.data()) + done, size)) return done;
      __builtin_memcpy(chunk, bytes.data() + done, size);
      if (const auto flushed = Flush(chunk, size); !flushed) return done != 0 ? Result<size_t>(done) : flushed.error();
      done += size;
    }
    return bytes.size();
  }

  // The bytes are copied before they are handed on: the console may block, and the program's memory may be gone by
  // then. One call is one write to the console as far as the buffer reaches, so that lines of several threads do not
  // mix.
  Result<size_t> WriteVector(std::span<const IoVec> buffers) override {
    size_t done = 0;
    std::byte chunk[kChunk];
    size_t filled = 0;
    for (const IoVec& buffer : buffers) {
      for (uint64_t at = 0; at < buffer.size;) {
        const size_t size = std::min<uint64_t>(buffer.size - at, kChunk - filled);
        const auto memory = UserReadable(buffer.base + at, size);
        if (!memory) {
          const auto flushed = Flush(chunk, filled);
          return flushed && done + filled != 0 ? Result<size_t>(done + filled) : memory.error();
        }
        __builtin_memcpy(chunk + filled, memory->data(), size);
        filled += size;
        at += size;
        if (filled < kChunk) continue;
        if (const auto flushed = Flush(chunk, filled); !flushed)
          return done != 0 ? Result<size_t>(done) : flushed.error();
        done += filled;
        filled = 0;
      }
    }
    if (const auto flushed = Flush(chunk, filled); !flushed) return done != 0 ? Result<size_t>(done) : flushed.error();
    return done + filled;
  }

  uint32_t PollEvents() override { return kEpollOut; }

 private:
  static constexpr size_t kChunk = 4096;

  Result<> Flush(const std::byte* bytes, size_t size) const {
    if (size == 0) return Ok{};
    const auto written = console().Write(stream_, {bytes, size});
    if (!written) return written.error();
    return Ok{};
  }

  uint32_t stream_;
};

}  // namespace

void InitializeStdio() {
  auto input = OpenPath("/dev/null", kORdOnly, 0);
  EBB_CHECK(input.ok());
  EBB_CHECK(fds().Replace(0, *input, false).ok());
  EBB_CHECK(fds().Replace(1, MakeRef<ConsoleFile>(EBB_LOG_STDOUT), false).ok());
  EBB_CHECK(fds().Replace(2, MakeRef<ConsoleFile>(EBB_LOG_STDERR), false).ok());
}

}  // namespace ebb::linux_abi
