// Compiles a policy file (see README.md) to a BPF program, as C++ source with the program and its listing. Runs at
// build time only.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "tender/seccomp/policy.h"
#include "tender/seccomp/program.h"

namespace {

using namespace ebb::tender;

std::set<int> SyscallsOf(const Policy& policy) {
  std::set<int> numbers;
  for (const auto& allow : policy.allowed) numbers.insert(allow.syscall);
  return numbers;
}

void Write(std::ostream& out, const std::string& role, std::istream& source, const Policy& policy,
           const Program& program) {
  out << "// Compiled from a policy file; see tender/seccomp/README.md.\n#include "
         "\"tender/seccomp/filters.h\"\n\nnamespace ebb::tender {\n\n"
      << "namespace {\nconst sock_filter kProgram[] = {\n";
  for (const auto& i : program.instructions)
    out << "    {" << i.code << ", " << +i.jt << ", " << +i.jf << ", " << i.k << "u},\n";
  out << "};\nconst Filter::Name kNames[] = {\n";
  for (const int number : SyscallsOf(policy)) {
    char* known = seccomp_syscall_resolve_num_arch(SCMP_ARCH_X86_64, number);
    out << "    {" << number << ", \"" << known << "\"},\n";
    std::free(known);
  }
  out << "};\n}  // namespace\n\n";
  out << "const Filter k" << role << "Filter = {\"" << role << "\", kProgram, kNames, R\"~(" << source.rdbuf()
      << ")~\", R\"~(" << program.listing << ")~\"};\n\n}  // namespace ebb::tender\n";
}

}  // namespace

// compile POLICY NAME OUTPUT: defines ebb::tender::k<NAME>Filter.
int main(int argc, char** argv) {
  try {
    if (argc != 4) throw PolicyError("usage: compile POLICY NAME OUTPUT");
    std::ifstream text(argv[1]);
    if (!text) throw PolicyError(std::string("cannot read ") + argv[1]);
    const Policy policy = ParsePolicy(text);
    const Program program = CompilePolicy(policy);
    std::ifstream source(argv[1]);
    std::ofstream out(argv[3]);
    Write(out, argv[2], source, policy, program);
    return out.good() ? 0 : 1;
  } catch (const PolicyError& error) {
    std::fprintf(stderr, "seccomp compile: %s\n", error.what());
    return 1;
  }
}
