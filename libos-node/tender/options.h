// Options: the command line of ebbtender, parsed and checked.
#ifndef EBB_TENDER_OPTIONS_H_
#define EBB_TENDER_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tender/broker/broker.h"
#include "tender/result.h"

namespace ebb::tender {

enum class Command { kRun, kServe, kVerify, kFilters, kHelp, kVersion };
enum class TenderChoice { kAuto, kKvm, kProcess };

struct Options {
  Command command = Command::kHelp;
  std::string image;
  TenderChoice tender = TenderChoice::kAuto;
  uint64_t memory_mb = 256;
  std::optional<int> report_fd;
  std::string socket_path;
  std::string listen_path;    // serve: where clones are asked for
  std::string snapshot_path;  // serve: the template's file
  // Of a clone, in its request:
  std::string id;             // what a capture names it by; empty: it cannot be captured
  std::string function_path;  // the function's snapshot that it goes on from; empty: the template
  std::string prefault_path;  // a function's snapshot whose pages a clone of the template copies at once; may be empty
  std::optional<uint16_t> port;
  std::vector<ExposedPort> expose;
  bool allow_remote = false;
  std::vector<std::string> environment;  // NAME=VALUE
  std::vector<std::string> arguments;    // of the guest's program, argv[0] first; empty: the image's own
  std::vector<uint16_t> gateway_ports;
  uint32_t max_sockets = 384;
  uint32_t log_rate_mb = 32;
  std::string cpu_group;  // folder of a cgroup; empty: none
  int nice = 0;
  bool allow_private = false;
  bool trace = false;
  bool stats = false;    // counters and measured costs as a JSON line on stderr at the end
  bool json = false;     // filters: rules as JSON, one object a line
  bool program = false;  // filters: policies and instructions instead of rules
};

// `arguments` without the program's name.
Result<Options> ParseOptions(std::span<const std::string> arguments);

extern const char kHelpText[];
extern const char kVersionText[];

}  // namespace ebb::tender

#endif  // EBB_TENDER_OPTIONS_H_
