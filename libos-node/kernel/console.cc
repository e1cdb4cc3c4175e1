#include "kernel/console.h"

#include "kernel/clock.h"
#include "kernel/console_ring.h"
#include "kernel/ring.h"
#include "kernel/wait_queue.h"

namespace ebb {
namespace {

// Wakes a writer that found no free buffer.
class BufferWaiter final : public Completion {
 public:
  void OnComplete(const ebb_cqe&) override { queue_.WakeAll(); }
  void Wait() {
    ring().OnDataAvailable(*this);
    queue_.Wait(kForever, false);
  }

 private:
  WaitQueue queue_;
};

}  // namespace

Result<size_t> RingConsole::Write(uint32_t stream, std::span<const std::byte> bytes) {
  constexpr size_t kLargest = 64 * 1024;
  constexpr size_t kLazyLimit = 4096;
  const uint64_t time = clock->Realtime();
  for (size_t done = 0; done < bytes.size();) {
    const size_t size = bytes.size() - done < kLargest ? bytes.size() - done : kLargest;
    auto data = ring().AllocateData(size);
    if (!data) {
      static BufferWaiter waiter;
      waiter.Wait();
      continue;
    }
    __builtin_memcpy(data->data(), bytes.data() + done, size);
    ebb_sqe sqe = {};
    sqe.op = EBB_OP_LOG;
    // A line of output must not end the wait that follows it; a large buffer is wanted back soon.
    sqe.flags = static_cast<uint16_t>(stream | (size <= kLazyLimit ? EBB_LOG_LAZY : 0));
    sqe.buffer = RingQueue::DataOffset(*data);
    sqe.length = static_cast<uint32_t>(size);
    sqe.arg0 = time;
    ring().SubmitDetached(sqe, *data);
    done += size;
  }
  return bytes.size();
}

}  // namespace ebb
