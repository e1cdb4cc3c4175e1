// Stream: one TCP (or unix) connection of the guest. Sends go out in the order submitted; what does not fit in the
// host's buffer waits in a queue of (buffer, length) pairs, the bytes stay in the shared data area. At most one receive
// is pending, so the host's window is the back-pressure.
#ifndef EBB_TENDER_BROKER_STREAM_H_
#define EBB_TENDER_BROKER_STREAM_H_

#include <deque>
#include <optional>

#include "tender/broker/socket.h"

namespace ebb::tender {

class Stream : public Socket {
 public:
  // Established.
  Stream(uint32_t handle, UniqueFd fd, BrokerContext& context)
      : Socket(Kind::kStream, handle, std::move(fd), context), state_(State::kOpen) {}
  // connect() is under way; `operation` completes with the handle or an error.
  Stream(uint32_t handle, UniqueFd fd, BrokerContext& context, Operation operation)
      : Socket(Kind::kStream, handle, std::move(fd), context), state_(State::kConnecting), connect_(operation) {}

  // The guest may use the handle: it is established and not closed.
  bool usable() const { return state_ == State::kOpen; }

  void Send(Operation operation, std::span<const std::byte> bytes, bool lazy);
  void Receive(Operation operation, std::span<std::byte> buffer);
  void Shutdown(Operation operation);

  void OnEvents(uint32_t events) override;
  void Close(bool reset) override;
  bool finished() const override { return state_ == State::kFinished; }

  // Closed with bytes still to send: when it last made progress (steady clock, ns).
  bool lingering() const { return state_ == State::kLingering; }
  uint64_t last_progress() const { return last_progress_; }
  void set_last_progress(uint64_t now) { last_progress_ = now; }

 private:
  enum class State { kConnecting, kOpen, kLingering, kFinished };
  struct Queued {
    Operation operation;
    std::span<const std::byte> bytes;  // still to send
    uint32_t total = 0;
    bool shutdown = false;
  };

  void FinishConnect();
  void Flush();
  void FailQueue(int32_t error);
  void TryReceive();
  void Finish();

  State state_;
  Operation connect_;
  bool readable_ = true;  // a receive is worth trying
  bool ended_ = false;    // the peer closed or failed: stays readable for ever
  bool writable_ = true;
  int32_t send_error_ = 0;  // sticky
  std::deque<Queued> queue_;
  std::optional<Operation> receive_;
  std::span<std::byte> receive_buffer_;
  uint64_t last_progress_ = 0;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_BROKER_STREAM_H_
