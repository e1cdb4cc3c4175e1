// UnixPath: what a unix socket is bound to when its name is a path, a node of the file tree, which outlives the socket.
// The file layer implements the two functions (fs/socket_node.cc), so that this folder does not depend on it.
#pragma once

#include <string_view>

#include "kernel/ref_counted.h"
#include "kernel/result.h"

namespace ebb::linux_abi {

class UnixSocket;

struct UnixPath final : RefCounted {
  // Null once the socket is closed: who connects then is refused.
  UnixSocket* socket = nullptr;
};

// A new node at the path. EADDRINUSE when the path is taken, by whatever; else as path resolution says.
Result<ebb::Ref<UnixPath>> MakeUnixPath(std::string_view path);
// The name behind the node at the path. ECONNREFUSED when the node is none of a socket.
Result<ebb::Ref<UnixPath>> FindUnixPath(std::string_view path);

}  // namespace ebb::linux_abi
