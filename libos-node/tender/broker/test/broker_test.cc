// A fake guest drives a real broker over real sockets on loopback.
#include "tender/broker/broker.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <cerrno>
#include <numeric>
#include <thread>

#include "tender/broker/test/fake_guest.h"

namespace ebb::tender {
namespace {

using Sq = FakeGuest;

struct BrokerTest : testing::Test {
  FakeGuest guest;
};

TEST_F(BrokerTest, AcceptsOverUnixSocketAndEchoes) {
  guest.Start();
  struct stat info{};
  ASSERT_EQ(stat(guest.config.unix_path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const uint64_t listen = guest.Listen();
  EXPECT_EQ(guest.report.ready, 1);
  const UniqueFd client = guest.ConnectUnix();
  const uint32_t handle = guest.Accept(listen);
  ASSERT_EQ(send(client.get(), "hello", 5, 0), 5);
  EXPECT_EQ(guest.Receive(handle), "hello");
  guest.Put(8192, "world");
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SEND, handle, 8192, 5)).result, 5);
  EXPECT_EQ(ReadSome(client.get()), "world");
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CLOSE, handle)).result, 0);
  EXPECT_EQ(ReadSome(client.get()), "");
  EXPECT_EQ(guest.broker->stats().handles, 0u);
}

TEST_F(BrokerTest, ConnectionsBeforeListenWaitInTheBacklog) {
  guest.Start();
  const UniqueFd client = guest.ConnectUnix();
  ASSERT_EQ(send(client.get(), "early", 5, 0), 5);
  guest.broker->Poll(1'000'000);
  EXPECT_EQ(guest.report.ready, 0);
  const uint32_t handle = guest.Accept(guest.Listen());
  EXPECT_EQ(guest.Receive(handle), "early");
}

TEST_F(BrokerTest, AcceptsOverTcpAndTellsThePeer) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  const UniqueFd client = Sq::ConnectTcp(guest.broker->tcp_port());
  sockaddr_in own{};
  socklen_t size = sizeof own;
  getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &size);
  const ebb_cqe cqe = guest.Wait(listen);
  EXPECT_EQ(cqe.arg0, uint64_t{EBB_NET_GATEWAY} << 16 | FromSockaddr(own).port);
}

TEST_F(BrokerTest, ExposedPortsReachTheListenerOfTheirGuestPort) {
  guest.config.exposed = {{9229, {INADDR_LOOPBACK, 0}}, {7000, {INADDR_LOOPBACK + 1, 0}}};
  guest.Start();
  const auto& exposed = guest.broker->exposed();
  ASSERT_EQ(exposed.size(), 2u);
  EXPECT_EQ(exposed[1].guest_port, 7000);
  EXPECT_EQ(exposed[1].host.address, INADDR_LOOPBACK + 1);
  ASSERT_NE(exposed[0].host.port, 0);
  ASSERT_NE(exposed[0].host.port, guest.broker->tcp_port());

  const uint64_t service = guest.Listen();
  const UniqueFd early = Sq::ConnectTcp(exposed[0].host.port);
  const UniqueFd other = Sq::ConnectTcp(guest.broker->tcp_port());
  const uint32_t service_handle = guest.Accept(service);
  ASSERT_EQ(send(early.get(), "debug", 5, 0), 5);
  ASSERT_EQ(send(other.get(), "serve", 5, 0), 5);
  EXPECT_EQ(guest.Receive(service_handle), "serve");

  // It waited for its listener, and listening there is not being ready.
  const uint64_t inspector = guest.Listen(9229);
  EXPECT_EQ(guest.report.ready, 1);
  EXPECT_EQ(guest.Receive(guest.Accept(inspector)), "debug");
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_UNLISTEN, 0, 0, 0, 9229)).result, 0);
  EXPECT_EQ(guest.Wait(inspector).result, -ECANCELED);
  const UniqueFd late = Sq::ConnectTcp(exposed[0].host.port);
  EXPECT_FALSE(guest.broker->Poll(5'000'000));
  EXPECT_GT(guest.Accept(guest.Listen(9229)), 0u);
}

TEST_F(BrokerTest, APortInUseIsToldWithItsAddress) {
  guest.Start();
  FakeGuest second;
  second.config.exposed = {{9229, {INADDR_LOOPBACK, guest.broker->tcp_port()}}};
  const auto refused = Broker::Create(second.config, &second.shared(), 1, second.data(), second.report);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kSocket);
  EXPECT_NE(refused.error().detail.find("127.0.0.1:" + std::to_string(guest.broker->tcp_port())), std::string::npos);
}

