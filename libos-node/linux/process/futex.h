// Futexes: threads of the program sleep on the value of a 32-bit word.
#pragma once

#include <cstdint>

namespace ebb::linux_abi {

// Wakes up to `count` sleepers on the word; the number woken.
int64_t FutexWake(uint64_t address, uint32_t count, uint32_t bitset = ~0u);

// A thread ends: locks on its robust list become ownerless (FUTEX_OWNER_DIED) and wake a waiter.
void ReleaseRobustFutexes(uint64_t list_head, uint32_t tid);

int64_t SysFutex(uint64_t address, int operation, uint32_t value, uint64_t timeout, uint64_t address2, uint32_t value3);

}  // namespace ebb::linux_abi
