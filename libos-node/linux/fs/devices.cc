#include "linux/fs/devices.h"

#include "kernel/panic.h"
#include "kernel/random.h"
#include "linux/fs/memory_directory.h"
#include "linux/fs/text_symlink.h"

namespace ebb::linux_abi {

Result<ebb::Ref<File>> DeviceInode::Open(uint32_t flags) {
  return ebb::Ref<File>(new DeviceFile(*this, device_, flags));
}

Result<size_t> DeviceFile::Read(std::span<std::byte> buffer) {
  switch (device_) {
    case Device::kNull:
      return size_t{0};
    case Device::kRandom:
      random().Fill(buffer);
      break;
    case Device::kZero:
    case Device::kFull:
      __builtin_memset(buffer.data(), 0, buffer.size());
      break;
  }
  return buffer.size();
}

Result<size_t> DeviceFile::Write(std::span<const std::byte> buffer) {
  if (device_ == Device::kFull) return Errno::kNoSpc;
  return buffer.size();
}

Result<size_t> DeviceFile::ReadForMap(std::span<std::byte>, uint64_t) {
  if (device_ != Device::kZero) return Errno::kNoDev;
  return size_t{0};
}

void PopulateDevices(Directory& root) {
  ebb::Ref<Inode> dev;
  if (auto found = root.Find("dev"); found && (*found)->AsDirectory() != nullptr) {
    dev = *found;
  } else {
    EBB_CHECK(!found);
    dev = MakeRef<MemoryDirectory>(0755u);
    EBB_CHECK(root.Add("dev", dev).ok());
  }
  Directory& directory = *dev->AsDirectory();
  // What the image has of that name goes first.
  const auto put = [&](std::string_view name, const ebb::Ref<Inode>& inode) {
    if (!directory.Find(name)) EBB_CHECK(directory.Add(name, inode).ok());
  };
  put("null", MakeRef<DeviceInode>(Device::kNull, 3u));
  put("zero", MakeRef<DeviceInode>(Device::kZero, 5u));
  put("full", MakeRef<DeviceInode>(Device::kFull, 7u));
  put("random", MakeRef<DeviceInode>(Device::kRandom, 8u));
  put("urandom", MakeRef<DeviceInode>(Device::kRandom, 9u));
  put("fd", MakeRef<TextSymlink>("/proc/self/fd"));
  put("stdin", MakeRef<TextSymlink>("/proc/self/fd/0"));
  put("stdout", MakeRef<TextSymlink>("/proc/self/fd/1"));
  put("stderr", MakeRef<TextSymlink>("/proc/self/fd/2"));
  put("shm", MakeRef<MemoryDirectory>(01777u));
}

}  // namespace ebb::linux_abi
