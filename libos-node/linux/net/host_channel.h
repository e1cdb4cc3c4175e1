// HostChannel: a TCP connection whose socket the tender holds. Received buffers are read in place, sent bytes are
// copied once into the data area. One RECV is always posted while little is unread, so that a small exchange costs one
// RECV completion and one SEND submission, and no exit of its own.
#pragma once

#include <array>

#include "kernel/ring.h"
#include "linux/net/hosted_network.h"

namespace ebb {

class HostChannel final : public StreamChannel, private DataWaiter, private HostObject {
 public:
  // Established (accepted).
  HostChannel(HostedNetwork& network, uint32_t handle) : network_(network), handle_(handle) { network.Add(*this); }
  // Starts to connect.
  HostChannel(HostedNetwork& network, Ipv4Endpoint to);
  ~HostChannel() override;

  void StartReceiving() { PostReceive(); }

  bool connecting() const override { return connecting_; }
  std::span<const std::byte> Front() const override { return PeekAt(0); }
  void Consume(size_t size) override;
  size_t Available() const override { return available_; }
  std::span<const std::byte> PeekAt(size_t skip) const override;
  Result<size_t> Write(std::span<const linux_abi::IoVec> buffers) override;
  bool Writable() const override { return in_flight_ <= kSendWindow / 2 && !send_waits_; }
  void ShutdownWrite() override;
  void Close(bool reset) override;

 private:
  static constexpr size_t kSendWindow = 256 * 1024;
  static constexpr size_t kSendChunk = 64 * 1024;
  static constexpr size_t kReceiveSmall = 16 * 1024;
  static constexpr size_t kReceiveLarge = 64 * 1024;
  // Unread buffers; with all of them full no RECV is posted, and the host's window closes.
  static constexpr size_t kMaxUnread = 4;

  struct Unread {
    std::span<std::byte> data;
    size_t start = 0;
    size_t end = 0;
  };

  // The completions of this channel. While one is in flight it holds a reference to the channel.
  class Receive final : public Completion {
   public:
    explicit Receive(HostChannel& channel) : channel_(channel) {}
    void OnComplete(const ebb_cqe& cqe) override;

   private:
    HostChannel& channel_;
  };
  class Connect final : public Completion {
   public:
    explicit Connect(HostChannel& channel) : channel_(channel) {}
    void OnComplete(const ebb_cqe& cqe) override;

   private:
    HostChannel& channel_;
  };
  class Send;

  void OnDataAvailable() override;
  void OnRestore() override;
  void PostReceive();
  void OnReceived(int32_t result);
  void OnConnected(int32_t result);
  void OnSent(size_t size, int32_t result);
  void SubmitClose(bool reset);

  HostedNetwork& network_;
  uint32_t handle_ = 0;
  bool connecting_ = false;
  bool closed_ = false;
  bool receiving_ = false;
  bool last_receive_full_ = false;
  bool send_waits_ = false;  // for a buffer
  size_t in_flight_ = 0;
  size_t available_ = 0;
  size_t unread_count_ = 0;
  std::array<Unread, kMaxUnread> unread_;
  std::span<std::byte> posted_;
  Receive receive_{*this};
  Connect connect_{*this};
};

}  // namespace ebb
