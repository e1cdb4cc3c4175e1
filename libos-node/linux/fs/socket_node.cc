// Nodes of the tree that unix sockets are bound to. They cannot be opened (ENXIO), and stay until they are removed.
#include "linux/fs/file_system.h"
#include "linux/net/unix_path.h"

namespace ebb::linux_abi {
namespace {

class SocketNode final : public Inode {
 public:
  SocketNode(uint32_t mode, ebb::Ref<UnixPath> name)
      : Inode(kSIfSock | mode, NextInodeNumber()), name_(std::move(name)) {}
  const ebb::Ref<UnixPath>& socket_name() const { return name_; }

 protected:
  ~SocketNode() override = default;

 private:
  ebb::Ref<UnixPath> name_;
};

}  // namespace

Result<ebb::Ref<UnixPath>> MakeUnixPath(std::string_view path) {
  FileSystem& fs = file_system();
  auto name = MakeRef<UnixPath>();
  const auto node = MakeRef<SocketNode>(0777 & ~fs.umask(), name);
  if (const auto placed = fs.Place(*node, fs.current(), path); !placed)
    return placed.error() == Errno::kExist ? Errno::kAddrInUse : placed.error();
  return name;
}

Result<ebb::Ref<UnixPath>> FindUnixPath(std::string_view path) {
  FileSystem& fs = file_system();
  const auto found = fs.Lookup(fs.current(), path, true);
  if (!found) return found.error();
  // Stand-ins of sockets met through /proc/self/fd are no nodes of the tree.
  if ((*found)->type() != kSIfSock || (*found)->device() != kTreeDevice) return Errno::kConnRefused;
  return static_cast<SocketNode&>(**found).socket_name();
}

}  // namespace ebb::linux_abi
