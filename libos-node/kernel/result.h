// Result<T>: a value or a Linux errno. The LibOS has no exceptions; every fallible operation returns one.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

namespace ebb {

enum class Errno : int32_t {
  kPerm = 1,
  kNoEnt = 2,
  kSrch = 3,
  kIntr = 4,
  kIo = 5,
  kNxio = 6,
  kTooBig = 7,
  kNoExec = 8,
  kBadF = 9,
  kChild = 10,
  kAgain = 11,
  kNoMem = 12,
  kAcces = 13,
  kFault = 14,
  kBusy = 16,
  kExist = 17,
  kXdev = 18,
  kNoDev = 19,
  kNotDir = 20,
  kIsDir = 21,
  kInval = 22,
  kNFile = 23,
  kMFile = 24,
  kNotTty = 25,
  kFBig = 27,
  kNoSpc = 28,
  kSPipe = 29,
  kRoFs = 30,
  kMLink = 31,
  kPipe = 32,
  kRange = 34,
  kDeadlk = 35,
  kNameTooLong = 36,
  kNoSys = 38,
  kNotEmpty = 39,
  kLoop = 40,
  kProto = 71,
  kOverflow = 75,
  kNotSock = 88,
  kDestAddrReq = 89,
  kMsgSize = 90,
  kProtoType = 91,
  kNoProtoOpt = 92,
  kProtoNoSupport = 93,
  kOpNotSupp = 95,
  kAfNoSupport = 97,
  kAddrInUse = 98,
  kAddrNotAvail = 99,
  kNetDown = 100,
  kNetUnreach = 101,
  kConnAborted = 103,
  kConnReset = 104,
  kNoBufs = 105,
  kIsConn = 106,
  kNotConn = 107,
  kTimedOut = 110,
  kConnRefused = 111,
  kHostUnreach = 113,
  kAlready = 114,
  kInProgress = 115,
  kCanceled = 125,
};

struct Ok {};

template <class T = Ok>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Errno error) : error_(error) {}         // NOLINT(google-explicit-constructor)

  explicit operator bool() const { return value_.has_value(); }
  bool ok() const { return value_.has_value(); }
  Errno error() const { return error_; }
  // -errno, for a syscall's return value. Only when !ok().
  int64_t Negative() const { return -static_cast<int64_t>(error_); }

  T& operator*() & { return *value_; }
  const T& operator*() const& { return *value_; }
  T&& operator*() && { return std::move(*value_); }
  T* operator->() { return &*value_; }
  const T* operator->() const { return &*value_; }

 private:
  std::optional<T> value_;
  Errno error_{};
};

inline int64_t Negative(Errno error) { return -static_cast<int64_t>(error); }

}  // namespace ebb
