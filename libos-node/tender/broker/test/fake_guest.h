// FakeGuest: the guest's side of the rings in plain test code, with a real Broker on the other side.
#ifndef EBB_TENDER_BROKER_TEST_FAKE_GUEST_H_
#define EBB_TENDER_BROKER_TEST_FAKE_GUEST_H_

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tender/broker/broker.h"
#include "tender/broker/host_network.h"

namespace ebb::tender {

class RecordingReport : public Report {
 public:
  struct Record {
    uint32_t stream;
    uint64_t time;
    std::string text;
  };
  void Log(uint32_t stream, uint64_t time_ns, std::span<const std::byte> bytes) override {
    records.push_back({stream, time_ns, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size())});
  }
  void Ready() override { ++ready; }

  std::vector<Record> records;
  int ready = 0;
};

struct TemporaryFolder {
  TemporaryFolder() {
    char name[] = "/tmp/ebb-broker-XXXXXX";
    path = mkdtemp(name);
  }
  ~TemporaryFolder() { rmdir(path.c_str()); }
  std::string path;
};

class FakeGuest {
 public:
  // Everything free to change before Start.
  BrokerConfig config;

  FakeGuest() : memory_(EBB_RING_STRIDE / 8), data_(EBB_DATA_SIZE) {
    config.unix_path = folder_.path + "/s";
    config.tcp_port = 0;
  }

  void Start() {
    auto created = Broker::Create(config, &shared(), 1, data_, report);
    ASSERT_TRUE(created.ok()) << created.error().Text();
    broker = std::move(*created);
  }

  ebb_core_shared& shared() { return *reinterpret_cast<ebb_core_shared*>(memory_.data()); }
  std::span<std::byte> data() { return data_; }

  void Push(ebb_sqe sqe) {
    ebb_core_shared& ring = shared();
    ASSERT_LT(ring.sq_tail - std::atomic_ref(ring.sq_head).load(), EBB_SQ_ENTRIES);
    ring.sq[ring.sq_tail % EBB_SQ_ENTRIES] = sqe;
    std::atomic_ref(ring.sq_tail).store(ring.sq_tail + 1, std::memory_order_release);
  }
  uint64_t Submit(ebb_sqe sqe) {
    sqe.user_data = next_user_data_++;
    Push(sqe);
    broker->Submit(0);
    return sqe.user_data;
  }

  // Takes what has completed into `done`.
  void Reap() {
    ebb_core_shared& ring = shared();
    while (std::atomic_ref(ring.cq_tail).load(std::memory_order_acquire) != ring.cq_head) {
      done.push_back(ring.cq[ring.cq_head % EBB_CQ_ENTRIES]);
      std::atomic_ref(ring.cq_head).store(ring.cq_head + 1, std::memory_order_release);
    }
  }
  bool Until(const std::function<bool()>& condition, int milliseconds = 5000) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(milliseconds);
    for (;;) {
      Reap();
      if (condition()) return true;
      if (std::chrono::steady_clock::now() > deadline) return false;
      broker->Poll(20'000'000);
    }
  }
  // The completion of one operation, taken out of `done`.
  ebb_cqe Wait(uint64_t user_data) {
    ebb_cqe found{};
    const bool got = Until([&] {
      for (auto at = done.begin(); at != done.end(); ++at) {
        if (at->user_data != user_data) continue;
        found = *at;
        done.erase(at);
        return true;
      }
      return false;
    });
    EXPECT_TRUE(got) << "no completion for " << user_data;
    if (!got) found.result = -9999;
    return found;
  }
  ebb_cqe Do(ebb_sqe sqe) { return Wait(Submit(sqe)); }

  static ebb_sqe Sqe(uint16_t op, uint32_t handle = 0, uint32_t buffer = 0, uint32_t length = 0, uint64_t arg0 = 0,
                     uint64_t arg1 = 0, uint16_t flags = 0) {
    ebb_sqe sqe{};
    sqe.op = op;
    sqe.flags = flags;
    sqe.handle = handle;
    sqe.buffer = buffer;
    sqe.length = length;
    sqe.arg0 = arg0;
    sqe.arg1 = arg1;
    return sqe;
  }

  uint64_t Listen(uint16_t port = kServicePort) {
    const uint64_t id = Submit(Sqe(EBB_OP_LISTEN, 0, 0, 0, port));
    const ebb_cqe cqe = Wait(id);
    EXPECT_EQ(cqe.result, 0);
    EXPECT_EQ(cqe.flags, EBB_CQE_MORE);
    return id;
  }
  uint32_t Accept(uint64_t listen_id) {
    const ebb_cqe cqe = Wait(listen_id);
    EXPECT_GT(cqe.result, 0);
    EXPECT_EQ(cqe.flags, EBB_CQE_MORE);
    return static_cast<uint32_t>(cqe.result);
  }
  void Put(uint32_t offset, std::string_view text) { std::memcpy(data_.data() + offset, text.data(), text.size()); }
  std::string Get(uint32_t offset, size_t size) { return {reinterpret_cast<const char*>(data_.data()) + offset, size}; }
  std::string Receive(uint32_t handle, uint32_t offset = 0, uint32_t length = 4096) {
    const ebb_cqe cqe = Do(Sqe(EBB_OP_RECV, handle, offset, length));
    return cqe.result > 0 ? Get(offset, static_cast<size_t>(cqe.result)) : std::to_string(cqe.result);
  }

  UniqueFd ConnectUnix() {
    UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, config.unix_path.c_str());
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << strerror(errno);
    return fd;
  }
  static UniqueFd ConnectTcp(uint16_t port) {
    UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address = ToSockaddr({INADDR_LOOPBACK, port});
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0) << strerror(errno);
    return fd;
  }

 private:
  TemporaryFolder folder_;
  std::vector<uint64_t> memory_;
  std::vector<std::byte> data_;
  uint64_t next_user_data_ = 1;

 public:
  RecordingReport report;
  std::deque<ebb_cqe> done;
  // Last: destroyed before what it uses.
  std::unique_ptr<Broker> broker;
};

inline std::string ReadSome(int fd) {
  char buffer[65536];
  const ssize_t size = recv(fd, buffer, sizeof buffer, 0);
  return size < 0 ? "errno " + std::to_string(errno) : std::string(buffer, static_cast<size_t>(size));
}

}  // namespace ebb::tender

#endif  // EBB_TENDER_BROKER_TEST_FAKE_GUEST_H_
