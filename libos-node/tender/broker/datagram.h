// Datagram: one UDP socket of the guest. The policy is asked for every datagram, in both directions: the socket is not
// connected on the host, and a datagram from an address that the guest could not have sent to is dropped.
#ifndef EBB_TENDER_BROKER_DATAGRAM_H_
#define EBB_TENDER_BROKER_DATAGRAM_H_

#include <optional>

#include "tender/broker/socket.h"

namespace ebb::tender {

class Datagram : public Socket {
 public:
  Datagram(uint32_t handle, UniqueFd fd, BrokerContext& context)
      : Socket(Kind::kDatagram, handle, std::move(fd), context) {}

  void Send(Operation operation, std::span<const std::byte> bytes, Endpoint host);
  void Receive(Operation operation, std::span<std::byte> buffer);

  void OnEvents(uint32_t events) override;
  void Close(bool reset) override;
  bool finished() const override { return finished_; }
  // The receive queue was left non-empty to let others run: the owner has to arm the edge again.
  bool TakeRearm() { return std::exchange(rearm_, false); }

 private:
  void TryReceive();

  bool readable_ = true;
  bool finished_ = false;
  bool rearm_ = false;
  std::optional<Operation> receive_;
  std::span<std::byte> receive_buffer_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_BROKER_DATAGRAM_H_
