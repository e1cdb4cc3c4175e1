// HostDatagram: a UDP socket that the tender holds. One UDP_RECV is always posted.
#pragma once

#include "kernel/ring.h"
#include "linux/net/hosted_network.h"

namespace ebb {

class HostDatagram final : public DatagramChannel, private DataWaiter, private HostObject {
 public:
  explicit HostDatagram(HostedNetwork& network);

  Result<size_t> Send(std::span<const linux_abi::IoVec> buffers, Ipv4Endpoint to) override;
  bool Writable() const override { return !node.linked() && in_flight_ <= kWindow / 2; }
  void Close() override;

 private:
  static constexpr size_t kMaxDatagram = 65507;
  static constexpr size_t kWindow = 256 * 1024;

  class Open final : public Completion {
   public:
    explicit Open(HostDatagram& datagram) : datagram_(datagram) {}
    void OnComplete(const ebb_cqe& cqe) override;

   private:
    HostDatagram& datagram_;
  };
  class Receive final : public Completion {
   public:
    explicit Receive(HostDatagram& datagram) : datagram_(datagram) {}
    void OnComplete(const ebb_cqe& cqe) override;

   private:
    HostDatagram& datagram_;
  };
  class Outgoing;

  void OnDataAvailable() override;
  void OnRestore() override;
  void OpenOnHost();
  void OnOpened(int32_t result);
  void OnReceived(const ebb_cqe& cqe);
  void PostReceive();
  void Submit(Outgoing& outgoing);

  HostedNetwork& network_;
  uint32_t handle_ = 0;
  Errno open_error_{};
  bool closed_ = false;
  bool receiving_ = false;
  bool opening_ = false;
  size_t in_flight_ = 0;
  std::span<std::byte> posted_;
  // Sent before the handle was known.
  std::vector<Outgoing*> early_;
  Open open_{*this};
  Receive receive_{*this};
};

}  // namespace ebb
