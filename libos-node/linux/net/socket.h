// Socket: what every kind of socket shares: options, timeouts, blocking, and the File face (read, write, fstat, ioctl).
// The kinds implement Send and Receive and what they can of the rest.
#pragma once

#include <vector>

#include "linux/file.h"
#include "linux/net/address.h"
#include "linux/net/channel.h"
#include "linux/net/constants.h"

namespace ebb::linux_abi {

struct SendMessage {
  std::span<const IoVec> buffers;
  std::span<const std::byte> name;  // empty: none
  uint32_t flags = 0;               // MSG_*
};

struct ReceiveMessage {
  std::span<const IoVec> buffers;
  uint32_t flags = 0;
  // Out.
  AddressBytes name;
  uint32_t out_flags = 0;
};

class Socket : public File {
 public:
  Socket(int domain, int type, int protocol, uint32_t file_flags)
      : File(kORdWr | file_flags), domain_(domain), type_(type), protocol_(protocol) {}

  FileKind kind() const override { return FileKind::kSocket; }
  int domain() const { return domain_; }
  int type() const { return type_; }

  virtual Result<> Bind(std::span<const std::byte> address);
  virtual Result<> Listen(int backlog);
  // A connected socket whose O_NONBLOCK is as given.
  virtual Result<ebb::Ref<Socket>> Accept(uint32_t file_flags);
  virtual Result<> Connect(std::span<const std::byte> address);
  virtual Result<AddressBytes> Name();
  virtual Result<AddressBytes> PeerName();
  virtual Result<size_t> Send(const SendMessage& message) = 0;
  virtual Result<size_t> Receive(ReceiveMessage& message) = 0;
  virtual Result<> Shutdown(int how);
  // Bytes that FIONREAD tells.
  virtual size_t PendingBytes() = 0;

  Result<> SetOption(int level, int name, std::span<const std::byte> value);
  // Writes at most out.size() bytes; how many.
  Result<size_t> GetOption(int level, int name, std::span<std::byte> out);

  Result<size_t> Read(std::span<std::byte> buffer) override;
  Result<size_t> Write(std::span<const std::byte> buffer) override;
  Result<size_t> ReadVector(std::span<const IoVec> buffers) override;
  Result<size_t> WriteVector(std::span<const IoVec> buffers) override;
  Result<> Stat(LinuxStat& out) override;
  Result<int64_t> Ioctl(uint64_t request, uint64_t argument) override;
  bool Pollable() const override { return true; }

 protected:
  ~Socket() override = default;

  // SO_ERROR: reported once.
  virtual Errno TakeError() { return Errno{}; }
  virtual bool listening() const { return false; }
  // An option was set whose value a kind acts on.
  virtual void OnOption(int, int, int) {}

  // Blocks until readiness may have changed. EAGAIN when the call must not block or its SO_*TIMEO has passed; EFAULT
  // when user buffers went away meanwhile.
  class Blocking {
   public:
    Blocking(Socket& socket, uint32_t message_flags, uint64_t timeout_ns, std::span<const IoVec> buffers = {},
             bool writable = false);
    Result<> Wait();

   private:
    bool BuffersValid() const;

    Socket& socket_;
    bool may_block_;
    uint64_t timeout_ns_;
    uint64_t deadline_ns_ = 0;
    std::span<const IoVec> buffers_;
    bool writable_;
  };

  // The body of send and receive for a connected stream.
  static Result<size_t> SendAll(StreamChannel& channel, std::span<const IoVec> buffers, Blocking& blocking);
  static Result<size_t> ReceiveSome(StreamChannel& channel, ReceiveMessage& message, Blocking& blocking);

  struct Linger {
    int32_t on = 0;
    int32_t seconds = 0;
  };
  const Linger& linger() const { return linger_; }
  uint64_t receive_timeout() const { return receive_timeout_; }
  uint64_t send_timeout() const { return send_timeout_; }
  int OptionValue(int level, int name) const;
  // An accepted socket starts with its listener's options.
  void InheritOptions(const Socket& from);

 private:
  struct Value {
    int level;
    int name;
    int value;
  };

  int domain_;
  int type_;
  int protocol_;
  Linger linger_;
  uint64_t receive_timeout_ = 0;  // ns; 0: none
  uint64_t send_timeout_ = 0;
  std::vector<Value> values_;
};

// Null when the file is something else.
inline Socket* AsSocket(File& file) { return file.kind() == FileKind::kSocket ? static_cast<Socket*>(&file) : nullptr; }

// Copies from `bytes` into the buffers, starting `skip` bytes into them; how many were copied.
size_t Scatter(std::span<const IoVec> buffers, size_t skip, std::span<const std::byte> bytes);

}  // namespace ebb::linux_abi
