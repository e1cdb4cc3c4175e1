// Intrusive reference counting for kernel objects. Not atomic: the objects of one core are touched by that core alone,
// and kernel code is not preempted.
#pragma once

#include <cstdint>
#include <utility>

namespace ebb {

class RefCounted {
 public:
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;
  void Ref() { ++references_; }
  void Unref() {
    if (--references_ == 0) delete this;
  }
  uint32_t references() const { return references_; }

 protected:
  RefCounted() = default;
  virtual ~RefCounted() = default;

 private:
  uint32_t references_ = 0;
};

template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}                           // NOLINT(google-explicit-constructor)
  Ref(T* object) : object_(object) { Acquire(); }  // NOLINT(google-explicit-constructor)
  Ref(const Ref& other) : object_(other.object_) { Acquire(); }
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  template <class U>
  Ref(const Ref<U>& other) : object_(other.get()) {
    Acquire();
  }  // NOLINT(google-explicit-constructor)
  ~Ref() { Release(); }
  Ref& operator=(Ref other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }

  T* get() const { return object_; }
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  explicit operator bool() const { return object_ != nullptr; }
  bool operator==(const Ref& other) const { return object_ == other.object_; }

 private:
  void Acquire() {
    if (object_ != nullptr) object_->Ref();
  }
  void Release() {
    if (object_ != nullptr) object_->Unref();
  }
  T* object_ = nullptr;
};

template <class T, class... Args>
Ref<T> MakeRef(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace ebb
