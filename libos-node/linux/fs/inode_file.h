// Open files of the tree: regular files, directories, and O_PATH handles. They keep the inode alive when its last name
// goes.
#pragma once

#include "linux/fs/inode.h"
#include "linux/fs/memory_file.h"

namespace ebb::linux_abi {

// Every File whose kind() is kInode.
class InodeFile : public File {
 public:
  InodeFile(Inode& inode, uint32_t flags) : File(flags), inode_(&inode) {}
  FileKind kind() const override { return FileKind::kInode; }
  Inode& inode() const { return *inode_; }
  Result<> Stat(LinuxStat& out) override;

 protected:
  ~InodeFile() override = default;

 private:
  ebb::Ref<Inode> inode_;
};

// Null when the file is none of the tree.
inline InodeFile* AsInodeFile(File& file) {
  return file.kind() == FileKind::kInode ? static_cast<InodeFile*>(&file) : nullptr;
}

// A file with a position in a content of known size: SEEK_SET, SEEK_CUR, SEEK_END.
class SeekableFile : public InodeFile {
 public:
  using InodeFile::InodeFile;
  Result<uint64_t> Seek(int64_t offset, int whence) override;

 protected:
  ~SeekableFile() override = default;
  uint64_t position_ = 0;
};

class RegularFile final : public SeekableFile {
 public:
  RegularFile(MemoryFile& inode, uint32_t flags) : SeekableFile(inode, flags) {}

  Result<size_t> Read(std::span<std::byte> buffer) override;
  Result<size_t> Write(std::span<const std::byte> buffer) override;
  Result<size_t> ReadAt(std::span<std::byte> buffer, uint64_t offset) override;
  Result<size_t> WriteAt(std::span<const std::byte> buffer, uint64_t offset) override;
  Result<uint64_t> Seek(int64_t offset, int whence) override;
  Result<int64_t> Ioctl(uint64_t request, uint64_t argument) override;
  Result<> Truncate(uint64_t size) override;
  Result<size_t> ReadForMap(std::span<std::byte> buffer, uint64_t offset) override;
  const void* Content() const override { return &content(); }
  Result<> MovePagesTo(std::span<std::byte> memory, uint64_t offset) override;
  void TakePagesBack(std::span<std::byte> memory, uint64_t offset) override;
  std::span<const ebb_site> SyscallSites() const override { return content().sites(); }

 private:
  MemoryFile& content() const { return static_cast<MemoryFile&>(inode()); }
};

class DirectoryFile final : public InodeFile {
 public:
  DirectoryFile(Directory& inode, uint32_t flags) : InodeFile(inode, flags) {}
  Directory& directory() const { return static_cast<Directory&>(inode()); }
  // The next entry, "." and ".." first; false at the end. Advance moves behind it.
  bool Next(Directory::Item& out);
  void Advance(const Directory::Item& item) { position_ = item.next; }

  Result<size_t> Read(std::span<std::byte>) override { return Errno::kIsDir; }
  Result<size_t> ReadAt(std::span<std::byte>, uint64_t) override { return Errno::kIsDir; }
  Result<uint64_t> Seek(int64_t offset, int whence) override;

 private:
  uint64_t position_ = 0;
};

// O_PATH: stands for a place in the tree, no access to content. The descriptor layer refuses everything else (EBADF).
class PathFile final : public InodeFile {
 public:
  PathFile(Inode& inode, uint32_t flags) : InodeFile(inode, flags) {}
};

}  // namespace ebb::linux_abi
