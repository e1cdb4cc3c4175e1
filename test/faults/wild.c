#include <node_api.h>
#include <stdint.h>

static double Argument(napi_env env, napi_callback_info info, int index) {
  napi_value values[3];
  size_t count = 3;
  double number = 0;
  napi_get_cb_info(env, info, &count, values, 0, 0);
  napi_get_value_double(env, values[index], &number);
  return number;
}

static napi_value Read(napi_env env, napi_callback_info info) {
  napi_value result;
  napi_create_int32(env, *(volatile signed char*)(uintptr_t)Argument(env, info, 0), &result);
  return result;
}

/* fill(from, to, byte) */
static napi_value Fill(napi_env env, napi_callback_info info) {
  volatile unsigned char* at = (volatile unsigned char*)(uintptr_t)Argument(env, info, 0);
  volatile unsigned char* end = (volatile unsigned char*)(uintptr_t)Argument(env, info, 1);
  unsigned char byte = (unsigned char)Argument(env, info, 2);
  while (at < end) *at++ = byte;
  return 0;
}

/* jump(address) */
static napi_value Jump(napi_env env, napi_callback_info info) {
  ((void (*)(void))(uintptr_t)Argument(env, info, 0))();
  return 0;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "read", NAPI_AUTO_LENGTH, Read, 0, &function);
  napi_set_named_property(env, exports, "read", function);
  napi_create_function(env, "fill", NAPI_AUTO_LENGTH, Fill, 0, &function);
  napi_set_named_property(env, exports, "fill", function);
  napi_create_function(env, "jump", NAPI_AUTO_LENGTH, Jump, 0, &function);
  napi_set_named_property(env, exports, "jump", function);
  return exports;
}