TEST_F(BrokerTest, SecondListenIsRefusedUnlistenEndsIt) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_LISTEN, 0, 0, 0, kServicePort)).result, -EADDRINUSE);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_LISTEN, 0, 0, 0, 70000)).result, -EINVAL);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_UNLISTEN, 0, 0, 0, 9)).result, -ENOENT);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_UNLISTEN, 0, 0, 0, kServicePort)).result, 0);
  const ebb_cqe last = guest.Wait(listen);
  EXPECT_EQ(last.result, -ECANCELED);
  EXPECT_EQ(last.flags, 0u);
  // What comes now waits until somebody listens again.
  const UniqueFd client = guest.ConnectUnix();
  EXPECT_FALSE(guest.broker->Poll(5'000'000));
  EXPECT_GT(guest.Accept(guest.Listen()), 0u);
  EXPECT_EQ(guest.report.ready, 2);  // the report itself ignores later calls
}

TEST_F(BrokerTest, EchoesMegabytesInOrderWithPartialSends) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  const UniqueFd client = Sq::ConnectTcp(guest.broker->tcp_port());
  const uint32_t handle = guest.Accept(listen);
  constexpr size_t kTotal = 8 << 20;
  std::string expected(kTotal, '\0');
  for (size_t i = 0; i < kTotal; ++i) expected[i] = static_cast<char>(i * 2654435761u >> 13);
  std::string echoed;
  std::thread peer([&] {
    std::thread writer([&] {
      for (size_t done = 0; done < kTotal;) {
        const ssize_t n = send(client.get(), expected.data() + done, std::min<size_t>(kTotal - done, 1 << 20), 0);
        if (n <= 0) return;
        done += static_cast<size_t>(n);
      }
      shutdown(client.get(), SHUT_WR);
    });
    for (std::string part; !(part = ReadSome(client.get())).empty();) {
      echoed += part;
      // A slow reader now and then, so that sends have to wait in the broker's queue.
      if (echoed.size() % 7 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    writer.join();
  });
  // 16 buffers of 64 KiB: received into in turn, and sent back without waiting for the sends before.
  constexpr uint32_t kBuffer = 65536, kBuffers = 16;
  std::vector<uint64_t> sends(kBuffers, 0);
  size_t total = 0;
  for (uint32_t slot = 0;; slot = (slot + 1) % kBuffers) {
    if (sends[slot] != 0) {
      EXPECT_GT(guest.Wait(sends[slot]).result, 0);
    }
    const ebb_cqe received = guest.Do(Sq::Sqe(EBB_OP_RECV, handle, slot * kBuffer, kBuffer));
    ASSERT_GE(received.result, 0);
    if (received.result == 0) break;
    total += static_cast<size_t>(received.result);
    sends[slot] = guest.Submit(Sq::Sqe(EBB_OP_SEND, handle, slot * kBuffer, static_cast<uint32_t>(received.result)));
  }
  EXPECT_EQ(total, kTotal);
  // FIN comes after everything.
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SHUTDOWN, handle, 0, 0, 0, 0, 1)).result, 0);
  peer.join();
  EXPECT_EQ(echoed.size(), kTotal);
  EXPECT_TRUE(echoed == expected);
}

TEST_F(BrokerTest, CloseSendsWhatWasSubmittedBefore) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  const UniqueFd client = guest.ConnectUnix();
  const uint32_t handle = guest.Accept(listen);
  // More than a socket buffer takes, and nobody reads yet.
  constexpr uint32_t kLength = 2 << 20;
  for (uint32_t i = 0; i < kLength; ++i) guest.data()[i] = static_cast<std::byte>(i * 7);
  const uint64_t send_id = guest.Submit(Sq::Sqe(EBB_OP_SEND, handle, 0, kLength));
  const uint64_t receive_id = guest.Submit(Sq::Sqe(EBB_OP_RECV, handle, kLength, 4096));
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CLOSE, handle)).result, 0);
  EXPECT_EQ(guest.Wait(receive_id).result, -ECANCELED);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SEND, handle, 0, 1)).result, -EBADF);
  size_t received = 0;
  bool right = true;
  std::thread reader([&] {
    for (std::string part; !(part = ReadSome(client.get())).empty(); received += part.size()) {
      for (size_t i = 0; i < part.size(); ++i) right = right && part[i] == static_cast<char>((received + i) * 7);
    }
  });
  EXPECT_EQ(guest.Wait(send_id).result, static_cast<int32_t>(kLength));
  reader.join();
  EXPECT_EQ(received, kLength);
  EXPECT_TRUE(right);
  EXPECT_EQ(guest.broker->stats().handles, 0u);
}

