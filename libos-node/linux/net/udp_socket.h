// UdpSocket: AF_INET and AF_INET6 datagram sockets. Datagrams to local addresses are handed over inside the VM; others
// go through NetworkManager, over a channel that is opened with the first of them.
#pragma once

#include "linux/net/datagram_queue.h"
#include "linux/net/network_manager.h"
#include "linux/net/port_table.h"
#include "linux/net/socket.h"

namespace ebb::linux_abi {

class UdpSocket final : public Socket, private DatagramObserver {
 public:
  UdpSocket(int domain, uint32_t file_flags) : Socket(domain, kSockDgram, kIpProtoUdp, file_flags) {}
  ~UdpSocket() override;

  Result<> Bind(std::span<const std::byte> address) override;
  Result<> Connect(std::span<const std::byte> address) override;
  Result<AddressBytes> Name() override;
  Result<AddressBytes> PeerName() override;
  Result<size_t> Send(const SendMessage& message) override;
  Result<size_t> Receive(ReceiveMessage& message) override;
  Result<> Shutdown(int how) override;
  size_t PendingBytes() override { return queue_.front_size(); }
  uint32_t PollEvents() override;

 private:
  static constexpr size_t kMaxDatagram = 65507;

  Errno TakeError() override { return std::exchange(error_, Errno{}); }
  void OnOption(int level, int name, int value) override;
  void OnDatagram(std::span<const std::byte> bytes, Ipv4Endpoint from) override;
  void OnDatagramError(Errno error) override;
  void OnDatagramWritable() override;

  Result<> BindAny();
  Result<size_t> SendLocal(const SendMessage& message, IpName to);
  // From a socket of this VM, or from outside.
  bool Accepts(IpName from) const { return !connected_ || from == remote_; }
  void Deliver(ebb::Ref<Datagram> datagram);

  IpName local_;
  IpName remote_;
  bool connected_ = false;
  bool read_shut_ = false;
  bool write_shut_ = false;
  Errno error_{};
  PortBinding binding_{*this};
  DatagramQueue queue_;
  ebb::Ref<DatagramChannel> channel_;
};

}  // namespace ebb::linux_abi
