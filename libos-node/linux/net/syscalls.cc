// The socket system calls: descriptors and user memory in, Socket operations, results out.
#include "linux/net/syscalls.h"

#include "kernel/clock.h"
#include "kernel/user_memory.h"
#include "linux/fd_table.h"
#include "linux/net/socket_factory.h"
#include "linux/net/user_message.h"

namespace ebb::linux_abi {
namespace {

constexpr int kAcceptFlags = kSockNonblock | kSockCloexec;

Result<ebb::Ref<Socket>> GetSocket(int fd) {
  auto file = fds().Get(fd);
  if (!file) return file.error();
  Socket* socket = AsSocket(**file);
  if (socket == nullptr) return Errno::kNotSock;
  return ebb::Ref<Socket>(socket);
}

int64_t Finish(const Result<>& result) { return result ? 0 : result.Negative(); }
int64_t Finish(const Result<size_t>& result) { return result ? static_cast<int64_t>(*result) : result.Negative(); }

int64_t AddDescriptor(ebb::Ref<Socket> socket, bool close_on_exec) {
  const auto fd = fds().Add(std::move(socket), close_on_exec);
  return fd ? *fd : fd.Negative();
}

// A kernel copy, so that the program cannot change it between check and use.
Result<AddressBytes> ReadAddress(uint64_t address, uint32_t size) {
  AddressBytes out;
  if (size > out.bytes.size()) return Errno::kInval;
  const auto bytes = UserReadable(address, size);
  if (!bytes) return bytes.error();
  if (size != 0) __builtin_memcpy(out.bytes.data(), bytes->data(), size);
  out.size = size;
  return out;
}

int64_t Name(int fd, uint64_t address, uint64_t size, Result<AddressBytes> (Socket::*get)()) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  const auto name = ((**socket).*get)();
  if (!name) return name.Negative();
  return Finish(WriteUserAddress(*name, address, size));
}

int64_t SendOne(Socket& socket, uint64_t header_address, uint32_t flags) {
  UserMessage message;
  const auto loaded = message.Load(header_address, false);
  if (!loaded) return loaded.Negative();
  const auto name = ReadAddress(message.header().name, message.header().name != 0 ? message.header().name_size : 0);
  if (!name) return name.Negative();
  return Finish(socket.Send({message.buffers(), name->view(), flags}));
}

int64_t ReceiveOne(Socket& socket, uint64_t header_address, uint32_t flags) {
  UserMessage message;
  const auto loaded = message.Load(header_address, true);
  if (!loaded) return loaded.Negative();
  ReceiveMessage receive{message.buffers(), flags, {}, 0};
  const auto size = socket.Receive(receive);
  if (!size) return size.Negative();
  const auto stored = message.StoreReceived(header_address, receive);
  if (!stored) return stored.Negative();
  return static_cast<int64_t>(*size);
}

}  // namespace

int64_t SysSocket(int domain, int type, int protocol) {
  if ((type & ~(kSockTypeMask | kAcceptFlags)) != 0) return Negative(Errno::kInval);
  auto socket = MakeSocket(domain, type & kSockTypeMask, protocol, (type & kSockNonblock) != 0 ? kONonblock : 0);
  if (!socket) return socket.Negative();
  return AddDescriptor(std::move(*socket), (type & kSockCloexec) != 0);
}

int64_t SysSocketPair(int domain, int type, int protocol, uint64_t fds_out) {
  if ((type & ~(kSockTypeMask | kAcceptFlags)) != 0) return Negative(Errno::kInval);
  const auto out = UserOut<int32_t[2]>(fds_out);
  if (!out) return out.Negative();
  auto pair = MakeSocketPair(domain, type & kSockTypeMask, protocol, (type & kSockNonblock) != 0 ? kONonblock : 0);
  if (!pair) return pair.Negative();
  const bool close_on_exec = (type & kSockCloexec) != 0;
  const int64_t first = AddDescriptor(std::move(pair->first), close_on_exec);
  if (first < 0) return first;
  const int64_t second = AddDescriptor(std::move(pair->second), close_on_exec);
  if (second < 0) {
    (void)fds().Close(static_cast<int>(first));
    return second;
  }
  (**out)[0] = static_cast<int32_t>(first);
  (**out)[1] = static_cast<int32_t>(second);
  return 0;
}

int64_t SysBind(int fd, uint64_t address, uint32_t size) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  const auto name = ReadAddress(address, size);
  if (!name) return name.Negative();
  return Finish((*socket)->Bind(name->view()));
}

int64_t SysListen(int fd, int backlog) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  return Finish((*socket)->Listen(backlog));
}

int64_t SysAccept(int fd, uint64_t address, uint64_t size) { return SysAccept4(fd, address, size, 0); }