TEST_F(BrokerTest, ResetReachesBothSides) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  {
    const UniqueFd client = Sq::ConnectTcp(guest.broker->tcp_port());
    const uint32_t handle = guest.Accept(listen);
    EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CLOSE, handle, 0, 0, 0, 0, 1)).result, 0);
    EXPECT_EQ(ReadSome(client.get()), "errno " + std::to_string(ECONNRESET));
  }
  UniqueFd client = Sq::ConnectTcp(guest.broker->tcp_port());
  const uint32_t handle = guest.Accept(listen);
  const uint64_t receive_id = guest.Submit(Sq::Sqe(EBB_OP_RECV, handle, 0, 4096));
  const linger abort{1, 0};
  setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
  client.Reset();
  EXPECT_EQ(guest.Wait(receive_id).result, -ECONNRESET);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SEND, handle, 0, 10)).result, -EPIPE);
}

TEST_F(BrokerTest, ReceiveSeesEndOfStreamOnceAndAgain) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  const UniqueFd client = guest.ConnectUnix();
  const uint32_t handle = guest.Accept(listen);
  ASSERT_EQ(send(client.get(), "tail", 4, 0), 4);
  shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(guest.Receive(handle), "tail");
  EXPECT_EQ(guest.Receive(handle), "0");
  EXPECT_EQ(guest.Receive(handle), "0");
}

TEST_F(BrokerTest, OneReceiveAtATime) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  const UniqueFd client = guest.ConnectUnix();
  const uint32_t handle = guest.Accept(listen);
  const uint64_t first = guest.Submit(Sq::Sqe(EBB_OP_RECV, handle, 0, 64));
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_RECV, handle, 64, 64)).result, -EBUSY);
  ASSERT_EQ(send(client.get(), "x", 1, 0), 1);
  EXPECT_EQ(guest.Wait(first).result, 1);
}

TEST_F(BrokerTest, ConnectsThroughTheGatewayOnly) {
  auto server = ListenOn({INADDR_LOOPBACK, 0});
  ASSERT_TRUE(server.ok());
  auto closed = ListenOn({INADDR_LOOPBACK, 0});
  const uint16_t refused = closed->port;
  closed->fd.Reset();
  guest.config.egress.gateway_ports = {server->port, refused};
  guest.Start();
  const ebb_cqe connected = guest.Do(Sq::Sqe(EBB_OP_CONNECT, 0, 0, 0, EBB_NET_GATEWAY, server->port));
  ASSERT_GT(connected.result, 0);
  UniqueFd peer;
  for (int i = 0; i < 100 && !peer; ++i) {
    peer.Reset(accept(server->fd.get(), nullptr, nullptr));
    if (!peer) usleep(1000);
  }
  ASSERT_TRUE(peer);
  guest.Put(0, "ping");
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SEND, static_cast<uint32_t>(connected.result), 0, 4)).result, 4);
  EXPECT_EQ(ReadSome(peer.get()), "ping");

  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CONNECT, 0, 0, 0, EBB_NET_GATEWAY, refused)).result, -ECONNREFUSED);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CONNECT, 0, 0, 0, EBB_NET_GATEWAY, 1)).result, -EACCES);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CONNECT, 0, 0, 0, INADDR_LOOPBACK, server->port)).result, -EACCES);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CONNECT, 0, 0, 0, 0xa9fea9fe, 80)).result, -EACCES);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CONNECT, 0, 0, 0, uint64_t{1} << 32 | 0x08080808, 80)).result, -EINVAL);
  EXPECT_EQ(guest.broker->stats().denied, 3u);
}

