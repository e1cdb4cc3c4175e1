// The NetworkManager of a VM without a network: nothing lies beyond 127.0.0.1.
#include "linux/net/network_manager.h"

namespace ebb {
namespace {

class LoopbackNetwork final : public NetworkManager {
 public:
  bool reaches_outside() const override { return false; }
  Result<Ref<StreamChannel>> Connect(Ipv4Endpoint) override { return Errno::kNetUnreach; }
  // In-guest connections do not need it, and others cannot come.
  Result<> Listen(uint16_t, IncomingObserver&) override { return Ok{}; }
  void StopListening(uint16_t) override {}
  Result<Ref<DatagramChannel>> OpenDatagram() override { return Errno::kNetUnreach; }
};

}  // namespace

NetworkManager* MakeLoopbackNetwork() { return new LoopbackNetwork; }

}  // namespace ebb
