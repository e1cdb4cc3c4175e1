// UnixSocket: AF_UNIX stream and datagram sockets between threads of this VM. Abstract names live in a table of their
// own and are free when the socket closes; paths are nodes of the file tree (unix_path.h). Leaves out: SOCK_SEQPACKET,
// descriptor passing.
#pragma once

#include "linux/net/datagram_queue.h"
#include "linux/net/local_channel.h"
#include "linux/net/socket.h"
#include "linux/net/unix_path.h"

namespace ebb::linux_abi {

class UnixSocket final : public Socket, private ChannelObserver {
 public:
  UnixSocket(int type, uint32_t file_flags) : Socket(kAfUnix, type, 0, file_flags) {}
  ~UnixSocket() override;
  // socketpair.
  static void Pair(UnixSocket& first, UnixSocket& second);

  Result<> Bind(std::span<const std::byte> address) override;
  Result<> Listen(int backlog) override;
  Result<ebb::Ref<Socket>> Accept(uint32_t file_flags) override;
  Result<> Connect(std::span<const std::byte> address) override;
  Result<AddressBytes> Name() override { return name_; }
  Result<AddressBytes> PeerName() override;
  Result<size_t> Send(const SendMessage& message) override;
  Result<size_t> Receive(ReceiveMessage& message) override;
  Result<> Shutdown(int how) override;
  size_t PendingBytes() override;
  uint32_t PollEvents() override;

 private:
  enum class State : uint8_t { kClosed, kListening, kConnected };
  struct Pending {
    ebb::Ref<LocalChannel> channel;
    AddressBytes peer_name;
  };

  bool bound() const { return name_node_.linked() || path_; }
  bool stream() const { return type() == kSockStream; }
  bool listening() const override { return state_ == State::kListening; }
  Errno TakeError() override;
  void OnChannel(uint32_t events) override { NotifyReady(events); }

  static Result<AddressBytes> Normalize(std::span<const std::byte> address);
  static UnixSocket* FindAbstract(const AddressBytes& name, int type);
  static Result<UnixSocket*> Resolve(std::span<const std::byte> address, int type);

  Result<size_t> SendStream(const SendMessage& message);
  Result<size_t> SendDatagram(const SendMessage& message);
  Result<size_t> ReceiveStream(ReceiveMessage& message);
  Result<size_t> ReceiveDatagram(ReceiveMessage& message);
  void SetPeer(UnixSocket* peer);
  void WakeBlocked();

  static AddressBytes Unnamed();

  State state_ = State::kClosed;
  AddressBytes name_ = Unnamed();
  AddressBytes peer_name_ = Unnamed();
  // Bound to an abstract name, or to a path.
  ListNode name_node_;
  ebb::Ref<UnixPath> path_;

  // Stream.
  ebb::Ref<StreamChannel> channel_;
  size_t backlog_limit_ = 0;
  std::vector<Pending> backlog_;

  // Datagram.
  DatagramQueue queue_;
  UnixSocket* peer_ = nullptr;
  bool read_shut_ = false;
  bool write_shut_ = false;
  // Sockets connected to this one, and senders (or connecting clients) that found it full.
  ListNode peer_node_;
  IntrusiveList<UnixSocket, &UnixSocket::peer_node_> followers_;
  ListNode blocked_node_;
  IntrusiveList<UnixSocket, &UnixSocket::blocked_node_> blocked_;

  friend struct UnixNames;
};

}  // namespace ebb::linux_abi
