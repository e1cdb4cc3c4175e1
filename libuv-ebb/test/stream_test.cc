// Streams: what Node relies on of tcp and pipes.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop_fixture.h"

namespace ebb::uv::test {
namespace {

struct Reader {
  std::string text;
  int end = 1;  // the status that ended it
};

void Allocate(uv_handle_t*, size_t, uv_buf_t* buffer) {
  static char memory[4096];
  *buffer = uv_buf_init(memory, sizeof(memory));
}

void OnRead(uv_stream_t* stream, ssize_t count, const uv_buf_t* buffer) {
  Reader& reader = Data<Reader>(stream);
  if (count > 0) reader.text.append(buffer->base, static_cast<size_t>(count));
  if (count < 0) {
    reader.end = static_cast<int>(count);
    uv_close(Handle(stream), nullptr);
  }
}

class StreamTest : public LoopTest {
 protected:
  // Two pipe handles over a socket pair.
  void SetUp() override {
    LoopTest::SetUp();
    int fds[2];
    ASSERT_EQ(uv_socketpair(SOCK_STREAM, 0, fds, 0, 0), 0);
    uv_pipe_init(&loop_, &near_, 0);
    uv_pipe_init(&loop_, &far_, 0);
    ASSERT_EQ(uv_pipe_open(&near_, fds[0]), 0);
    ASSERT_EQ(uv_pipe_open(&far_, fds[1]), 0);
    far_.data = &reader_;
  }
  uv_pipe_t near_, far_;
  Reader reader_;
};

TEST_F(StreamTest, BytesThenEofAfterShutdown) {
  uv_read_start(Stream(&far_), Allocate, OnRead);
  EXPECT_EQ(uv_read_start(Stream(&far_), Allocate, OnRead), UV_EALREADY);
  uv_write_t write;
  uv_shutdown_t shutdown;
  std::string order;
  write.data = shutdown.data = &order;
  const uv_buf_t parts[] = {Buffer("one "), Buffer("two")};
  ASSERT_EQ(uv_write(&write, Stream(&near_), parts, 2,
                     [](uv_write_t* w, int status) {
                       EXPECT_EQ(status, 0);
                       Data<std::string>(w) += "w";
                     }),
            0);
  ASSERT_EQ(uv_shutdown(&shutdown, Stream(&near_),
                        [](uv_shutdown_t* s, int status) {
                          EXPECT_EQ(status, 0);
                          Data<std::string>(s) += "s";
                        }),
            0);
  // Callbacks never run inside the call.
  EXPECT_EQ(order, "");
  EXPECT_EQ(uv_shutdown(&shutdown, Stream(&near_), nullptr), UV_ENOTCONN);
  EXPECT_EQ(uv_write(&write, Stream(&near_), parts, 1, nullptr), UV_EPIPE);
  Run();
  EXPECT_EQ(order, "ws");
  EXPECT_EQ(reader_.text, "one two");
  EXPECT_EQ(reader_.end, UV_EOF);
  CloseAll();
}

TEST_F(StreamTest, TryWriteDoesNotOvertakeQueuedWrites) {
  const std::string much(8u << 20, 'x');
  uv_write_t write;
  const uv_buf_t buffer = uv_buf_init(const_cast<char*>(much.data()), static_cast<unsigned>(much.size()));
  int status = 1;
  write.data = &status;
  ASSERT_EQ(uv_write(&write, Stream(&near_), &buffer, 1,
                     [](uv_write_t* w, int s) {
                       Data<int>(w) = s;
                       uv_close(Handle(w->handle), nullptr);
                     }),
            0);
  EXPECT_GT(uv_stream_get_write_queue_size(Stream(&near_)), 0u);
  EXPECT_LT(uv_stream_get_write_queue_size(Stream(&near_)), much.size());
  const uv_buf_t small = Buffer("y");
  EXPECT_EQ(uv_try_write(Stream(&near_), &small, 1), UV_EAGAIN);
  uv_read_start(Stream(&far_), Allocate, OnRead);
  Run();
  EXPECT_EQ(status, 0);
  EXPECT_EQ(reader_.text, much);
  CloseAll();
}

TEST_F(StreamTest, CloseCancelsQueuedWrites) {
  const std::string much(8u << 20, 'x');
  const uv_buf_t buffer = uv_buf_init(const_cast<char*>(much.data()), static_cast<unsigned>(much.size()));
  uv_write_t writes[2];
  std::vector<int> statuses;
  for (uv_write_t& write : writes) {
    write.data = &statuses;
    uv_write(&write, Stream(&near_), &buffer, 1, [](uv_write_t* w, int s) { Data<std::vector<int>>(w).push_back(s); });
  }
  uv_close(Handle(&near_),
           [](uv_handle_t* h) { EXPECT_EQ(uv_stream_get_write_queue_size(reinterpret_cast<uv_stream_t*>(h)), 0u); });
  Run();
  EXPECT_EQ(statuses, (std::vector<int>{UV_ECANCELED, UV_ECANCELED}));
  CloseAll();
}

TEST_F(StreamTest, StopInTheReaderStopsAtOnceAndNothingIsLost) {
  const uv_buf_t buffer = Buffer("abc");
  uv_try_write(Stream(&near_), &buffer, 1);
  uv_read_start(
      Stream(&far_),
      [](uv_handle_t*, size_t, uv_buf_t* b) {
        static char one;
        *b = uv_buf_init(&one, 1);
      },
      [](uv_stream_t* stream, ssize_t count, const uv_buf_t* b) {
        ASSERT_EQ(count, 1);
        Data<Reader>(stream).text += *b->base;
        uv_read_stop(stream);
      });
  EXPECT_EQ(Run(), 0);
  EXPECT_EQ(reader_.text, "a");
  uv_close(Handle(&near_), nullptr);
  uv_read_start(Stream(&far_), Allocate, OnRead);
  Run();
  EXPECT_EQ(reader_.text, "abc");
  EXPECT_EQ(reader_.end, UV_EOF);
  CloseAll();
}

TEST_F(StreamTest, ABufferOfNoSizeIsReportedAsEnobufs) {
  const uv_buf_t buffer = Buffer("abc");
  uv_try_write(Stream(&near_), &buffer, 1);
  uv_read_start(Stream(&far_), [](uv_handle_t*, size_t, uv_buf_t* b) { *b = uv_buf_init(nullptr, 0); }, OnRead);
  Run();
  EXPECT_EQ(reader_.end, UV_ENOBUFS);
  CloseAll();
}

TEST_F(LoopTest, DescriptorsTravelOverIpcPipes) {
  int fds[2];
  ASSERT_EQ(uv_socketpair(SOCK_STREAM, 0, fds, 0, 0), 0);
  uv_pipe_t sender, receiver;
  uv_pipe_init(&loop_, &sender, 1);
  uv_pipe_init(&loop_, &receiver, 1);
  uv_pipe_open(&sender, fds[0]);
  uv_pipe_open(&receiver, fds[1]);
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_tcp_t server, received;
  uv_tcp_init(&loop_, &server);
  uv_tcp_init(&loop_, &received);
  ASSERT_EQ(uv_tcp_bind(&server, reinterpret_cast<sockaddr*>(&address), 0), 0);
  uv_write_t write;
  const uv_buf_t buffer = Buffer("!");
  ASSERT_EQ(uv_write2(&write, Stream(&sender), &buffer, 1, Stream(&server), nullptr), 0);
  receiver.data = &received;
  uv_read_start(Stream(&receiver), Allocate, [](uv_stream_t* stream, ssize_t count, const uv_buf_t*) {
    ASSERT_EQ(count, 1);
    auto* pipe = reinterpret_cast<uv_pipe_t*>(stream);
    ASSERT_EQ(uv_pipe_pending_count(pipe), 1);
    EXPECT_EQ(uv_pipe_pending_type(pipe), UV_TCP);
    EXPECT_EQ(uv_accept(stream, Stream(&Data<uv_tcp_t>(stream))), 0);
    EXPECT_EQ(uv_pipe_pending_count(pipe), 0);
    uv_read_stop(stream);
  });
  Run();
  sockaddr_in sent, got;
  int length = sizeof(sent);
  ASSERT_EQ(uv_tcp_getsockname(&server, reinterpret_cast<sockaddr*>(&sent), &length), 0);
  ASSERT_EQ(uv_tcp_getsockname(&received, reinterpret_cast<sockaddr*>(&got), &length), 0);
  EXPECT_EQ(sent.sin_port, got.sin_port);
  CloseAll();
}

// A server that keeps one connection.
class TcpTest : public LoopTest {
 protected:
  void SetUp() override {
    LoopTest::SetUp();
    uv_tcp_init(&loop_, &server_);
    uv_tcp_init(&loop_, &accepted_);
    uv_tcp_init(&loop_, &client_);
    uv_ip4_addr("127.0.0.1", 0, &address_);
    ASSERT_EQ(uv_tcp_bind(&server_, Address(), 0), 0);
    server_.data = this;
    ASSERT_EQ(uv_listen(Stream(&server_), 8,
                        [](uv_stream_t* server, int status) {
                          ASSERT_EQ(status, 0);
                          TcpTest& test = Data<TcpTest>(server);
                          ASSERT_EQ(uv_accept(server, Stream(&test.accepted_)), 0);
                          test.accepted_.data = &test.reader_;
                          uv_read_start(Stream(&test.accepted_), Allocate, OnRead);
                          uv_close(Handle(server), nullptr);
                        }),
              0);
    int length = sizeof(address_);
    ASSERT_EQ(uv_tcp_getsockname(&server_, Address(), &length), 0);
  }
  sockaddr* Address() { return reinterpret_cast<sockaddr*>(&address_); }

