#include "linux/fs/proc/proc.h"

#include <algorithm>
#include <vector>

#include "kernel/panic.h"
#include "linux/fd_table.h"
#include "linux/fs/inode_file.h"
#include "linux/process/process.h"
#include "linux/process/syscalls.h"

namespace ebb::linux_abi {
namespace {

using Kind = ProcNode::Kind;

uint32_t Pid() { return static_cast<uint32_t>(SysGetpid()); }

// A decimal number without leading zeros; false for anything else.
bool ParseNumber(std::string_view text, uint32_t& out) {
  constexpr size_t kMostDigits = 9;
  if (text.empty() || text.size() > kMostDigits || (text[0] == '0' && text.size() > 1)) return false;
  uint32_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    value = value * 10 + static_cast<uint32_t>(c - '0');
  }
  out = value;
  return true;
}

// The same for every lookup of the same thing.
uint64_t NumberOf(const void* node, uint64_t which) {
  return ((reinterpret_cast<uint64_t>(node) * 0x9e3779b97f4a7c15ull) >> 24 & 0xffffff) | (which & 0xffff) << 24;
}

// ---- Texts

// A text of any length: written again, with more room, when it did not fit.
class MadeText {
 public:
  template <class Write>
  std::string_view Make(Write write) {
    constexpr size_t kFirstTry = 256, kSlack = 1024;
    bytes_.resize(kFirstTry);
    for (;;) {
      TextWriter out({bytes_.data(), bytes_.size()});
      write(out);
      const bool fits = out.size() <= bytes_.size();
      // Making room may itself change what the text is about, by little.
      bytes_.resize(fits ? out.size() : out.size() + kSlack);
      if (fits) return view();
    }
  }
  std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

class TextFile final : public SeekableFile {
 public:
  TextFile(Inode& inode, uint32_t flags, MadeText text) : SeekableFile(inode, flags), text_(std::move(text)) {}
  Result<size_t> Read(std::span<std::byte> buffer) override {
    const auto got = ReadAt(buffer, position_);
    position_ += *got;
    return got;
  }
  Result<size_t> ReadAt(std::span<std::byte> buffer, uint64_t offset) override {
    const std::string_view text = text_.view();
    if (offset >= text.size()) return size_t{0};
    const size_t size = std::min<uint64_t>(buffer.size(), text.size() - offset);
    __builtin_memcpy(buffer.data(), text.data() + offset, size);
    return size;
  }
  Result<size_t> Write(std::span<const std::byte>) override { return Errno::kBadF; }

 private:
  MadeText text_;
};

class ProcText final : public Inode {
 public:
  ProcText(const ProcNode& node, uint32_t thread)
      : Inode(kSIfReg | 0444, NumberOf(&node, thread)), node_(node), thread_(thread) {
    set_links(1);
  }
  uint64_t device() const override { return kProcDevice; }
  bool synthetic() const override { return true; }
  Result<ebb::Ref<File>> Open(uint32_t flags) override {
    if ((flags & kOAccMode) != kORdOnly) return Errno::kAcces;
    MadeText text;
    text.Make([this](TextWriter& out) { node_.write(out, thread_); });
    return ebb::Ref<File>(new TextFile(*this, flags, std::move(text)));
  }

 private:
  const ProcNode& node_;
  uint32_t thread_;
};

// ---- Links

class ProcLink final : public Symlink {
 public:
  explicit ProcLink(const ProcNode& node) : Symlink(NumberOf(&node, 0)), node_(node) { set_links(1); }
  uint64_t device() const override { return kProcDevice; }
  bool synthetic() const override { return true; }
  Result<std::string_view> Target() override {
    const std::string_view target = text_.Make([this](TextWriter& out) { node_.write(out, 0); });
    if (target.empty()) return Errno::kNoEnt;
    return target;
  }

 private:
  const ProcNode& node_;
  MadeText text_;
};

// An open file without a place in the tree, met through /proc/self/fd: opening it gives the same open file.
class HandleInode final : public Inode {
 public:
  HandleInode(File& file, const LinuxStat& stat) : Inode(stat.mode, stat.ino), file_(&file) { set_links(1); }
  uint64_t device() const override { return kAnonymousDevice; }
  bool synthetic() const override { return true; }
  Result<ebb::Ref<File>> Open(uint32_t) override { return file_; }

