// TextSymlink: a symbolic link whose text lies in the image or in memory of its own.
#pragma once

#include <memory>

#include "linux/fs/inode.h"

namespace ebb::linux_abi {

class TextSymlink final : public Symlink {
 public:
  explicit TextSymlink(std::string_view text) : Symlink(NextInodeNumber()), own_(new char[text.size()]) {
    text.copy(own_.get(), text.size());
    text_ = {own_.get(), text.size()};
  }
  // A link of the image.
  TextSymlink(uint64_t number, std::string_view text, uint64_t modified_ns) : Symlink(number), text_(text) {
    SetAllTimes(modified_ns);
  }

  uint64_t size() const override { return text_.size(); }
  Result<std::string_view> Target() override { return text_; }

 private:
  std::unique_ptr<char[]> own_;
  std::string_view text_;
};

}  // namespace ebb::linux_abi
