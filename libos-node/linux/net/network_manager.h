// NetworkManager: what lies beyond the VM, as an Ebb interface. In-guest traffic (127.0.0.0/8, ::1, the guest's own
// address) never comes here. Implementations: hosted (the tender holds the sockets, reached over ebb::ring()) and
// loopback (there is nothing beyond).
#pragma once

#include <cstdint>
#include <span>

#include "kernel/ref_counted.h"
#include "kernel/result.h"
#include "linux/net/channel.h"

namespace ebb {

// Host byte order.
struct Ipv4Endpoint {
  uint32_t address = 0;
  uint16_t port = 0;

  bool operator==(const Ipv4Endpoint&) const = default;
};

class IncomingObserver {
 public:
  virtual void OnIncoming(Ref<StreamChannel> channel, Ipv4Endpoint peer) = 0;

 protected:
  ~IncomingObserver() = default;
};

class DatagramObserver {
 public:
  virtual void OnDatagram(std::span<const std::byte> bytes, Ipv4Endpoint from) = 0;
  // An earlier Send failed.
  virtual void OnDatagramError(Errno error) = 0;
  // A Send that was refused with EAGAIN may succeed now.
  virtual void OnDatagramWritable() = 0;

 protected:
  ~DatagramObserver() = default;
};

class DatagramChannel : public RefCounted {
 public:
  void set_observer(DatagramObserver* observer) { observer_ = observer; }
  // One datagram; EAGAIN when there is no buffer now, EMSGSIZE when it is too long.
  virtual Result<size_t> Send(std::span<const linux_abi::IoVec> buffers, Ipv4Endpoint to) = 0;
  virtual bool Writable() const = 0;
  virtual void Close() = 0;

 protected:
  DatagramObserver* observer_ = nullptr;
};

class NetworkManager {
 public:
  virtual ~NetworkManager() = default;

  // There is something beyond the VM: it has an interface for it (eth0).
  virtual bool reaches_outside() const = 0;
  // The channel is connecting(); its observer hears EPOLLOUT when it is established, EPOLLERR when it failed.
  virtual Result<Ref<StreamChannel>> Connect(Ipv4Endpoint to) = 0;
  // Connections from outside to this port go to the observer until StopListening. EADDRINUSE when the port is taken
  // already.
  virtual Result<> Listen(uint16_t port, IncomingObserver& observer) = 0;
  virtual void StopListening(uint16_t port) = 0;
  virtual Result<Ref<DatagramChannel>> OpenDatagram() = 0;
  // In a clone, between RingQueue::BeginRestore and FinishRestore: what the host held for this VM is gone. Ports are
  // announced again, datagram sockets opened again, connections are reset.
  virtual void OnRestore() {}
};

NetworkManager* MakeHostedNetwork();
NetworkManager* MakeLoopbackNetwork();

// This VM's, as the manifest selected it.
NetworkManager& network();

}  // namespace ebb
