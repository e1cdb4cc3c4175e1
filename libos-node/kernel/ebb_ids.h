// Static ids of the system Ebbs, below kFirstDynamicEbb.
#pragma once

#include "ebb/ebb_ref.h"

namespace ebb {

enum StaticEbb : EbbId {
  kPageAllocatorEbb = 1,
  kGeneralPurposeAllocatorEbb,
  kEbbAllocatorEbb,
  kEventManagerEbb,
  kTimerEbb,
  kSchedulerEbb,
  kRingEbb,
  kConsoleEbb,
  kRandomEbb,
  kAddressSpaceEbb,
  kNetworkManagerEbb,
};

}  // namespace ebb
