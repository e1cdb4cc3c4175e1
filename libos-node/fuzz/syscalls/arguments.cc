#include "fuzz/syscalls/arguments.h"

#include <cstring>
#include <string_view>

#include "kernel/user_memory.h"
#include "linux/abi.h"
#include "linux/mm/address_space.h"
#include "linux/net/constants.h"

namespace ebb::fuzz {
namespace {

constexpr std::string_view kPaths[] = {"/",
                                       ".",
                                       "..",
                                       "",
                                       "a",
                                       "b",
                                       "a/b",
                                       "../a",
                                       "/tmp",
                                       "/tmp/a",
                                       "/tmp/b",
                                       "/bin/node",
                                       "/etc/hosts",
                                       "/etc/alias",
                                       "/lib",
                                       "/usr/lib/libc.so",
                                       "/dev/null",
                                       "/dev/zero",
                                       "/dev/urandom",
                                       "/dev/stdin",
                                       "/dev/stdout",
                                       "/dev/shm",
                                       "/dev/fd/3",
                                       "/proc",
                                       "/proc/self/maps",
                                       "/proc/self/exe",
                                       "/proc/self/fd",
                                       "/proc/self/fd/1",
                                       "/proc/self/status",
                                       "/proc/meminfo",
                                       "/proc/cpuinfo",
                                       "/proc/self/cwd",
                                       "/etc/",
                                       "/tmp/a/",
                                       "loop",
                                       "/tmp/../etc/empty"};

constexpr uint64_t kSizes[] = {
    0,          1,          7,          8,          16,         4095,         4096,     4097,
    0x2000,     0x8000,     0x10000,    0x100000,   0x400000,   0x7fffffff,   1u << 31, 0xffffffff,
    1ull << 32, 1ull << 40, 0x7ffff000, ~0ull >> 1, 1ull << 63, ~0ull - 4095, ~0ull};

template <class T, size_t n>
T Choose(const T (&from)[n], uint8_t choice) {
  return from[choice % n];
}

}  // namespace

void Arguments::Store(uint64_t address, std::span<const uint8_t> bytes) {
  const auto memory = UserWritable(address, bytes.size());
  if (memory && !bytes.empty()) std::memcpy(memory->data(), bytes.data(), bytes.size());
}

uint64_t Arguments::PutBytes(std::span<const uint8_t> bytes) {
  cursor_ = (cursor_ + 7) & ~7ull;
  if (cursor_ + bytes.size() > kScratch + kScratchSize / 2) cursor_ = kScratch;
  const uint64_t at = cursor_;
  Store(at, bytes);
  cursor_ += bytes.size();
  return at;
}

template <class T>
uint64_t Arguments::Put(const T& value) {
  return PutBytes({reinterpret_cast<const uint8_t*>(&value), sizeof value});
}

void Arguments::Remember(int64_t result) {
  if (result >= 0 && result < 100) known_[next_known_++ % known_.size()] = result;
}

uint64_t Arguments::Path() {
  const uint8_t choice = input_.Byte();
  std::array<uint8_t, 300> text{};
  size_t size = 0;
  if (choice < 0xe0) {
    const std::string_view path = Choose(kPaths, choice);
    size = path.copy(reinterpret_cast<char*>(text.data()), path.size());
  } else if (choice < 0xf0) {
    const auto bytes = input_.Bytes(choice & 15);
    std::copy(bytes.begin(), bytes.end(), text.begin());
    size = bytes.size();
  } else {
    size = 253 + (choice & 7);  // around the longest name
    std::fill_n(text.begin(), size, uint8_t{'x'});
  }
  return PutBytes(std::span(text).first(size + 1));
}

uint64_t Arguments::Address() {
  std::array<uint8_t, 110> name{};
  const uint8_t choice = input_.Byte();
  // Few ports, so that sockets meet.
  const uint8_t port_low = choice >> 5;
  const auto family = [&](uint16_t value) { std::memcpy(name.data(), &value, sizeof value); };
  switch (choice % 8) {
    case 0:
    case 1:
    case 2: {
      family(linux_abi::kAfInet);
      name[2] = port_low == 0 ? 0 : 0x1f;
      name[3] = port_low == 0 ? 0 : static_cast<uint8_t>(0x90 + port_low);
      constexpr uint8_t kAddresses[][4] = {{127, 0, 0, 1}, {0, 0, 0, 0}, {93, 184, 216, 34}};
      std::memcpy(name.data() + 4, kAddresses[choice % 8], 4);
      return PutBytes(std::span(name).first(16));
    }
    case 3:
    case 4:
      family(linux_abi::kAfInet6);
      name[2] = 0x1f;
      name[3] = static_cast<uint8_t>(0x90 + port_low);
      if (choice % 8 == 3) name[23] = 1;  // ::1
      return PutBytes(std::span(name).first(28));
    case 5:
      family(linux_abi::kAfUnix);
      name[3] = port_low;  // abstract
      return PutBytes(name);
    case 6:
      family(linux_abi::kAfUnix);
      std::memcpy(name.data() + 2, "/tmp/s", 6);
      name[8] = port_low;
      return PutBytes(name);
    default: {
      const auto bytes = input_.Bytes(28);
      return PutBytes(bytes);
    }
  }
}

uint64_t Arguments::Vector() {
  linux_abi::IoVec buffers[3];
  for (auto& buffer : buffers) {
    const uint8_t choice = input_.Byte();
    buffer = {kScratch + kScratchSize / 2 + choice * 64u, static_cast<uint64_t>(choice) * 5};
    if (choice % 16 == 15) buffer = {Hostile(), Size()};
  }
  return Put(buffers);
}

uint64_t Arguments::Message() {
  struct Header {
    uint64_t name;
    uint32_t name_size;
    uint32_t pad;
    uint64_t vector, count, control, control_size;
    uint32_t flags, length;
  } headers[2];
  for (auto& header : headers) {
    const uint8_t choice = input_.Byte();
    header = {(choice & 1) != 0 ? Address() : 0, (choice & 1) != 0 ? 16u : 0u, 0, Vector(), choice / 64u, 0, 0, 0, 0};
    if ((choice & 2) != 0) {
      header.control = Mapped();
      header.control_size = Size();
    }
    if ((choice & 12) == 12) header.vector = Hostile();
    if ((choice & 48) == 48) header.count = Size();
  }
  return Put(headers);
}

uint64_t Arguments::Mapped() {
  const auto mappings = linux_abi::address_space().mappings();
  const uint8_t choice = input_.Byte();
  if (mappings.empty() || choice >= 0xf0) return Hostile();
  const auto& mapping = mappings[(choice & 15) % mappings.size()];
  constexpr uint64_t kPage = EBB_PAGE_SIZE;
  switch (choice >> 4) {
    case 0:
      return 0;
    case 1:
      return mapping.end;
    case 2:
      return mapping.end - kPage;
    case 3:
      return mapping.start - kPage;
    default:
      return mapping.start + (choice >> 5) % 4 * kPage;
  }
}

uint64_t Arguments::Size() { return Choose(kSizes, input_.Byte()); }

uint64_t Arguments::Word() {
  // The same few words, so that futexes meet.
  return kScratch + kScratchSize - 64 + input_.Below(16) * 4;
}

uint64_t Arguments::Hostile() {
  const uint8_t choice = input_.Byte();
  switch (choice % 16) {
    case 0:
      return 0;
    case 1:
      return ~0ull;
    case 2:
      return input_.Take<uint64_t>();
    case 3:
      return input_.Take<uint32_t>();
    case 4:
      return kReadOnly + choice * 8u;
    case 5:
      return kNoAccess;
    case 6:
      return kUnmapped;
    case 7:
      return kReadOnly - choice / 16u;  // ends on the page that is read-only
    case 8:
      return kNoAccess - choice / 16u;
    case 9:
      return EBB_KERNEL_BASE;
    case 10:
      return EBB_RINGS + choice;
    case 11:
      return EBB_HEAP_BASE;
    case 12:
      return 1ull << (choice / 16 * 4 + 3);
    case 13:
      return 0x8000000000000000 | choice;
    case 14:
      return Size();
    default:
      return EBB_ARENA_END - choice;
  }
}

uint64_t Arguments::Make(char kind) {
  using Word32 = uint32_t;
  switch (kind) {
    case 'f':
      return static_cast<uint64_t>(known_[input_.Below(known_.size())]);
    case 'd':
      return input_.Below(2) == 0 ? static_cast<uint64_t>(-100) : Make('f');
    case 'p':
      return Path();
    case 'b':
      return kScratch + kScratchSize / 2 + input_.Byte() * 64u;
    case 'r': {
      const uint8_t size = input_.Byte();
      return size % 4 == 3 ? kScratch + kScratchSize / 2 + size * 64u : PutBytes(input_.Bytes(size % 64));
    }
    case 'n': {
      const uint8_t choice = input_.Byte();
      return choice < 0xc0 ? choice * (choice % 3 == 0 ? 16u : 1u) : Choose(kSizes, choice);
    }
    case 'o': {
      const uint8_t choice = input_.Byte();
      return choice < 0x80 ? choice * 100u : choice < 0xf0 ? Choose(kSizes, choice) : input_.Take<uint64_t>();
    }
    case 'g':
      return input_.Take<uint32_t>() & (input_.Below(4) == 0 ? ~0u : 0x0ff7ffu);
    case 'm':
      return input_.Take<uint16_t>();
    case 't': {
      const uint8_t choice = input_.Byte();
      if (choice == 0) return 0;
      linux_abi::TimeSpec spec{choice % 4, choice * 1'000'000};
      if (choice >= 0xf0) spec = {input_.Take<int64_t>(), input_.Take<int64_t>()};
      return Put(spec);
    }
    case 'v':
      return Vector();
    case 'c':
      return input_.Below(5);
    case 'a':
      return Address();
    case 'A':
      return kScratch + kScratchSize / 2 + input_.Byte() * 64u;
    case 'L':
      return Put(static_cast<Word32>(input_.Below(16) == 15 ? input_.Take<uint32_t>() : 110));
    case 'l': {
      constexpr uint64_t kLengths[] = {16, 28, 110, 4, 8, 2, 3, 0, 0xffffffff};
      return Choose(kLengths, input_.Byte());
    }
    case 'M':
      return Message();
    case 's':
      return input_.Below(66);
    case 'w':
      return Word();
    case 'h':
      return Mapped();
    case 'z': {
      const uint8_t choice = input_.Byte();
      return choice < 0xa0 ? (choice % 20 + 1u) * EBB_PAGE_SIZE : Choose(kSizes, choice);
    }
    case 'P':
      return input_.Below(8);
    case 'k':
    case 'E':
      return input_.Below(48);
    case 'T': {
      const uint8_t choice = input_.Byte();
      return choice < 0x80 ? 0 : choice < 0xf0 ? choice : ~0ull;
    }
    case 'e': {
      struct __attribute__((packed)) {
        uint32_t events;
        uint64_t data;
      } event{input_.Take<uint16_t>() | (input_.Byte() & 0xf0u) << 24, input_.Byte()};
      return Put(event);
    }
    case 'q': {
      struct {
        int32_t fd;
        int16_t events, revents;
      } entries[4];
      for (auto& entry : entries) entry = {static_cast<int32_t>(Make('f')), static_cast<int16_t>(input_.Byte()), 0};
      return Put(entries);
    }
    case 'D': {
      constexpr uint64_t kDomains[] = {1, 2, 10, 16, 17};
      return Choose(kDomains, input_.Byte());
    }
    case 'Y': {
      constexpr uint64_t kTypes[] = {1, 2, 1 | 0x800, 2 | 0x800, 3, 5, 1 | 0x80000};
      return Choose(kTypes, input_.Byte());
    }
    case 'O':
      return input_.Below(64);
    case 'i':
      return input_.Below(6);
    case 'S':
      return Put(input_.Take<uint64_t>());
    case 'Z':
      return 8;
    default:
      return input_.Take<uint32_t>();
  }
}

}  // namespace ebb::fuzz
