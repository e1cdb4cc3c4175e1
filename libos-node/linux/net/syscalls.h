// The socket system calls.
#pragma once

#include <cstdint>

namespace ebb::linux_abi {

int64_t SysSocket(int domain, int type, int protocol);
int64_t SysSocketPair(int domain, int type, int protocol, uint64_t fds_out);
int64_t SysBind(int fd, uint64_t address, uint32_t size);
int64_t SysListen(int fd, int backlog);
int64_t SysAccept(int fd, uint64_t address, uint64_t size);
int64_t SysAccept4(int fd, uint64_t address, uint64_t size, int flags);
int64_t SysConnect(int fd, uint64_t address, uint32_t size);
int64_t SysGetSockName(int fd, uint64_t address, uint64_t size);
int64_t SysGetPeerName(int fd, uint64_t address, uint64_t size);
int64_t SysSendTo(int fd, uint64_t buffer, uint64_t size, uint32_t flags, uint64_t address, uint32_t address_size);
int64_t SysRecvFrom(int fd, uint64_t buffer, uint64_t size, uint32_t flags, uint64_t address, uint64_t address_size);
int64_t SysSendMsg(int fd, uint64_t message, uint32_t flags);
int64_t SysRecvMsg(int fd, uint64_t message, uint32_t flags);
int64_t SysSendMMsg(int fd, uint64_t messages, uint32_t count, uint32_t flags);
int64_t SysRecvMMsg(int fd, uint64_t messages, uint32_t count, uint32_t flags, uint64_t timeout);
int64_t SysShutdown(int fd, int how);
int64_t SysSetSockOpt(int fd, int level, int name, uint64_t value, uint32_t size);
int64_t SysGetSockOpt(int fd, int level, int name, uint64_t value, uint64_t size);

}  // namespace ebb::linux_abi
