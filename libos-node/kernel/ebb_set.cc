// Which Ebbs exist in this kernel, with all their implementations. The image's manifest picks one per Ebb by name; the
// first listed is the default. Users reach them through the accessors below, which are EbbRefs with static ids.
#include "kernel/ebb_set.h"
#include "ebb/ebb_registry.h"
#include "kernel/buddy_page_allocator.h"
#include "kernel/console_ring.h"
#include "kernel/ebb_ids.h"
#include "kernel/event_manager.h"
#include "kernel/gp_allocator.h"
#include "kernel/random_tender.h"
#include "kernel/ring.h"
#include "kernel/thread.h"
#include "kernel/timer.h"
#include "linux/mm/address_space.h"
#include "linux/net/network_manager.h"

namespace ebb {
namespace {

// Networks are made by their factories, which know their types.
template <NetworkManager* (*make)()>
class MadeOnce final : public EbbRoot {
 public:
  void* HandleMiss(uint32_t) override {
    if (made_ == nullptr) made_ = make();
    return made_;
  }

 private:
  NetworkManager* made_ = nullptr;
};

constinit SharedEbb<PageAllocator, BuddyPageAllocator> buddy_page_allocator;
constinit SharedEbb<GeneralPurposeAllocator, SlabAllocator> slab_allocator;
constinit SharedEbb<GeneralPurposeAllocator, PageGranularAllocator> page_granular_allocator;
constinit SharedEbb<EbbAllocator> ebb_allocator_root;
constinit PerCoreEbb<EventManager> event_manager_root;
constinit PerCoreEbb<Timer> timer_root;
constinit PerCoreEbb<Scheduler> scheduler_root;
constinit PerCoreEbb<RingQueue> ring_root;
constinit SharedEbb<Console, RingConsole> ring_console;
constinit SharedEbb<Console, SilentConsole> silent_console;
constinit SharedEbb<Random, TenderRandom> tender_random;
constinit SharedEbb<linux_abi::AddressSpace> address_space_root;
constinit MadeOnce<MakeHostedNetwork> hosted_network;
constinit MadeOnce<MakeLoopbackNetwork> loopback_network;

const EbbImplementation kImplementations[] = {
    {kPageAllocatorEbb, "PageAllocator", "buddy", &buddy_page_allocator},
    {kGeneralPurposeAllocatorEbb, "GeneralPurposeAllocator", "slab", &slab_allocator},
    {kGeneralPurposeAllocatorEbb, "GeneralPurposeAllocator", "page", &page_granular_allocator},
    {kEbbAllocatorEbb, "EbbAllocator", "counter", &ebb_allocator_root},
    {kEventManagerEbb, "EventManager", "percore", &event_manager_root},
    {kTimerEbb, "Timer", "list", &timer_root},
    {kSchedulerEbb, "Threads", "fifo", &scheduler_root},
    {kRingEbb, "Ring", "shared", &ring_root},
    {kConsoleEbb, "Console", "ring", &ring_console},
    {kConsoleEbb, "Console", "silent", &silent_console},
    {kRandomEbb, "Random", "tender", &tender_random},
    {kAddressSpaceEbb, "VMem", "firstfit", &address_space_root},
    {kNetworkManagerEbb, "NetworkManager", "hosted", &hosted_network},
    {kNetworkManagerEbb, "NetworkManager", "loopback", &loopback_network},
};

}  // namespace

std::string_view InstallKernelEbbs(std::string_view options) { return InstallEbbs(kImplementations, options); }

PageAllocator& page_allocator() { return *EbbRef<PageAllocator>(kPageAllocatorEbb); }
GeneralPurposeAllocator& gp_allocator() { return *EbbRef<GeneralPurposeAllocator>(kGeneralPurposeAllocatorEbb); }
EventManager& event_manager() { return *EbbRef<EventManager>(kEventManagerEbb); }
Timer& timer() { return *EbbRef<Timer>(kTimerEbb); }
Scheduler& scheduler() { return *EbbRef<Scheduler>(kSchedulerEbb); }
RingQueue& ring() { return *EbbRef<RingQueue>(kRingEbb); }
Console& console() { return *EbbRef<Console>(kConsoleEbb); }
Random& random() { return *EbbRef<Random>(kRandomEbb); }
NetworkManager& network() { return *EbbRef<NetworkManager>(kNetworkManagerEbb); }

namespace linux_abi {
AddressSpace& address_space() { return *EbbRef<AddressSpace>(kAddressSpaceEbb); }
}  // namespace linux_abi

}  // namespace ebb