TEST_F(BrokerTest, UdpReachesTheResolverAndComesBack) {
  UniqueFd server(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address = ToSockaddr({INADDR_LOOPBACK, 0});
  ASSERT_EQ(bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  getsockname(server.get(), reinterpret_cast<sockaddr*>(&address), &size);
  guest.config.egress.resolvers = {FromSockaddr(address)};
  guest.Start();
  const ebb_cqe opened = guest.Do(Sq::Sqe(EBB_OP_UDP_OPEN));
  ASSERT_GT(opened.result, 0);
  const auto handle = static_cast<uint32_t>(opened.result);
  const uint64_t receive_id = guest.Submit(Sq::Sqe(EBB_OP_UDP_RECV, handle, 4096, 16));
  guest.Put(0, "question");
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_UDP_SEND, handle, 0, 8, EBB_NET_RESOLVER, 53)).result, 8);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_UDP_SEND, handle, 0, 8, EBB_NET_RESOLVER, 54)).result, -EACCES);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_UDP_SEND, handle, 0, 8, INADDR_LOOPBACK, 53)).result, -EACCES);
  char buffer[64];
  sockaddr_in from{};
  size = sizeof from;
  ASSERT_EQ(recvfrom(server.get(), buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size), 8);
  // A stranger's datagram is not passed on; the resolver's is, cut to the buffer.
  const UniqueFd stranger(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  from.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(sendto(stranger.get(), "forged", 6, 0, reinterpret_cast<sockaddr*>(&from), size), 6);
  ASSERT_EQ(sendto(server.get(), "a rather long answer", 20, 0, reinterpret_cast<sockaddr*>(&from), size), 20);
  const ebb_cqe received = guest.Wait(receive_id);
  EXPECT_EQ(received.result, 16);
  EXPECT_EQ(guest.Get(4096, 16), "a rather long an");
  EXPECT_EQ(received.arg0, uint64_t{EBB_NET_RESOLVER} << 16 | 53);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CLOSE, handle)).result, 0);
}

TEST_F(BrokerTest, LogsInOrderWithStreamAndTime) {
  guest.Start();
  guest.Put(0, "outerr");
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_LOG, 0, 0, 3, 77, 0, EBB_LOG_STDOUT)).result, 3);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_LOG, 0, 3, 3, 78, 0, EBB_LOG_STDERR)).result, 3);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_LOG, 0, 0, 3, 0, 0, 4)).result, -EINVAL);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_LOG, 0, EBB_DATA_SIZE - 1, 2)).result, -EFAULT);
  ASSERT_EQ(guest.report.records.size(), 2u);
  EXPECT_EQ(guest.report.records[0].text, "out");
  EXPECT_EQ(guest.report.records[1].text, "err");
  EXPECT_EQ(guest.report.records[1].stream, EBB_LOG_STDERR);
  EXPECT_EQ(guest.report.records[1].time, 78u);
}

TEST_F(BrokerTest, ChecksBuffersAndHandles) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  const UniqueFd client = guest.ConnectUnix();
  const uint32_t handle = guest.Accept(listen);
  guest.Submit(Sq::Sqe(EBB_OP_SEND, handle, 0, EBB_DATA_SIZE));  // the whole area is fine
  EXPECT_EQ(guest.broker->stats().rejected, 0u);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SEND, handle, 1, EBB_DATA_SIZE)).result, -EFAULT);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SEND, handle, UINT32_MAX, 1)).result, -EFAULT);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SEND, handle, UINT32_MAX - 1, 3)).result, -EFAULT);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SEND, handle, 0, 1, 0, 0, 2)).result, -EINVAL);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_RECV, handle, 0, 0)).result, -EINVAL);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_RECV, handle + 1, 0, 1)).result, -EBADF);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_UDP_RECV, handle, 0, 1)).result, -EBADF);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_SHUTDOWN, handle)).result, -EINVAL);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CLOSE, 0)).result, -EBADF);
  EXPECT_EQ(guest.Do(Sq::Sqe(999)).result, -ENOSYS);
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_NOP)).result, 0);
}

TEST_F(BrokerTest, HandleLimitRefusesAndStopsAccepting) {
  guest.config.max_handles = 3;
  guest.Start();
  const uint64_t listen = guest.Listen();
  std::vector<uint32_t> handles;
  for (int i = 0; i < 3; ++i) handles.push_back(static_cast<uint32_t>(guest.Do(Sq::Sqe(EBB_OP_UDP_OPEN)).result));
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_UDP_OPEN)).result, -ENFILE);
  const UniqueFd client = guest.ConnectUnix();
  EXPECT_FALSE(guest.broker->Poll(5'000'000));
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_CLOSE, handles[1])).result, 0);
  // Handles are not used again.
  EXPECT_GT(guest.Accept(listen), handles[2]);
}

