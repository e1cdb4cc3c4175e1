// Numbers of the Linux x86-64 socket ABI that the socket calls use.
#pragma once

#include <cstdint>

namespace ebb::linux_abi {

constexpr int kAfUnspec = 0, kAfUnix = 1, kAfInet = 2, kAfInet6 = 10, kAfNetlink = 16;

constexpr int kSockStream = 1, kSockDgram = 2, kSockRaw = 3, kSockSeqPacket = 5, kSockTypeMask = 0xf;
constexpr int kSockNonblock = 0x800, kSockCloexec = 0x80000;

constexpr int kIpProtoIp = 0, kIpProtoIcmp = 1, kIpProtoTcp = 6, kIpProtoUdp = 17, kIpProtoIpv6 = 41;
constexpr int kSolSocket = 1;

constexpr int kShutRd = 0, kShutWr = 1, kShutRdWr = 2;

constexpr int kSoDebug = 1, kSoReuseAddr = 2, kSoType = 3, kSoError = 4, kSoDontRoute = 5, kSoBroadcast = 6,
              kSoSndBuf = 7, kSoRcvBuf = 8, kSoKeepAlive = 9, kSoOobInline = 10, kSoPriority = 12, kSoLinger = 13,
              kSoReusePort = 15, kSoPassCred = 16, kSoPeerCred = 17, kSoRcvLowAt = 18, kSoSndLowAt = 19,
              kSoRcvTimeo = 20, kSoSndTimeo = 21, kSoTimestamp = 29, kSoAcceptConn = 30, kSoSndBufForce = 32,
              kSoRcvBufForce = 33, kSoProtocol = 38, kSoDomain = 39, kSoBusyPoll = 46, kSoIncomingCpu = 49;

constexpr uint32_t kMsgOob = 0x1, kMsgPeek = 0x2, kMsgCTrunc = 0x8, kMsgTrunc = 0x20, kMsgDontWait = 0x40,
                   kMsgEor = 0x80, kMsgWaitAll = 0x100, kMsgErrQueue = 0x2000, kMsgNoSignal = 0x4000, kMsgMore = 0x8000,
                   kMsgWaitForOne = 0x10000, kMsgCmsgCloexec = 0x40000000;

constexpr uint64_t kFionRead = 0x541b, kFionBio = 0x5421, kTiocOutq = 0x5411;

}  // namespace ebb::linux_abi
