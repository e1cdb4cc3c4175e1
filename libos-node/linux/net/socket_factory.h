// Which class serves a (domain, type, protocol).
#pragma once

#include <utility>

#include "linux/net/socket.h"

namespace ebb::linux_abi {

Result<ebb::Ref<Socket>> MakeSocket(int domain, int type, int protocol, uint32_t file_flags);
Result<std::pair<ebb::Ref<Socket>, ebb::Ref<Socket>>> MakeSocketPair(int domain, int type, int protocol,
                                                                     uint32_t file_flags);

}  // namespace ebb::linux_abi