TEST_F(BrokerTest, FullCompletionRingHoldsBackAndResumes) {
  guest.Start();
  // The guest consumes nothing: 512 fit, the rest waits, and submissions stay in the ring.
  uint64_t pushed = 0;
  for (int round = 0; round < 4; ++round) {
    for (uint32_t i = 0; i < EBB_SQ_ENTRIES; ++i) {
      if (guest.shared().sq_tail - guest.shared().sq_head == EBB_SQ_ENTRIES) break;
      ebb_sqe sqe = Sq::Sqe(EBB_OP_NOP);
      sqe.user_data = 1'000'000 + pushed++;
      guest.Push(sqe);
    }
    guest.broker->Submit(0);
  }
  EXPECT_EQ(guest.shared().cq_tail - guest.shared().cq_head, EBB_CQ_ENTRIES);
  EXPECT_GT(guest.shared().sq_tail - guest.shared().sq_head, 0u);
  EXPECT_EQ(guest.broker->stats().held_back, 1u);
  EXPECT_FALSE(guest.broker->Poll(2'000'000));
  // From here on only the guest's cq_head tells the broker.
  ASSERT_TRUE(guest.Until([&] { return guest.done.size() == pushed; }));
  for (uint64_t i = 0; i < pushed; ++i) EXPECT_EQ(guest.done[i].user_data, 1'000'000 + i);
  EXPECT_FALSE(guest.broker->broken());
}

TEST_F(BrokerTest, FullCompletionRingStopsAccepting) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  for (uint32_t i = 0; i < EBB_CQ_ENTRIES + 1; ++i) {
    guest.Push(Sq::Sqe(EBB_OP_NOP));
    guest.broker->Submit(0);
  }
  const UniqueFd client = guest.ConnectUnix();
  EXPECT_FALSE(guest.broker->Poll(2'000'000));
  EXPECT_EQ(guest.broker->stats().accepted, 0u);
  EXPECT_GT(guest.Accept(listen), 0u);
}

TEST_F(BrokerTest, LazySendCompletesWithTheNextCompletion) {
  guest.Start();
  const uint64_t listen = guest.Listen();
  const UniqueFd client = guest.ConnectUnix();
  const uint32_t handle = guest.Accept(listen);
  guest.Put(0, "lazy");
  ebb_sqe sqe = Sq::Sqe(EBB_OP_SEND, handle, 0, 4, 0, 0, EBB_SEND_LAZY);
  sqe.user_data = 5000;
  guest.Push(sqe);
  EXPECT_FALSE(guest.broker->Submit(0));
  EXPECT_EQ(ReadSome(client.get()), "lazy");
  EXPECT_FALSE(guest.broker->Poll(1'000'000));
  EXPECT_EQ(guest.Do(Sq::Sqe(EBB_OP_NOP)).result, 0);
  EXPECT_EQ(guest.Wait(5000).result, 4);
  // A failure is told at once.
  sqe.handle = handle + 1;
  guest.Push(sqe);
  EXPECT_TRUE(guest.broker->Submit(0));
  // And they do not pile up.
  sqe.handle = handle;
  bool published = false;
  for (int i = 0; i < 40; ++i) {
    guest.Push(sqe);
    published = guest.broker->Submit(0) || published;
  }
  EXPECT_TRUE(published);
}

TEST_F(BrokerTest, ImpossibleIndicesBreakTheCore) {
  guest.Start();
  guest.shared().sq_tail += EBB_SQ_ENTRIES + 1;
  guest.broker->Submit(0);
  EXPECT_TRUE(guest.broker->broken());
  EXPECT_EQ(guest.broker->stats().submissions, 0u);
}

TEST_F(BrokerTest, WatchRunsTheCallbackAndReturns) {
  guest.Start();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]), writer(ends[1]);
  int calls = 0;
  ASSERT_TRUE(guest.broker->Watch(reader.get(), [&] { ++calls; }).ok());
  ASSERT_EQ(write(writer.get(), "x", 1), 1);
  EXPECT_FALSE(guest.broker->Poll(-1));
  EXPECT_EQ(calls, 1);
  guest.broker->Unwatch(reader.get());
  EXPECT_FALSE(guest.broker->Poll(1'000'000));
  EXPECT_EQ(calls, 1);
}

TEST_F(BrokerTest, PollKeepsItsTimeout) {
  guest.Start();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(guest.broker->Poll(30'000'000));
  const auto took = std::chrono::steady_clock::now() - start;
  EXPECT_GE(took, std::chrono::milliseconds(29));
  EXPECT_LT(took, std::chrono::seconds(2));
}

}  // namespace
}  // namespace ebb::tender
