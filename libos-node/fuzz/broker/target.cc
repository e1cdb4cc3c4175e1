// The broker against a hostile guest, and hosts that come and go: a real broker on real sockets of loopback. Input: the
// configuration, then steps: entries (plausible ones and any 64 bytes), changes of entries that were already handed
// over, of indices and of the data area, turns of the broker, completions taken, connections from outside that send,
// close and reset. network.cc holds every destination to the egress rules.
#include <netinet/in.h>
#include <sanitizer/asan_interface.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "fuzz/broker/network.h"
#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "tender/broker/broker.h"
#include "tender/broker/host_network.h"

namespace {

using namespace ebb::tender;
using ebb::fuzz::allowed_network;
using ebb::fuzz::Input;

constexpr uint32_t kCores = 2;
constexpr uint16_t kExposedPort = 200;

class TouchingReport final : public Report {
 public:
  void Log(uint32_t stream, uint64_t, std::span<const std::byte> bytes) override {
    FUZZ_CHECK(stream <= EBB_LOG_TRACE);
    if (bytes.empty()) return;
    const volatile std::byte* at = bytes.data();
    (void)at[0];
    (void)at[bytes.size() - 1];
  }
  void Ready() override {}
};

// What all cases share: memory, and hosts to talk to.
struct Shared {
  Shared() {
    auto made = ListenOn({INADDR_LOOPBACK, 0});
    FUZZ_CHECK(made.ok());
    listener = std::move(made->fd);
    allowed_network.gateway = {INADDR_LOOPBACK, made->port};
    auto closed = ListenOn({INADDR_LOOPBACK, 0});
    FUZZ_CHECK(closed.ok());
    allowed_network.refused_port = closed->port;
    resolver = UniqueFd(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in address = ToSockaddr({INADDR_LOOPBACK, 0});
    FUZZ_CHECK(bind(resolver.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    getsockname(resolver.get(), reinterpret_cast<sockaddr*>(&address), &size);
    allowed_network.resolver = FromSockaddr(address);
    char name[] = "/tmp/ebb-fuzz-XXXXXX";
    FUZZ_CHECK(mkdtemp(name) != nullptr);
    folder = name;
    unix_path = folder + "/s";
    // Beyond the structs nothing belongs to the broker.
    for (uint32_t core = 0; core < kCores; ++core)
      ASAN_POISON_MEMORY_REGION(rings.get() + core * EBB_RING_STRIDE + sizeof(ebb_core_shared),
                                EBB_RING_STRIDE - sizeof(ebb_core_shared));
  }
  ~Shared() {
    ASAN_UNPOISON_MEMORY_REGION(rings.get(), kCores * EBB_RING_STRIDE);
    rmdir(folder.c_str());
  }
  ebb_core_shared& ring(size_t core) {
    return *reinterpret_cast<ebb_core_shared*>(rings.get() + core * EBB_RING_STRIDE);
  }

  struct Free {
    void operator()(std::byte* at) const { operator delete[](at, std::align_val_t{64}); }
  };
  std::unique_ptr<std::byte[], Free> rings{new (std::align_val_t{64}) std::byte[kCores * EBB_RING_STRIDE]};
  std::vector<std::byte> data = std::vector<std::byte>(EBB_DATA_SIZE);
  UniqueFd listener, resolver;
  std::string folder, unix_path;
  TouchingReport report;
};

class Case {
 public:
  Case(Shared& shared, Input& input) : shared_(shared), input_(input) {
    const uint8_t flags = input_.Byte();
    BrokerConfig config;
    // Listeners cost most of a case's time.
    if ((flags & 0x21) == 0x21) config.unix_path = shared_.unix_path;
    if ((flags & 0x22) == 0x22) config.tcp_port = 0;
    config.egress.allow_private = allowed_network.allow_private = (flags & 4) != 0;
    config.egress.gateway_ports = {allowed_network.gateway.port, allowed_network.refused_port};
    if ((flags & 0x30) == 0x30) config.exposed = {{kExposedPort, {INADDR_LOOPBACK, 0}}};
    if ((flags & 8) == 0) config.egress.resolvers = {allowed_network.resolver};
    constexpr uint32_t kHandles[] = {1, 3, 16, 64};
    max_handles_ = config.max_handles = kHandles[flags >> 6];
    for (uint32_t core = 0; core < kCores; ++core)
      std::memset(reinterpret_cast<void*>(&shared_.ring(core)), 0, sizeof(ebb_core_shared));
    allowed_network.own_calls = true;
    auto created = Broker::Create(config, &shared_.ring(0), kCores, shared_.data, shared_.report);
    allowed_network.own_calls = false;
    FUZZ_CHECK(created.ok());
    broker_ = std::move(*created);
    unix_ = !config.unix_path.empty();
  }

  void Run() {
    while (!input_.empty() && !broker_->broken()) {
      Step(input_.Byte());
      const BrokerStats& stats = broker_->stats();
      FUZZ_CHECK(stats.handles <= max_handles_);
    }
  }

  // Resets leave no connection in TIME_WAIT, of which there may be few.
  ~Case() {
    for (UniqueFd& host : hosts_) Reset(host);
    AcceptOutbound();
    for (UniqueFd& host : hosts_) Reset(host);
    broker_.reset();
    std::array<char, 64> ignored;
    while (recv(shared_.resolver.get(), ignored.data(), ignored.size(), MSG_DONTWAIT) >= 0) {
    }
  }

 private:
  static void Reset(UniqueFd& fd) {
    if (!fd) return;
    const linger abort{1, 0};
    setsockopt(fd.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    fd.Reset();
  }

  void Step(uint8_t step) {
    const size_t core = step >> 7;
    ebb_core_shared& ring = shared_.ring(core);
    switch (step % 24) {
      case 0 ... 7:
        return Push(core, Plausible());
      case 8: {
        ebb_sqe sqe{};
        const auto bytes = input_.Bytes(sizeof sqe);
        if (!bytes.empty()) std::memcpy(reinterpret_cast<void*>(&sqe), bytes.data(), bytes.size());
        return Push(core, sqe);
      }
      case 9: {  // an entry changes after it was handed over
        auto* words = reinterpret_cast<uint64_t*>(ring.sq);
        words[input_.Take<uint16_t>() % (sizeof ring.sq / 8)] = input_.Take<uint64_t>();
        return;
      }
      case 10: {  // indices
        uint32_t* const words[] = {&ring.sq_tail, &ring.cq_head, &ring.sq_head, &ring.cq_tail, &ring.waiting};
        const uint8_t choice = input_.Byte();
        uint32_t& word = *words[choice % std::size(words)];
        word = (choice & 0x80) != 0 ? input_.Take<uint32_t>() : word + input_.Byte();
        honest_ = false;
        return;
      }
      case 11 ... 13:
        broker_->Submit(core + (step % 24 == 13 && input_.Byte() == 0 ? kCores : 0));
        return;
      case 14:
        broker_->Poll(0);
        return;
      case 15:
      case 16:
        return Reap(core, input_.Byte());
      case 17: {  // the data area
        const uint64_t value = input_.Take<uint64_t>();
        std::memcpy(shared_.data.data() + input_.Take<uint32_t>() % (EBB_DATA_SIZE - 8), &value, sizeof value);
        return;
      }
      case 18:
        return ConnectFromOutside();
      case 19:
        return AcceptOutbound();
      case 20:
      case 21: {
        UniqueFd& host = hosts_[input_.Below(hosts_.size())];
        if (host)
          (void)!send(host.get(), shared_.data.data(), input_.Take<uint16_t>() % 8192, MSG_DONTWAIT | MSG_NOSIGNAL);
        return;
      }
      case 22: {
        UniqueFd& host = hosts_[input_.Below(hosts_.size())];
        std::array<char, 16384> buffer;
        const uint8_t how = input_.Byte();
        if (!host) return;
        if (how % 4 == 0) return Reset(host);
        if (how % 4 == 1 && unix_) return (void)shutdown(host.get(), how / 4 % 2 == 0 ? SHUT_WR : SHUT_RD);
        (void)!recv(host.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
        return;
      }
      default: {  // the resolver answers, a stranger talks
        sockaddr_in from{};
        socklen_t size = sizeof from;
        std::array<char, 64> buffer;
        if (recvfrom(shared_.resolver.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                     reinterpret_cast<sockaddr*>(&from), &size) < 0)
          return;
        from.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        allowed_network.own_calls = true;
        (void)!sendto(shared_.resolver.get(), buffer.data(), input_.Below(64), MSG_DONTWAIT,
                      reinterpret_cast<sockaddr*>(&from), sizeof from);
        allowed_network.own_calls = false;
      }
    }
  }

  ebb_sqe Plausible() {
    ebb_sqe sqe{};
    sqe.op = static_cast<uint16_t>(input_.Below(13));
    const uint8_t shape = input_.Byte();
    sqe.flags = shape % 4;
    if (sqe.op == EBB_OP_LOG && (shape & 64) != 0) sqe.flags |= EBB_LOG_LAZY;
    sqe.handle = known_handles_[shape / 4 % known_handles_.size()];
    sqe.user_data = ++next_user_data_;
    sqe.length = input_.Byte() * ((shape & 128) != 0 ? 64u : 1u);
    sqe.buffer = input_.Take<uint16_t>() * 64u;
    if (sqe.op == EBB_OP_LISTEN || sqe.op == EBB_OP_UNLISTEN) {
      sqe.arg0 = (shape & 32) != 0 ? input_.Byte() : (shape & 16) != 0 ? kExposedPort : kServicePort;
    } else if (sqe.op == EBB_OP_CONNECT || sqe.op == EBB_OP_UDP_SEND) {
      switch (shape / 32) {
        case 0:
          sqe.arg0 = EBB_NET_GATEWAY;
          sqe.arg1 = allowed_network.gateway.port;
          break;
        case 1:
          sqe.arg0 = EBB_NET_GATEWAY;
          sqe.arg1 = allowed_network.refused_port;
          break;
        case 2:
          sqe.arg0 = EBB_NET_RESOLVER;
          sqe.arg1 = 53;
          break;
        case 3:
          sqe.arg0 = INADDR_LOOPBACK;
          sqe.arg1 = allowed_network.gateway.port;
          break;
        default:
          sqe.arg0 = input_.Take<uint32_t>();
          sqe.arg1 = input_.Take<uint16_t>();
      }
    }
    return sqe;
  }

  void Push(size_t core, const ebb_sqe& sqe) {
    ebb_core_shared& ring = shared_.ring(core);
    if (honest_ && ring.sq_tail - ring.sq_head >= EBB_SQ_ENTRIES) return;
    ring.sq[ring.sq_tail % EBB_SQ_ENTRIES] = sqe;
    std::atomic_ref(ring.sq_tail).store(ring.sq_tail + 1, std::memory_order_release);
  }

  void Reap(size_t core, uint32_t most) {
    ebb_core_shared& ring = shared_.ring(core);
    if (honest_) FUZZ_CHECK(ring.cq_tail - ring.cq_head <= EBB_CQ_ENTRIES);
    for (; most > 0 && ring.cq_head != ring.cq_tail; --most) {
      const ebb_cqe cqe = ring.cq[ring.cq_head % EBB_CQ_ENTRIES];
      std::atomic_ref(ring.cq_head).store(ring.cq_head + 1, std::memory_order_release);
      if (!honest_) continue;
      FUZZ_CHECK(cqe.result >= -4095 && cqe.flags <= EBB_CQE_MORE && cqe.reserved == 0);
      if (cqe.result > 0) known_handles_[next_handle_++ % known_handles_.size()] = static_cast<uint32_t>(cqe.result);
    }
  }

  void Keep(int fd) {
    UniqueFd& place = hosts_[next_host_++ % hosts_.size()];
    Reset(place);
    place.Reset(fd);
  }

  void ConnectFromOutside() {
    uint16_t port = broker_->tcp_port();
    const uint8_t choice = input_.Byte();
    if (!broker_->exposed().empty() && (port == 0 || choice % 4 == 3)) port = broker_->exposed()[0].host.port;
    const bool over_unix = unix_ && (port == 0 || choice % 2 == 0);
    if (!over_unix && port == 0) return;
    UniqueFd fd(socket(over_unix ? AF_UNIX : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    allowed_network.own_calls = true;
    if (over_unix) {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::strcpy(address.sun_path, shared_.unix_path.c_str());
      (void)!connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    } else {
      const sockaddr_in address = ToSockaddr({INADDR_LOOPBACK, port});
      (void)!connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    allowed_network.own_calls = false;
    Keep(fd.Release());
  }

  // Takes the connections that the guest made to the gateway.
  void AcceptOutbound() {
    for (;;) {
      const int fd = accept4(shared_.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      Keep(fd);
    }
  }

  Shared& shared_;
  Input& input_;
  std::unique_ptr<Broker> broker_;
  bool unix_ = false;
  bool honest_ = true;  // the guest has kept its indices in order
  uint32_t max_handles_;
  uint64_t next_user_data_ = 0;
  size_t next_handle_ = 0, next_host_ = 0;
  std::array<uint32_t, 8> known_handles_{1, 2, 3, 0, 4, 5, 6, 0xffffffff};
  std::array<UniqueFd, 8> hosts_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Shared shared;
  Input input(data, size);
  Case(shared, input).Run();
  return 0;
}
