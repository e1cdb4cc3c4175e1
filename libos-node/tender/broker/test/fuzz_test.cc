// Hostile entries by a seeded random loop: the broker must stay in its memory and its bounds, and answer everything it
// takes.
#include <random>

#include "tender/broker/test/fake_guest.h"

namespace ebb::tender {
namespace {

TEST(FuzzTest, RandomEntriesAreAnsweredAndBounded) {
  FakeGuest guest;
  guest.config.max_handles = 64;
  // Nothing real can be reached: every address is refused but the gateway, where nobody listens.
  auto closed = ListenOn({INADDR_LOOPBACK, 0});
  guest.config.egress.gateway_ports = {closed->port};
  const uint16_t gateway_port = closed->port;
  closed->fd.Reset();
  guest.Start();

  std::mt19937_64 random(20240607);
  std::vector<UniqueFd> clients;
  uint64_t pushed = 0;
  uint32_t latest_handle = 1;
  constexpr uint64_t kEntries = 200'000;
  while (pushed < kEntries) {
    const uint32_t burst = static_cast<uint32_t>(random() % EBB_SQ_ENTRIES);
    for (uint32_t i = 0; i < burst; ++i) {
      if (guest.shared().sq_tail - guest.shared().sq_head >= EBB_SQ_ENTRIES) break;
      ebb_sqe sqe{};
      auto* words = reinterpret_cast<uint64_t*>(&sqe);
      for (size_t w = 0; w < sizeof sqe / 8; ++w) words[w] = random();
      // Mostly plausible values, so that the deeper checks are reached as well.
      if (random() % 8 != 0) sqe.op = static_cast<uint16_t>(random() % 13);
      if (random() % 4 != 0) sqe.flags = static_cast<uint16_t>(random() % 3);
      if (random() % 8 != 0) sqe.handle = latest_handle - static_cast<uint32_t>(random() % 80);
      if (random() % 4 != 0) sqe.buffer = static_cast<uint32_t>(random() % EBB_DATA_SIZE);
      if (random() % 4 != 0) sqe.length = static_cast<uint32_t>(random() % 70000);
      if (random() % 4 == 0) sqe.length = static_cast<uint32_t>(random() % 16);
      if (random() % 2 != 0) sqe.arg1 = random() % 70000;
      switch (random() % 4) {
        case 0:
          sqe.arg0 = kServicePort;
          break;
        case 1:
          sqe.arg0 = EBB_NET_GATEWAY;
          sqe.arg1 = gateway_port;
          break;
        case 2:
          sqe.arg0 = 0x7f000000 | (random() & 0xffffff);
          break;
        default:
          break;
      }
      // Never a real address on the network.
      if (sqe.op == EBB_OP_CONNECT || sqe.op == EBB_OP_UDP_SEND) {
        if (sqe.arg0 <= UINT32_MAX && sqe.arg0 != EBB_NET_GATEWAY) sqe.arg0 = 0x7f000000 | (sqe.arg0 & 0xffffff);
      }
      guest.Push(sqe);
      ++pushed;
    }
    guest.broker->Submit(0);
    if (random() % 16 == 0) {
      if (clients.size() > 20) clients.erase(clients.begin(), clients.begin() + 10);
      UniqueFd client(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      std::strcpy(address.sun_path, guest.config.unix_path.c_str());
      if (connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
        char junk[4096] = {};
        send(client.get(), junk, random() % sizeof junk, MSG_NOSIGNAL);
        clients.push_back(std::move(client));
      }
    }
    guest.broker->Poll(0);
    // The guest reads its completions now and then only.
    if (random() % 3 == 0) guest.Reap();
    for (const ebb_cqe& cqe : guest.done) {
      // Follow the newest handles; a byte count taken for one does no harm.
      if (cqe.result > 0 && cqe.result < static_cast<int32_t>(latest_handle) + 64)
        latest_handle = std::max(latest_handle, static_cast<uint32_t>(cqe.result));
    }
    guest.done.clear();
    guest.report.records.clear();
    ASSERT_FALSE(guest.broker->broken());
    ASSERT_LE(guest.broker->stats().handles, 64u);
  }
  clients.clear();
  const BrokerStats& stats = guest.broker->stats();
  EXPECT_GT(stats.rejected, kEntries / 10);
  EXPECT_GT(stats.accepted, 0u);
  EXPECT_GT(stats.denied, 0u);
  // Still in order.
  guest.Until([&] { return guest.shared().sq_tail == guest.shared().sq_head; });
  EXPECT_EQ(guest.Do(FakeGuest::Sqe(EBB_OP_NOP)).result, 0);
}

TEST(FuzzTest, EntriesThatChangeWhileTheyAreReadAreHarmless) {
  FakeGuest guest;
  guest.Start();
  std::mt19937_64 random(7);
  // The guest rewrites everything it can, indices included, between and (as far as one thread can) during calls.
  for (int i = 0; i < 2000 && !guest.broker->broken(); ++i) {
    auto* words = reinterpret_cast<uint64_t*>(guest.shared().sq);
    for (size_t w = 0; w < EBB_SQ_ENTRIES * sizeof(ebb_sqe) / 8; w += 1 + random() % 5) words[w] = random();
    for (uint32_t e = 0; e < EBB_SQ_ENTRIES; ++e) {
      guest.shared().sq[e].op = static_cast<uint16_t>(random() % 2 != 0 ? EBB_OP_LOG : EBB_OP_UDP_OPEN);
      guest.shared().sq[e].length &= 0xff;
    }
    guest.shared().sq_head = static_cast<uint32_t>(random());
    guest.shared().sq_tail += static_cast<uint32_t>(random() % 100);
    guest.shared().cq_head = guest.shared().cq_tail;
    guest.broker->Submit(0);
    guest.report.records.clear();
  }
  EXPECT_LE(guest.broker->stats().handles, guest.config.max_handles);
  guest.shared().sq_tail += 10'000;
  guest.broker->Submit(0);
  EXPECT_TRUE(guest.broker->broken());
}

}  // namespace
}  // namespace ebb::tender
