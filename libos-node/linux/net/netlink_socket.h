// NetlinkSocket: as much of NETLINK_ROUTE as getifaddrs and getaddrinfo ask for: dumps of links (RTM_GETLINK) and
// addresses (RTM_GETADDR). Everything else is answered EOPNOTSUPP.
#pragma once

#include "linux/net/datagram_queue.h"
#include "linux/net/socket.h"

namespace ebb::linux_abi {

class NetlinkSocket final : public Socket {
 public:
  NetlinkSocket(int type, uint32_t file_flags) : Socket(kAfNetlink, type, 0, file_flags) {}

  Result<> Bind(std::span<const std::byte> address) override;
  Result<> Connect(std::span<const std::byte> address) override;
  Result<AddressBytes> Name() override;
  Result<size_t> Send(const SendMessage& message) override;
  Result<size_t> Receive(ReceiveMessage& message) override;
  size_t PendingBytes() override { return queue_.front_size(); }
  uint32_t PollEvents() override { return kEpollOut | (queue_.empty() ? 0 : kEpollIn); }

 private:
  Result<> Answer(std::span<const std::byte> request);
  Result<> Enqueue(std::span<const std::byte> bytes);

  uint32_t port_id_ = 0;
  DatagramQueue queue_;
};

}  // namespace ebb::linux_abi