 private:
  ebb::Ref<File> file_;
};

class DescriptorLink final : public Symlink {
 public:
  DescriptorLink(File& file, uint32_t fd) : Symlink(NumberOf(nullptr, fd + 1)), file_(&file) { set_links(1); }
  uint64_t device() const override { return kProcDevice; }
  bool synthetic() const override { return true; }

  Result<std::string_view> Target() override {
    if (const InodeFile* inode_file = AsInodeFile(*file_)) {
      const Inode& inode = inode_file->inode();
      char buffer[kPathSize];
      const auto path = PathOf(inode, buffer);
      return text_.Make([&](TextWriter& out) {
        if (path) {
          out.Text(*path);
        } else {
          out.Text("/#").Decimal(inode.number()).Text(" (deleted)");
        }
      });
    }
    LinuxStat stat;
    if (const auto done = file_->Stat(stat); !done) return done.error();
    const uint32_t type = stat.mode & kSIfMt;
    return text_.Make([&](TextWriter& out) {
      if (type == kSIfIfo || type == kSIfSock) {
        out.Text(type == kSIfIfo ? "pipe:[" : "socket:[").Decimal(stat.ino).Text("]");
      } else {
        out.Text(file_->kind() == FileKind::kEpoll   ? "anon_inode:[eventpoll]"
                 : file_->kind() == FileKind::kTimer ? "anon_inode:[timerfd]"
                                                     : "anon_inode:[eventfd]");
      }
    });
  }

  Result<ebb::Ref<Inode>> Object() override {
    if (const InodeFile* inode_file = AsInodeFile(*file_)) return ebb::Ref<Inode>(&inode_file->inode());
    LinuxStat stat;
    if (const auto done = file_->Stat(stat); !done) return done.error();
    const uint32_t type = stat.mode & kSIfMt;
    // What is neither directory nor link, whatever it says of itself.
    if (type == kSIfDir || type == kSIfLnk) return Errno::kNxio;
    return ebb::Ref<Inode>(new HandleInode(*file_, stat));
  }

 private:
  static constexpr size_t kPathSize = 4096;

  ebb::Ref<File> file_;
  MadeText text_;
};

// ---- Directories

class ProcDirectory : public Directory {
 public:
  ProcDirectory(uint64_t number, Directory* up, std::string_view name) : Directory(0555, number), up_(up) {
    text_.Make([name](TextWriter& out) { out.Text(name); });
  }
  uint64_t device() const override { return kProcDevice; }
  bool synthetic() const override { return true; }
  // /proc itself has its place in the tree.
  Directory* parent() const override { return up_ ? up_.get() : Directory::parent(); }
  std::string_view name() const override { return up_ ? text_.view() : Inode::name(); }

 private:
  ebb::Ref<Directory> up_;
  MadeText text_;
};

// Open descriptors, one link each.
class DescriptorDirectory final : public ProcDirectory {
 public:
  DescriptorDirectory(const ProcNode& node, Directory& up) : ProcDirectory(NumberOf(&node, 0), &up, node.name) {}

  Result<ebb::Ref<Inode>> Find(std::string_view name) override {
    uint32_t fd = 0;
    if (!ParseNumber(name, fd)) return Errno::kNoEnt;
    const auto file = fds().Get(static_cast<int>(fd));
    if (!file) return Errno::kNoEnt;
    return ebb::Ref<Inode>(new DescriptorLink(**file, fd));
  }

  bool List(uint64_t position, Item& out) override {
    const uint64_t first = position - kFirstPosition;
    bool found = false;
    fds().ForEach([&](int fd, const ebb::Ref<File>&) {
      const auto number = static_cast<uint64_t>(fd);
      if (found || number < first) return;
      found = true;
      listed_.Make([number](TextWriter& text) { text.Decimal(number); });
      out = {listed_.view(), NumberOf(nullptr, number + 1), kSIfLnk | 0777, kFirstPosition + number + 1};
    });
    return found;
  }

