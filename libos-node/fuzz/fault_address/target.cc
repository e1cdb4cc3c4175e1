// The decoder of faulting instructions on arbitrary code and registers. Input: 8 bytes from which the registers follow,
// then the code. An instruction that is whole must mean the same with more bytes behind it.
#include "fuzz/support/check.h"
#include "fuzz/support/input.h"
#include "tender/fault_address.h"

using ebb::tender::DecodeAccess;
using ebb::tender::DecodedAccess;

namespace {

bool Same(const DecodedAccess& a, const DecodedAccess& b) {
  if (a.count != b.count || a.cut != b.cut) return false;
  for (size_t i = 0; i < a.count; ++i) {
    if (a.operands[i].address != b.operands[i].address || a.operands[i].size != b.operands[i].size ||
        a.operands[i].write != b.operands[i].write) {
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ebb::fuzz::Input input(data, size);
  uint64_t state = input.Take<uint64_t>();
  const auto next = [&state] { return state = state * 6364136223846793005u + 1442695040888963407u; };
  ebb::tender::InstructionContext context{};
  for (uint64_t& gpr : context.gpr) gpr = next() >> (state % 64);
  context.rip = next();
  context.fs_base = next();
  context.gs_base = next();

  const auto code = input.Bytes(15);
  const DecodedAccess whole = DecodeAccess(code, context);
  FUZZ_CHECK(whole.count <= whole.operands.size());
  for (const auto& operand : whole.all()) FUZZ_CHECK(operand.size > 0 && operand.size <= 4096);
  for (size_t length = 0; length < code.size(); ++length) {
    const DecodedAccess part = DecodeAccess(code.first(length), context);
    FUZZ_CHECK(part.cut || Same(part, whole));
  }
  return 0;
}
