// A loop per test, closed at its end: a handle that was left open fails the test, as it would abort Node.
#pragma once

#include <gtest/gtest.h>
#include <uv.h>

#include <string>
#include <vector>

namespace ebb::uv::test {

class LoopTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_EQ(uv_loop_init(&loop_), 0); }
  void TearDown() override {
    CloseAll();
    EXPECT_EQ(uv_loop_close(&loop_), 0);
  }
  // A test calls this before the handles in its frame go away.
  void CloseAll() {
    const auto close = [](uv_handle_t* handle, void*) {
      if (!uv_is_closing(handle)) uv_close(handle, nullptr);
    };
    uv_walk(&loop_, close, nullptr);
    uv_run(&loop_, UV_RUN_DEFAULT);
  }
  int Run(uv_run_mode mode = UV_RUN_DEFAULT) { return uv_run(&loop_, mode); }

  uv_loop_t loop_;
};

template <class T>
uv_handle_t* Handle(T* handle) {
  return reinterpret_cast<uv_handle_t*>(handle);
}
template <class T>
uv_stream_t* Stream(T* handle) {
  return reinterpret_cast<uv_stream_t*>(handle);
}
// handle->data as what the test put there.
template <class T, class H>
T& Data(H* handle) {
  return *static_cast<T*>(handle->data);
}
inline uv_buf_t Buffer(const char* text) {
  return uv_buf_init(const_cast<char*>(text), static_cast<unsigned>(std::string_view(text).size()));
}

}  // namespace ebb::uv::test