 private:
  MadeText listed_;
};

ebb::Ref<Inode> MakeNode(const ProcNode& node, Directory& up, uint32_t thread);

// A table, and numbered directories that the table does not name.
class TableDirectory : public ProcDirectory {
 public:
  TableDirectory(uint64_t number, Directory* up, std::string_view name, std::span<const ProcNode> nodes,
                 uint32_t thread = 0)
      : ProcDirectory(number, up, name), nodes_(nodes), thread_(thread) {}

  Result<ebb::Ref<Inode>> Find(std::string_view name) override {
    for (const ProcNode& node : nodes_) {
      if (node.name == name) return MakeNode(node, *this, thread_);
    }
    uint32_t number = 0;
    if (!ParseNumber(name, number)) return Errno::kNoEnt;
    auto inode = FindNumber(number, name);
    if (!inode) return Errno::kNoEnt;
    return inode;
  }

  bool List(uint64_t position, Item& out) override {
    const uint64_t index = position - kFirstPosition;
    if (index >= nodes_.size()) {
      uint32_t number = 0;
      if (!NumberAt(index - nodes_.size(), number)) return false;
      listed_.Make([number](TextWriter& text) { text.Decimal(number); });
      out = {listed_.view(), NumberOf(this, number), kSIfDir | 0555, position + 1};
      return true;
    }
    const ProcNode& node = nodes_[index];
    const uint32_t mode = node.kind == Kind::kText ? kSIfReg : node.kind == Kind::kLink ? kSIfLnk : kSIfDir;
    out = {node.name, NumberOf(&node, thread_), mode, position + 1};
    return true;
  }

 protected:
  virtual ebb::Ref<Inode> FindNumber(uint32_t, std::string_view) { return nullptr; }
  virtual bool NumberAt(uint64_t, uint32_t&) { return false; }

 private:
  std::span<const ProcNode> nodes_;
  uint32_t thread_;
  MadeText listed_;
};

class ProcRoot final : public TableDirectory {
 public:
  ProcRoot() : TableDirectory(1, nullptr, {}, ProcSystemNodes()) {}

 protected:
  ebb::Ref<Inode> FindNumber(uint32_t number, std::string_view name) override {
    if (number != Pid()) return nullptr;
    return ebb::Ref<Inode>(new TableDirectory(NumberOf(nullptr, 0), this, name, ProcProcessNodes()));
  }
  bool NumberAt(uint64_t index, uint32_t& out) override {
    out = Pid();
    return index == 0;
  }
};

class TaskDirectory final : public TableDirectory {
 public:
  TaskDirectory(const ProcNode& node, Directory& up) : TableDirectory(NumberOf(&node, 0), &up, node.name, {}) {}

 protected:
  ebb::Ref<Inode> FindNumber(uint32_t number, std::string_view name) override {
    if (process().FindThread(number) == nullptr) return nullptr;
    return ebb::Ref<Inode>(new TableDirectory(NumberOf(this, number), this, name, ProcThreadNodes(), number));
  }
  bool NumberAt(uint64_t index, uint32_t& out) override {
    uint64_t at = 0;
    bool found = false;
    process().ForEachThread([&](const Thread& thread) {
      if (at++ != index) return;
      out = thread.tid;
      found = true;
    });
    return found;
  }
};

ebb::Ref<Inode> MakeNode(const ProcNode& node, Directory& up, uint32_t thread) {
  switch (node.kind) {
    case Kind::kText:
      return ebb::Ref<Inode>(new ProcText(node, thread));
    case Kind::kLink:
      return ebb::Ref<Inode>(new ProcLink(node));
    case Kind::kDirectory:
      return ebb::Ref<Inode>(new TableDirectory(NumberOf(&node, thread), &up, node.name, node.children, thread));
    case Kind::kDescriptors:
      return ebb::Ref<Inode>(new DescriptorDirectory(node, up));
    case Kind::kTasks:
      return ebb::Ref<Inode>(new TaskDirectory(node, up));
  }
  return nullptr;
}

}  // namespace

void PopulateProc(Directory& root) {
  // An empty directory of the image gives way: it is where one would be mounted.
  if (auto found = root.Find("proc")) {
    Directory* there = (*found)->AsDirectory();
    EBB_CHECK(there != nullptr && there->empty() && root.Remove("proc").ok());
  }
  EBB_CHECK(root.Add("proc", ebb::Ref<Inode>(new ProcRoot())).ok());
}

}  // namespace ebb::linux_abi