  uv_tcp_t server_, accepted_, client_;
  uv_connect_t connect_;
  sockaddr_in address_;
  Reader reader_;
};

TEST_F(TcpTest, WritesBeforeTheConnectionStandsAreSentWhenItDoes) {
  uv_write_t write;
  const uv_buf_t buffer = Buffer("early");
  client_.data = &write;
  ASSERT_EQ(uv_tcp_connect(&connect_, &client_, Address(), [](uv_connect_t*, int status) { EXPECT_EQ(status, 0); }), 0);
  EXPECT_EQ(uv_try_write(Stream(&client_), &buffer, 1), UV_EAGAIN);
  EXPECT_EQ(uv_tcp_connect(&connect_, &client_, Address(), nullptr), UV_EALREADY);
  ASSERT_EQ(uv_write(&write, Stream(&client_), &buffer, 1,
                     [](uv_write_t* w, int status) {
                       EXPECT_EQ(status, 0);
                       uv_close(Handle(w->handle), nullptr);
                     }),
            0);
  Run();
  EXPECT_EQ(reader_.text, "early");
  EXPECT_EQ(reader_.end, UV_EOF);
  CloseAll();
}

TEST_F(TcpTest, ClosingWhileConnectingCancelsConnectAndWrite) {
  uv_write_t write;
  const uv_buf_t buffer = Buffer("never");
  std::vector<int> statuses;
  connect_.data = write.data = &statuses;
  uv_tcp_connect(&connect_, &client_, Address(),
                 [](uv_connect_t* c, int s) { Data<std::vector<int>>(c).push_back(s); });
  uv_write(&write, Stream(&client_), &buffer, 1, [](uv_write_t* w, int s) { Data<std::vector<int>>(w).push_back(s); });
  uv_close(Handle(&client_), nullptr);
  uv_close(Handle(&server_), nullptr);
  Run();
  EXPECT_EQ(statuses, (std::vector<int>{UV_ECANCELED, UV_ECANCELED}));
  CloseAll();
}

TEST_F(TcpTest, CloseResetReachesThePeer) {
  uv_tcp_connect(&connect_, &client_, Address(), [](uv_connect_t* c, int status) {
    ASSERT_EQ(status, 0);
    EXPECT_EQ(uv_tcp_close_reset(reinterpret_cast<uv_tcp_t*>(c->handle), nullptr), 0);
  });
  Run();
  EXPECT_EQ(reader_.end, UV_ECONNRESET);
  CloseAll();
}

TEST_F(TcpTest, RefusalComesFromTheLoop) {
  uv_close(Handle(&server_), nullptr);
  Run();
  int status = 1;
  connect_.data = &status;
  ASSERT_EQ(uv_tcp_connect(&connect_, &client_, Address(), [](uv_connect_t* c, int s) { Data<int>(c) = s; }), 0);
  EXPECT_EQ(status, 1);
  Run();
  EXPECT_EQ(status, UV_ECONNREFUSED);
  CloseAll();
}

TEST_F(TcpTest, AnAddressInUseIsReportedByListen) {
  uv_tcp_t second;
  uv_tcp_init(&loop_, &second);
  EXPECT_EQ(uv_tcp_bind(&second, Address(), 0), 0);
  EXPECT_EQ(uv_listen(Stream(&second), 1, nullptr), UV_EADDRINUSE);
  CloseAll();
}

TEST_F(LoopTest, PollSeesReadabilityAndDisconnection) {
  int fds[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  uv_poll_t poll;
  uv_poll_t twin;
  int seen = 0;
  ASSERT_EQ(uv_poll_init(&loop_, &poll, fds[0]), 0);
  poll.data = &seen;
  uv_poll_start(&poll, UV_READABLE | UV_DISCONNECT, [](uv_poll_t* h, int status, int events) {
    ASSERT_EQ(status, 0);
    Data<int>(h) |= events;
    char byte;
    if (read(h->io_watcher.fd, &byte, 1) <= 0) uv_poll_stop(h);
  });
  EXPECT_EQ(uv_poll_init(&loop_, &twin, fds[0]), UV_EEXIST);
  EXPECT_EQ(write(fds[1], "x", 1), 1);
  Run(UV_RUN_ONCE);
  EXPECT_EQ(seen, UV_READABLE);
  close(fds[1]);
  Run();
  EXPECT_EQ(seen, UV_READABLE | UV_DISCONNECT);
  // Its number may be used again at once.
  close(fds[0]);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  ASSERT_EQ(uv_poll_init(&loop_, &twin, fds[0]), 0);
  twin.data = &seen;
  uv_poll_start(&twin, UV_WRITABLE, [](uv_poll_t* h, int, int events) {
    Data<int>(h) = events;
    uv_poll_stop(h);
  });
  Run();
  EXPECT_EQ(seen, UV_WRITABLE);
  close(fds[0]);
  close(fds[1]);
  EXPECT_EQ(uv_poll_init(&loop_, &poll, open("/proc/self/exe", O_RDONLY | O_CLOEXEC)), UV_EPERM);
  CloseAll();
}

TEST_F(LoopTest, DatagramsKeepTheirBordersAndOrder) {
  sockaddr_in address;
  uv_ip4_addr("127.0.0.1", 0, &address);
  uv_udp_t server, client;
  std::vector<std::string> got;
  uv_udp_init(&loop_, &server);
  uv_udp_init(&loop_, &client);
  server.data = &got;
  ASSERT_EQ(uv_udp_bind(&server, reinterpret_cast<sockaddr*>(&address), 0), 0);
  int length = sizeof(address);
  uv_udp_getsockname(&server, reinterpret_cast<sockaddr*>(&address), &length);
  uv_udp_recv_start(&server, Allocate,
                    [](uv_udp_t* h, ssize_t count, const uv_buf_t* b, const sockaddr* peer, unsigned) {
                      if (peer == nullptr) return;
                      auto& list = Data<std::vector<std::string>>(h);
                      list.emplace_back(b->base, static_cast<size_t>(count));
                      if (list.size() == 3) uv_close(Handle(h), nullptr);
                    });
  uv_udp_send_t sends[2];
  const uv_buf_t first = Buffer("first"), empty = Buffer(""), third = Buffer("third");
  EXPECT_EQ(uv_udp_send(&sends[0], &client, &first, 1, nullptr, nullptr), UV_EDESTADDRREQ);
  ASSERT_EQ(uv_udp_connect(&client, reinterpret_cast<sockaddr*>(&address)), 0);
  EXPECT_EQ(uv_udp_send(&sends[0], &client, &first, 1, reinterpret_cast<sockaddr*>(&address), nullptr), UV_EISCONN);
  ASSERT_EQ(uv_udp_send(&sends[0], &client, &first, 1, nullptr, nullptr), 0);
  ASSERT_EQ(uv_udp_send(&sends[1], &client, &empty, 1, nullptr, nullptr), 0);
  EXPECT_EQ(uv_udp_try_send(&client, &third, 1, nullptr), UV_EAGAIN);
  Run(UV_RUN_NOWAIT);
  EXPECT_EQ(uv_udp_try_send(&client, &third, 1, nullptr), 5);
  Run();
  EXPECT_EQ(got, (std::vector<std::string>{"first", "", "third"}));
  CloseAll();
}

}  // namespace
}  // namespace ebb::uv::test
