// Socket: a host-side object that the guest names by a handle, and what all of them need from their broker.
#ifndef EBB_TENDER_BROKER_SOCKET_H_
#define EBB_TENDER_BROKER_SOCKET_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "tender/broker/broker.h"
#include "tender/unique_fd.h"

namespace ebb::tender {

// A submission that has not completed: where its completion goes.
struct Operation {
  uint32_t core = 0;
  uint64_t user_data = 0;
};

class BrokerContext {
 public:
  virtual void Complete(Operation operation, int32_t result, uint64_t arg0 = 0) = 0;
  virtual void CompleteLazily(Operation operation, int32_t result) = 0;
  // Counted over all sockets; false when too many sends are queued.
  virtual bool ReserveQueuedSend() = 0;
  virtual void ReleaseQueuedSend() = 0;
  virtual const EgressPolicy& policy() const = 0;
  virtual BrokerStats& stats() = 0;

 protected:
  ~BrokerContext() = default;
};

class Socket {
 public:
  enum class Kind { kStream, kDatagram };

  Socket(Kind kind, uint32_t handle, UniqueFd fd, BrokerContext& context)
      : kind_(kind), handle_(handle), fd_(std::move(fd)), context_(context) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  virtual ~Socket() = default;

  Kind kind() const { return kind_; }
  uint32_t handle() const { return handle_; }
  int fd() const { return fd_.get(); }

  // epoll events (edge-triggered).
  virtual void OnEvents(uint32_t events) = 0;
  // The guest gave the handle up. Pending operations that cannot go on complete with -ECANCELED.
  virtual void Close(bool reset) = 0;
  // Closed, and nothing is left to do: may be destroyed.
  virtual bool finished() const = 0;

 protected:
  BrokerContext& context() { return context_; }
  void CloseFd() { fd_.Reset(); }

 private:
  Kind kind_;
  uint32_t handle_;
  UniqueFd fd_;
  BrokerContext& context_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_BROKER_SOCKET_H_
