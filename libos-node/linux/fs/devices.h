// The character devices of /dev.
#pragma once

#include "linux/fs/inode_file.h"

namespace ebb::linux_abi {

enum class Device : uint8_t { kNull, kZero, kFull, kRandom };

class DeviceInode final : public Inode {
 public:
  // `minor` of major 1, the memory devices.
  DeviceInode(Device device, uint32_t minor)
      : Inode(kSIfChr | 0666, NextInodeNumber()), device_(device), minor_(minor) {}
  uint64_t special_device() const override { return (1u << 8) | minor_; }
  Result<ebb::Ref<File>> Open(uint32_t flags) override;

 private:
  Device device_;
  uint32_t minor_;
};

class DeviceFile final : public InodeFile {
 public:
  DeviceFile(DeviceInode& inode, Device device, uint32_t flags) : InodeFile(inode, flags), device_(device) {}
  Result<size_t> Read(std::span<std::byte> buffer) override;
  Result<size_t> Write(std::span<const std::byte> buffer) override;
  Result<size_t> ReadAt(std::span<std::byte> buffer, uint64_t) override { return Read(buffer); }
  Result<size_t> WriteAt(std::span<const std::byte> buffer, uint64_t) override { return Write(buffer); }
  Result<uint64_t> Seek(int64_t, int) override { return uint64_t{0}; }
  // Fresh memory is zero already.
  Result<size_t> ReadForMap(std::span<std::byte>, uint64_t) override;
  bool Pollable() const override { return device_ == Device::kRandom; }

 private:
  Device device_;
};

// Makes /dev in the directory, which is the root.
void PopulateDevices(Directory& root);

}  // namespace ebb::linux_abi
