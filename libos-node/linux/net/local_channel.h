// LocalChannel: a byte stream between two sockets of this VM (in-guest TCP, unix stream sockets). Each end owns the
// bytes that wait for it.
#pragma once

#include <utility>

#include "linux/net/byte_queue.h"
#include "linux/net/channel.h"

namespace ebb {

class LocalChannel final : public StreamChannel {
 public:
  // What a write towards a closed end means differs: TCP takes it and learns of the reset afterwards, a unix socket
  // refuses at once.
  enum class Kind { kTcp, kUnix };
  static std::pair<ebb::Ref<LocalChannel>, ebb::Ref<LocalChannel>> MakePair(Kind kind);

  explicit LocalChannel(Kind kind) : kind_(kind) {}
  ~LocalChannel() override { Close(false); }

  std::span<const std::byte> Front() const override { return in_.At(0); }
  std::span<const std::byte> PeekAt(size_t skip) const override { return in_.At(skip); }
  void Consume(size_t size) override;
  size_t Available() const override { return in_.size(); }
  Result<size_t> Write(std::span<const linux_abi::IoVec> buffers) override;
  bool Writable() const override { return peer_ == nullptr || peer_->in_.size() <= kLimit / 3 * 2; }
  void ShutdownRead() override;
  void ShutdownWrite() override;
  void Close(bool reset) override;

 private:
  static constexpr size_t kLimit = 256 * 1024;

  Kind kind_;
  bool closed_ = false;
  bool read_shut_ = false;
  LocalChannel* peer_ = nullptr;
  ByteQueue in_;
};

}  // namespace ebb