int64_t SysAccept4(int fd, uint64_t address, uint64_t size, int flags) {
  if ((flags & ~kAcceptFlags) != 0) return Negative(Errno::kInval);
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  auto accepted = (*socket)->Accept((flags & kSockNonblock) != 0 ? kONonblock : 0);
  if (!accepted) return accepted.Negative();
  if (address != 0) {
    const auto peer = (*accepted)->PeerName();
    // The peer may be gone already; then its address is unknown, and Linux gives none either.
    const auto written = WriteUserAddress(peer ? *peer : AddressBytes{}, address, size);
    if (!written) return written.Negative();
  }
  return AddDescriptor(std::move(*accepted), (flags & kSockCloexec) != 0);
}

int64_t SysConnect(int fd, uint64_t address, uint32_t size) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  const auto name = ReadAddress(address, size);
  if (!name) return name.Negative();
  return Finish((*socket)->Connect(name->view()));
}

int64_t SysGetSockName(int fd, uint64_t address, uint64_t size) { return Name(fd, address, size, &Socket::Name); }
int64_t SysGetPeerName(int fd, uint64_t address, uint64_t size) { return Name(fd, address, size, &Socket::PeerName); }

int64_t SysSendTo(int fd, uint64_t buffer, uint64_t size, uint32_t flags, uint64_t address, uint32_t address_size) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  const auto bytes = UserReadable(buffer, size);
  if (!bytes) return bytes.Negative();
  const auto name = ReadAddress(address, address != 0 ? address_size : 0);
  if (!name) return name.Negative();
  const IoVec vector{buffer, size};
  return Finish((*socket)->Send({{&vector, 1}, name->view(), flags}));
}

int64_t SysRecvFrom(int fd, uint64_t buffer, uint64_t size, uint32_t flags, uint64_t address, uint64_t address_size) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  const auto bytes = UserWritable(buffer, size);
  if (!bytes) return bytes.Negative();
  const IoVec vector{buffer, size};
  ReceiveMessage message{{&vector, 1}, flags, {}, 0};
  const auto received = (*socket)->Receive(message);
  if (!received) return received.Negative();
  if (address != 0) {
    const auto written = WriteUserAddress(message.name, address, address_size);
    if (!written) return written.Negative();
  }
  return static_cast<int64_t>(*received);
}

int64_t SysSendMsg(int fd, uint64_t message, uint32_t flags) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  return SendOne(**socket, message, flags);
}

int64_t SysRecvMsg(int fd, uint64_t message, uint32_t flags) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  return ReceiveOne(**socket, message, flags);
}

int64_t SysSendMMsg(int fd, uint64_t messages, uint32_t count, uint32_t flags) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  if (count > kMaxMessages) count = kMaxMessages;
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t at = messages + uint64_t{i} * sizeof(UserMultiMessage);
    int64_t sent = SendOne(**socket, at, flags);
    if (sent >= 0) sent = Finish(StoreMessageSize(at, static_cast<uint32_t>(sent)));
    if (sent < 0) return i != 0 ? i : sent;
  }
  return count;
}

int64_t SysRecvMMsg(int fd, uint64_t messages, uint32_t count, uint32_t flags, uint64_t timeout) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  if (count > kMaxMessages) count = kMaxMessages;
  uint64_t deadline = kForever;
  if (timeout != 0) {
    const auto time = UserIn<TimeSpec>(timeout);
    if (!time) return time.Negative();
    if ((*time)->seconds < 0 || (*time)->nanoseconds < 0 || (*time)->nanoseconds >= 1'000'000'000)
      return Negative(Errno::kInval);
    deadline = clock->Now() + static_cast<uint64_t>((*time)->seconds) * 1'000'000'000 +
               static_cast<uint64_t>((*time)->nanoseconds);
  }
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t at = messages + uint64_t{i} * sizeof(UserMultiMessage);
    int64_t received = ReceiveOne(**socket, at, flags & ~kMsgWaitForOne);
    if (received >= 0) received = Finish(StoreMessageSize(at, static_cast<uint32_t>(received)));
    if (received < 0) return i != 0 ? i : received;
    if ((flags & kMsgWaitForOne) != 0) flags |= kMsgDontWait;
    // As Linux: the timeout is looked at after each datagram only.
    if (deadline != kForever && clock->Now() >= deadline) return i + 1;
  }
  return count;
}

int64_t SysShutdown(int fd, int how) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  return Finish((*socket)->Shutdown(how));
}

int64_t SysSetSockOpt(int fd, int level, int name, uint64_t value, uint32_t size) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  if (static_cast<int32_t>(size) < 0) return Negative(Errno::kInval);
  const auto bytes = UserReadable(value, size);
  if (!bytes) return bytes.Negative();
  return Finish((*socket)->SetOption(level, name, *bytes));
}

int64_t SysGetSockOpt(int fd, int level, int name, uint64_t value, uint64_t size) {
  const auto socket = GetSocket(fd);
  if (!socket) return socket.Negative();
  const auto room = UserOut<int32_t>(size);
  if (!room) return room.Negative();
  if (**room < 0) return Negative(Errno::kInval);
  const auto out = UserWritable(value, static_cast<size_t>(**room));
  if (!out) return out.Negative();
  const auto written = (*socket)->GetOption(level, name, *out);
  if (!written) return written.Negative();
  **room = static_cast<int32_t>(*written);
  return 0;
}

}  // namespace ebb::linux_abi
