// struct msghdr and mmsghdr of the program, loaded into kernel copies. Ancillary data is not supported: control buffers
// come back empty.
#pragma once

#include <array>
#include <vector>

#include "linux/net/socket.h"

namespace ebb::linux_abi {

struct UserMessageHeader {
  uint64_t name;
  uint32_t name_size;
  uint32_t pad0;
  uint64_t buffers;
  uint64_t buffer_count;
  uint64_t control;
  uint64_t control_size;
  uint32_t flags;
  uint32_t pad1;
};
static_assert(sizeof(UserMessageHeader) == 56);

struct UserMultiMessage {
  UserMessageHeader header;
  uint32_t size;
  uint32_t pad;
};
static_assert(sizeof(UserMultiMessage) == 64);

constexpr uint32_t kMaxMessages = 1024;

class UserMessage {
 public:
  // Checks every buffer for reading, or for writing.
  Result<> Load(uint64_t header_address, bool writable);
  const UserMessageHeader& header() const { return header_; }
  std::span<const IoVec> buffers() const { return buffers_; }
  // Name and flags of what was received.
  Result<> StoreReceived(uint64_t header_address, const ReceiveMessage& message);

 private:
  UserMessageHeader header_{};
  std::array<IoVec, 8> few_;
  std::vector<IoVec> many_;
  std::span<const IoVec> buffers_;
};

Result<> StoreMessageSize(uint64_t multi_message, uint32_t size);
// To (address, value-result size) of the program: cut to its room, the true size told.
Result<> WriteUserAddress(const AddressBytes& name, uint64_t address, uint64_t size);

}  // namespace ebb::linux_abi
