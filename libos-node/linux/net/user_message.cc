// Loading and storing of message headers and addresses.
#include "linux/net/user_message.h"

#include <algorithm>
#include <cstddef>

#include "kernel/user_memory.h"

namespace ebb::linux_abi {
namespace {

constexpr size_t kMaxBuffers = 1024;
constexpr uint64_t kMaxTransfer = 0x7ffff000;

}  // namespace

Result<> UserMessage::Load(uint64_t header_address, bool writable) {
  const auto header = UserIn<UserMessageHeader>(header_address);
  if (!header) return header.error();
  header_ = **header;
  const size_t count = header_.buffer_count;
  if (count > kMaxBuffers) return Errno::kMsgSize;
  const auto vectors = UserReadable(header_.buffers, count * sizeof(IoVec));
  if (!vectors) return vectors.error();
  IoVec* to = few_.data();
  if (count > few_.size()) {
    many_.resize(count);
    to = many_.data();
  }
  if (count != 0) __builtin_memcpy(to, vectors->data(), count * sizeof(IoVec));
  uint64_t total = 0;
  for (size_t i = 0; i < count; ++i) {
    if (to[i].size > kMaxTransfer || (total += to[i].size) > kMaxTransfer) return Errno::kInval;
    const bool valid = writable ? UserWritable(to[i].base, to[i].size).ok() : UserReadable(to[i].base, to[i].size).ok();
    if (!valid) return Errno::kFault;
  }
  buffers_ = {to, count};
  return Ok{};
}

Result<> UserMessage::StoreReceived(uint64_t header_address, const ReceiveMessage& message) {
  if (header_.name != 0) {
    const auto written =
        WriteUserAddress(message.name, header_.name, header_address + offsetof(UserMessageHeader, name_size));
    if (!written) return written.error();
  }
  const auto header = UserOut<UserMessageHeader>(header_address);
  if (!header) return header.error();
  (*header)->control_size = 0;
  (*header)->flags = message.out_flags;
  return Ok{};
}

Result<> StoreMessageSize(uint64_t multi_message, uint32_t size) {
  const auto out = UserOut<uint32_t>(multi_message + offsetof(UserMultiMessage, size));
  if (!out) return out.error();
  **out = size;
  return Ok{};
}

Result<> WriteUserAddress(const AddressBytes& name, uint64_t address, uint64_t size) {
  const auto room = UserOut<int32_t>(size);
  if (!room) return room.error();
  if (**room < 0) return Errno::kInval;
  const size_t part = std::min(static_cast<size_t>(**room), name.size);
  const auto out = UserWritable(address, part);
  if (!out) return out.error();
  if (part != 0) __builtin_memcpy(out->data(), name.bytes.data(), part);
  **room = static_cast<int32_t>(name.size);
  return Ok{};
}

}  // namespace ebb::linux_abi
