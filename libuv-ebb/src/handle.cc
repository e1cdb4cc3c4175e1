// What all handles and requests have in common: references, walking, data, names, sizes.
#include "src/handle.h"

#include <cstdio>

namespace {

struct TypeInfo {
  const char* name;
  size_t size;
};

constexpr TypeInfo kHandleTypes[] = {{nullptr, 0},
#define EBB_TYPE(upper, lower) {#lower, sizeof(uv_##lower##_t)},
                                     UV_HANDLE_TYPE_MAP(EBB_TYPE)
#undef EBB_TYPE
};

constexpr TypeInfo kRequestTypes[] = {{nullptr, 0},
#define EBB_TYPE(upper, lower) {#lower, sizeof(uv_##lower##_t)},
                                      UV_REQ_TYPE_MAP(EBB_TYPE)
#undef EBB_TYPE
};

const TypeInfo* HandleType(uv_handle_type type) {
  return type > UV_UNKNOWN_HANDLE && type < UV_FILE ? &kHandleTypes[type] : nullptr;
}

const TypeInfo* RequestType(uv_req_type type) {
  return type > UV_UNKNOWN_REQ && type < UV_REQ_TYPE_MAX ? &kRequestTypes[type] : nullptr;
}

void PrintHandles(uv_loop_t* loop, bool only_active, FILE* stream) {
  if (loop == nullptr) loop = uv_default_loop();
  if (stream == nullptr) stream = stderr;
  for (uv__queue* item = loop->handle_queue.next; item != &loop->handle_queue; item = item->next) {
    const uv_handle_t* handle = ebb::uv::OwnerOf(item, &uv_handle_t::handle_queue);
    if (only_active && uv_is_active(handle) == 0) continue;
    const TypeInfo* type = HandleType(handle->type);
    std::fprintf(stream, "[%c%c%c] %-8s %p\n", uv_has_ref(handle) != 0 ? 'R' : '-',
                 uv_is_active(handle) != 0 ? 'A' : '-', ebb::uv::HasFlag(handle, ebb::uv::kInternal) ? 'I' : '-',
                 type == nullptr ? "?" : type->name, static_cast<const void*>(handle));
  }
}

}  // namespace

using namespace ebb::uv;

void uv_ref(uv_handle_t* handle) {
  if (HasFlag(handle, kReferenced)) return;
  handle->flags |= kReferenced;
  if (!HasFlag(handle, kClosing) && HasFlag(handle, kActive)) ++handle->loop->active_handles;
}

void uv_unref(uv_handle_t* handle) {
  if (!HasFlag(handle, kReferenced)) return;
  handle->flags &= ~kReferenced;
  if (!HasFlag(handle, kClosing) && HasFlag(handle, kActive)) --handle->loop->active_handles;
}

int uv_has_ref(const uv_handle_t* handle) { return HasFlag(handle, kReferenced); }

int uv_is_active(const uv_handle_t* handle) { return HasFlag(handle, kActive); }

int uv_is_closing(const uv_handle_t* handle) { return HasFlag(handle, kClosing | kClosed); }

void uv_walk(uv_loop_t* loop, uv_walk_cb walk_cb, void* arg) {
  Queue todo;
  QueueMove(&loop->handle_queue, &todo);
  while (!QueueEmpty(&todo)) {
    Queue* item = QueueFront(&todo);
    QueueRemove(item);
    QueuePushBack(&loop->handle_queue, item);
    uv_handle_t* handle = OwnerOf(item, &uv_handle_t::handle_queue);
    if (!HasFlag(handle, kInternal)) walk_cb(handle, arg);
  }
}

void uv_print_all_handles(uv_loop_t* loop, FILE* stream) { PrintHandles(loop, false, stream); }

void uv_print_active_handles(uv_loop_t* loop, FILE* stream) { PrintHandles(loop, true, stream); }

size_t uv_handle_size(uv_handle_type type) {
  const TypeInfo* info = HandleType(type);
  return info == nullptr ? static_cast<size_t>(-1) : info->size;
}

uv_handle_type uv_handle_get_type(const uv_handle_t* handle) { return handle->type; }

const char* uv_handle_type_name(uv_handle_type type) {
  if (type == UV_FILE) return "file";
  const TypeInfo* info = HandleType(type);
  return info == nullptr ? nullptr : info->name;
}

void* uv_handle_get_data(const uv_handle_t* handle) { return handle->data; }

uv_loop_t* uv_handle_get_loop(const uv_handle_t* handle) { return handle->loop; }

void uv_handle_set_data(uv_handle_t* handle, void* data) { handle->data = data; }

size_t uv_req_size(uv_req_type type) {
  const TypeInfo* info = RequestType(type);
  return info == nullptr ? static_cast<size_t>(-1) : info->size;
}

void* uv_req_get_data(const uv_req_t* req) { return req->data; }

void uv_req_set_data(uv_req_t* req, void* data) { req->data = data; }

uv_req_type uv_req_get_type(const uv_req_t* req) { return req->type; }

const char* uv_req_type_name(uv_req_type type) {
  const TypeInfo* info = RequestType(type);
  return info == nullptr ? nullptr : info->name;
}
