// The one table of errors of ebbtender: stable codes, each with its sentence. Exit status of the program is 2 for all
// of them.
#ifndef EBB_TENDER_ERRORS_H_
#define EBB_TENDER_ERRORS_H_

#include <array>
#include <cstddef>

namespace ebb::tender {

// name, sentence
#define EBB_TENDER_ERRORS(X)                                                                             \
  X(kUsage, "TENDER_USAGE", "The command line is wrong; see ebbtender --help.")                          \
  X(kImageMissing, "TENDER_IMAGE_MISSING", "The image cannot be opened.")                                \
  X(kImageBad, "TENDER_IMAGE_BAD", "The image is damaged or was not made for this tender.")              \
  X(kImageVersion, "TENDER_IMAGE_VERSION", "The image was made for another ABI version.")                \
  X(kImageHash, "TENDER_IMAGE_HASH", "The image's content does not match its checksum.")                 \
  X(kKvmUnusable, "TENDER_KVM_UNUSABLE", "/dev/kvm is missing or cannot be used.")                       \
  X(kCpuUnsupported, "TENDER_CPU_UNSUPPORTED", "The processor or the kernel lacks a needed feature.")    \
  X(kChannelBad, "TENDER_CHANNEL_BAD", "The report channel is not usable.")                              \
  X(kBootInfoTooBig, "TENDER_BOOT_INFO_TOO_BIG", "Environment, arguments and options are too long.")     \
  X(kSocket, "TENDER_SOCKET", "A socket cannot be set up.")                                              \
  X(kMemory, "TENDER_MEMORY", "The host refused memory or address space.")                               \
  X(kSandbox, "TENDER_SANDBOX", "The confinement could not be established.")                             \
  X(kSnapshotMissing, "TENDER_SNAPSHOT_MISSING", "There is no such snapshot.")                           \
  X(kSnapshotBad, "TENDER_SNAPSHOT_BAD", "The snapshot is damaged.")                                     \
  X(kSnapshotStale, "TENDER_SNAPSHOT_STALE", "The snapshot was made for something else.")                \
  X(kSnapshotDenied, "TENDER_SNAPSHOT_DENIED", "The guest's memory may not be read.")                    \
  X(kSnapshotTooBig, "TENDER_SNAPSHOT_TOO_BIG", "The VM has too much memory of its own for a snapshot.") \
  X(kParkTimeout, "TENDER_PARK_TIMEOUT", "The guest did not come to rest in time.")                      \
  X(kSystem, "TENDER_SYSTEM", "The host refused an operation that the tender needs.")

enum class ErrorCode {
#define X(id, name, text) id,
  EBB_TENDER_ERRORS(X)
#undef X
};

struct ErrorEntry {
  const char* name;
  const char* text;
};

inline constexpr std::array kErrorTable = {
#define X(id, name, text) ErrorEntry{name, text},
    EBB_TENDER_ERRORS(X)
#undef X
};

inline const char* CodeName(ErrorCode code) { return kErrorTable[static_cast<size_t>(code)].name; }
inline const char* CodeText(ErrorCode code) { return kErrorTable[static_cast<size_t>(code)].text; }

}  // namespace ebb::tender

#endif  // EBB_TENDER_ERRORS_H_
