// TcpSocket: AF_INET and AF_INET6 stream sockets. Connections to local addresses are LocalChannels between two of them
// and never leave the VM; others go through NetworkManager. A listener on a wildcard (or the guest's own) address takes
// both kinds.
#pragma once

#include "linux/net/local_channel.h"
#include "linux/net/network_manager.h"
#include "linux/net/port_table.h"
#include "linux/net/socket.h"

namespace ebb::linux_abi {

class TcpSocket final : public Socket, private ChannelObserver, private IncomingObserver {
 public:
  TcpSocket(int domain, uint32_t file_flags) : Socket(domain, kSockStream, kIpProtoTcp, file_flags) {}
  ~TcpSocket() override;

  Result<> Bind(std::span<const std::byte> address) override;
  Result<> Listen(int backlog) override;
  Result<ebb::Ref<Socket>> Accept(uint32_t file_flags) override;
  Result<> Connect(std::span<const std::byte> address) override;
  Result<AddressBytes> Name() override;
  Result<AddressBytes> PeerName() override;
  Result<size_t> Send(const SendMessage& message) override;
  Result<size_t> Receive(ReceiveMessage& message) override;
  Result<> Shutdown(int how) override;
  size_t PendingBytes() override { return channel_ ? channel_->Available() : 0; }
  uint32_t PollEvents() override;

 private:
  enum class State : uint8_t { kClosed, kListening, kConnecting, kConnected };
  struct Pending {
    ebb::Ref<StreamChannel> channel;
    IpName local;
    IpName remote;
  };

  Errno TakeError() override;
  bool listening() const override { return state_ == State::kListening; }
  void OnOption(int level, int name, int value) override;
  void OnChannel(uint32_t events) override;
  void OnIncoming(ebb::Ref<StreamChannel> channel, Ipv4Endpoint peer) override;

  Result<> StartConnect(IpName target);
  Result<> AwaitConnection(Blocking& blocking);
  void Adopt(ebb::Ref<StreamChannel> channel, IpName local, IpName remote);
  bool BacklogFull() const { return backlog_.size() > backlog_limit_; }
  void EnterBacklog(TcpSocket& client);
  void AdmitWaiting();
  void FailConnect(Errno error);
  void StopListening();
  bool ReachableFromOutside() const;

  State state_ = State::kClosed;
  // A connection attempt failed; polls as a closed connection until the next attempt.
  bool attempt_failed_ = false;
  bool announced_ = false;
  Errno error_{};
  IpName local_;
  IpName remote_;
  PortBinding binding_{*this};
  ebb::Ref<StreamChannel> channel_;

  // Of a listener.
  size_t backlog_limit_ = 0;
  std::vector<Pending> backlog_;
  // Of a client that waits for room in the backlog of a listener.
  ListNode waiting_node_;
  IntrusiveList<TcpSocket, &TcpSocket::waiting_node_> waiting_;
};

}  // namespace ebb::linux_abi
