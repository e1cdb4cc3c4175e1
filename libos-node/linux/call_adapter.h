// From the registers of a call to the parameters of the function that serves it: an `int` is the low 32 bits,
// sign-extended, as in Linux.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernel/user_frame.h"

namespace ebb::linux_abi {

using CallHandler = int64_t (*)(const UserFrame&);

template <auto function>
struct CallAdapter;

template <class... Args, int64_t (*function)(Args...)>
struct CallAdapter<function> {
  static_assert(sizeof...(Args) <= 6);
  template <size_t... i>
  static int64_t Apply(const UserFrame& frame, std::index_sequence<i...>) {
    [[maybe_unused]] const uint64_t registers[] = {frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9};
    return function(static_cast<Args>(registers[i])...);
  }
  static int64_t Call(const UserFrame& frame) { return Apply(frame, std::index_sequence_for<Args...>{}); }
};

}  // namespace ebb::linux_abi
