// Directories: scandir (all entries, sorted, in one block of memory) and opendir, readdir, closedir (in portions).
#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "src/fs_request.h"
#include "src/memory.h"

namespace ebb::uv {
namespace {

uv_dirent_type_t TypeOf(unsigned char type) {
  switch (type) {
    case DT_REG:
      return UV_DIRENT_FILE;
    case DT_DIR:
      return UV_DIRENT_DIR;
    case DT_LNK:
      return UV_DIRENT_LINK;
    case DT_FIFO:
      return UV_DIRENT_FIFO;
    case DT_SOCK:
      return UV_DIRENT_SOCKET;
    case DT_CHR:
      return UV_DIRENT_CHAR;
    case DT_BLK:
      return UV_DIRENT_BLOCK;
    default:
      return UV_DIRENT_UNKNOWN;
  }
}

bool IsDot(const char* name) { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

// The next entry that is not "." or "..", or null at the end or after an error (errno).
dirent* NextEntry(DIR* directory) {
  for (;;) {
    errno = 0;
    dirent* entry = readdir(directory);
    if (entry == nullptr || !IsDot(entry->d_name)) return entry;
  }
}

// An entry found by scandir: its d_type, then its name, terminated. The result's block begins with pointers to them.
class EntryList {
 public:
  ~EntryList() {
    Free(text_);
    Free(offsets_);
  }
  bool Add(const dirent& entry) {
    const size_t length = std::strlen(entry.d_name) + 1;
    if (!Grow(&text_, &text_capacity_, text_size_ + length + 1) || !Grow(&offsets_, &offsets_capacity_, count_ + 1))
      return false;
    offsets_[count_++] = text_size_;
    text_[text_size_++] = static_cast<char>(entry.d_type);
    std::memcpy(text_ + text_size_, entry.d_name, length);
    text_size_ += length;
    return true;
  }
  size_t count() const { return count_; }
  // One block, or null.
  void* Pack() {
    std::sort(offsets_, offsets_ + count_,
              [this](size_t a, size_t b) { return std::strcmp(text_ + a + 1, text_ + b + 1) < 0; });
    const size_t table = count_ * sizeof(char*);
    auto* block = AllocateFor<char>(table + text_size_);
    if (block == nullptr) return nullptr;
    char* text = block + table;
    std::memcpy(text, text_, text_size_);
    for (size_t i = 0; i < count_; ++i) reinterpret_cast<char**>(block)[i] = text + offsets_[i];
    return block;
  }

 private:
  template <class T>
  static bool Grow(T** array, size_t* capacity, size_t needed) {
    if (needed <= *capacity) return true;
    const size_t grown = std::max(needed, std::max<size_t>(*capacity * 2, 64));
    auto* moved = static_cast<T*>(Reallocate(*array, grown * sizeof(T)));
    if (moved == nullptr) return false;
    *array = moved;
    *capacity = grown;
    return true;
  }

  char* text_ = nullptr;
  size_t text_size_ = 0;
  size_t text_capacity_ = 0;
  size_t* offsets_ = nullptr;
  size_t count_ = 0;
  size_t offsets_capacity_ = 0;
};

}  // namespace

ssize_t FsScanDirectory(uv_fs_t* request) {
  DIR* directory = opendir(request->path);
  if (directory == nullptr) return -errno;
  EntryList entries;
  int error = 0;
  while (error == 0) {
    const dirent* entry = NextEntry(directory);
    if (entry == nullptr) {
      error = -errno;
      break;
    }
    if (!entries.Add(*entry)) error = UV_ENOMEM;
  }
  closedir(directory);
  if (error != 0) return error;
  request->nbufs = 0;
  if (entries.count() == 0) return 0;
  request->ptr = entries.Pack();
  return request->ptr == nullptr ? static_cast<ssize_t>(UV_ENOMEM) : static_cast<ssize_t>(entries.count());
}

ssize_t FsOpenDirectory(uv_fs_t* request) {
  auto* dir = static_cast<uv_dir_t*>(AllocateZeroed(1, sizeof(uv_dir_t)));
  if (dir == nullptr) return UV_ENOMEM;
  dir->dir = opendir(request->path);
  if (dir->dir == nullptr) {
    const int error = -errno;
    Free(dir);
    return error;
  }
  request->ptr = dir;
  return 0;
}

ssize_t FsReadDirectory(uv_fs_t* request) {
  auto* dir = static_cast<uv_dir_t*>(request->ptr);
  size_t count = 0;
  int error = 0;
  while (count < dir->nentries) {
    const dirent* entry = NextEntry(dir->dir);
    if (entry == nullptr) {
      error = -errno;
      break;
    }
    dir->dirents[count].name = CopyString(entry->d_name);
    if (dir->dirents[count].name == nullptr) {
      error = UV_ENOMEM;
      break;
    }
    dir->dirents[count++].type = TypeOf(entry->d_type);
  }
  if (error == 0) return static_cast<ssize_t>(count);
  for (size_t i = 0; i < count; ++i) {
    FreeConst(dir->dirents[i].name);
    dir->dirents[i].name = nullptr;
  }
  return error;
}

ssize_t FsCloseDirectory(uv_fs_t* request) {
  auto* dir = static_cast<uv_dir_t*>(request->ptr);
  if (dir->dir != nullptr) closedir(dir->dir);
  Free(dir);
  request->ptr = nullptr;
  return 0;
}

void FsFreeEntries(uv_fs_t* request) {
  auto* dir = static_cast<uv_dir_t*>(request->ptr);
  for (ssize_t i = 0; i < request->result; ++i) {
    FreeConst(dir->dirents[i].name);
    dir->dirents[i].name = nullptr;
  }
}

}  // namespace ebb::uv

using namespace ebb::uv;

int uv_fs_scandir_next(uv_fs_t* req, uv_dirent_t* ent) {
  if (req->result < 0) return static_cast<int>(req->result);
  if (req->ptr == nullptr || static_cast<ssize_t>(req->nbufs) >= req->result) return UV_EOF;
  const char* entry = static_cast<char**>(req->ptr)[req->nbufs++];
  ent->type = TypeOf(static_cast<unsigned char>(entry[0]));
  ent->name = entry + 1;
  return 0;
}
