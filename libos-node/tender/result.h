// Result<T>: a value or an Error with a stable code. The tender uses it instead of exceptions, which it does not throw.
//
// Every code stands in one table (errors.h), so that a parent process and a test can rely on the spelling.
// `Error::detail` is text for people (file, errno, reason) and is never parsed.
#ifndef EBB_TENDER_RESULT_H_
#define EBB_TENDER_RESULT_H_

#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "tender/errors.h"

namespace ebb::tender {

struct Error {
  ErrorCode code;
  std::string detail;

  // "TENDER_IMAGE_BAD: The image is damaged ... (segment 3: not page-aligned)"
  std::string Text() const {
    std::string text = std::string(CodeName(code)) + ": " + CodeText(code);
    if (!detail.empty()) text += " (" + detail + ")";
    return text;
  }
};

// Error from errno: detail is "what: strerror".
Error ErrnoError(ErrorCode code, const std::string& what, int error);

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit on purpose, `return value;`
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT: implicit on purpose, `return error;`

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }
  T& value() { return *std::get_if<0>(&state_); }
  const T& value() const { return *std::get_if<0>(&state_); }
  T& operator*() { return value(); }
  T* operator->() { return &value(); }
  const Error& error() const { return *std::get_if<1>(&state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose, `return error;`

  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace ebb::tender

#endif  // EBB_TENDER_RESULT_H_
