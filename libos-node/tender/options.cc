// Parsing of the command line.
#include "tender/options.h"

#include <arpa/inet.h>

#include <charconv>
#include <functional>
#include <map>

#include "abi/ebb_abi.h"
#include "tender/broker/host_network.h"

namespace ebb::tender {

const char kHelpText[] =
    R"(ebbtender runs one LibOS image as a virtual machine.

  ebbtender run --image FILE [options]        run until the guest ends; SIGTERM or SIGINT end it
  ebbtender serve --image FILE --listen PATH --snapshot FILE [options]
                                              keep a template, made once, and clone VMs from it
  ebbtender verify --image FILE               check a file completely, checksums included
  ebbtender filters [--tender T] [--json]     print what the seccomp filters in force allow; --program: their code
  ebbtender --help | --version

Options of run:
  --tender kvm|process|auto   what confines the guest; auto (default) takes KVM when /dev/kvm is usable
  --memory MB                 what the guest may commit, 16..65536 (default 256)
  --socket PATH               unix socket that leads to the guest's port 8080
  --port P                    the same on 127.0.0.1:P
  --expose [HOST:]PORT:GUEST  shows port GUEST of the guest on PORT of the host's loopback address HOST (default
                              127.0.0.1); PORT 0 takes a free one; may be repeated
  --allow-remote              --expose also takes addresses that other machines reach
  --env NAME=VALUE            variable of the guest's environment; may be repeated
  --arg TEXT                  argument of the guest's program, argv[0] first; may be repeated (default: the image's own)
  --gateway-port P            port of the host's 127.0.0.1 that the guest reaches at 10.0.2.2; may be repeated
  --sockets N                 connections and other sockets of the guest at once, 1..384 (default 384); the guest
                              sees ENFILE beyond
  --log-rate MB               log bytes per second, 1..1024 (default 32); who writes more is held back
  --cgroup DIR                join this cgroup (v1 cpu controller or v2) before anything of the guest runs; the
                              caller makes it, sets its CPU shares or quota, and removes it
  --nice N                    priority below the normal one, 0..19 (default 0): for want of a cgroup
  --allow-private             let the guest connect to private addresses (for tests)
  --trace                     ask the guest for a trace of its syscalls
  --cores N                   virtual cores; only 1 so far
  --report-fd N               socket for log records, milestones and requests of the parent; without it the guest's
                              output goes to stdout and stderr, and `ready` to stderr when it listens
  --listen PATH               serve: unix socket where clones are asked for
  --snapshot FILE             serve: the template; made anew when it is missing, damaged or of another image
  --id TEXT                   of a clone: what a capture of it names it by
  --function FILE             of a clone: go on from this snapshot of a function, not from the template
  --prefault FILE             of a clone of a KVM template: copy at once the pages that this snapshot of a function has;
                              ignored when it is of another template
  --stats                     print counters and measured costs to stderr at the end

Exit status: the guest's own, 128 + signal when it died of one, 0 when it was told to end, 2 when the tender failed
(one line on stderr: CODE: sentence). A tender that crashes says so in a line on stderr: ebbtender crash {json}.
)";
const char kVersionText[] = "ebbtender 0.1.0 (abi 2)\n";
static_assert(EBB_ABI_VERSION == 2, "kVersionText names the version");

namespace {

Error Usage(std::string detail) { return Error{ErrorCode::kUsage, std::move(detail)}; }

template <typename T>
std::optional<T> Number(const std::string& text, T low, T high) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < low || value > high) return std::nullopt;
  return value;
}

using Setter = std::function<bool(Options&, const std::string&)>;  // false: bad value

template <typename T, typename Store>
Setter NumberSetter(T low, T high, Store store) {
  return [=](Options& options, const std::string& text) {
    const auto value = Number<T>(text, low, high);
    if (value) store(options, *value);
    return value.has_value();
  };
}

bool SetTender(Options& options, const std::string& text) {
  static const std::map<std::string, TenderChoice> kChoices = {
      {"auto", TenderChoice::kAuto}, {"kvm", TenderChoice::kKvm}, {"process", TenderChoice::kProcess}};
  const auto found = kChoices.find(text);
  if (found == kChoices.end()) return false;
  options.tender = found->second;
  return true;
}

bool AddEnvironment(Options& options, const std::string& text) {
  const size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  options.environment.push_back(text);
  return true;
}

// [HOST:]PORT:GUEST
bool AddExposed(Options& options, const std::string& text) {
  constexpr size_t kMost = 16;
  const size_t last = text.rfind(':');
  if (last == std::string::npos || options.expose.size() == kMost) return false;
  const size_t first = text.rfind(':', last - 1);
  const bool has_host = last > 0 && first != std::string::npos;
  const size_t port_at = has_host ? first + 1 : 0;
  const auto port = Number<uint16_t>(text.substr(port_at, last - port_at), 0, 65535);
  const auto guest = Number<uint16_t>(text.substr(last + 1), 1, 65535);
  in_addr address{htonl(INADDR_LOOPBACK)};
  if (has_host && inet_pton(AF_INET, text.substr(0, first).c_str(), &address) != 1) return false;
  if (!port || !guest) return false;
  options.expose.push_back({*guest, {ntohl(address.s_addr), *port}});
  return true;
}

bool IsLoopback(uint32_t address) { return address >> 24 == 127; }

constexpr size_t kLongestSocketPath = 107;  // sun_path

constexpr size_t kLongestId = 64;

bool SetSocket(Options& options, const std::string& text) {
  options.socket_path = text;
  return !text.empty() && text.size() <= kLongestSocketPath;
}

bool SetListen(Options& options, const std::string& text) {
  options.listen_path = text;
  return !text.empty() && text.size() <= kLongestSocketPath;
}

const std::map<std::string, Setter>& ValueOptions() {
  static const std::map<std::string, Setter> kOptions = {
      {"--image", [](Options& o, const std::string& v) { return !(o.image = v).empty(); }},
      {"--tender", SetTender},
      {"--memory", NumberSetter<uint64_t>(16, 65536, [](Options& o, uint64_t v) { o.memory_mb = v; })},
      {"--report-fd", NumberSetter<int>(0, 1 << 20, [](Options& o, int v) { o.report_fd = v; })},
      {"--socket", SetSocket},
      {"--listen", SetListen},
      {"--snapshot", [](Options& o, const std::string& v) { return !(o.snapshot_path = v).empty(); }},
      {"--id", [](Options& o, const std::string& v) { return !(o.id = v).empty() && v.size() <= kLongestId; }},
      {"--function", [](Options& o, const std::string& v) { return !(o.function_path = v).empty(); }},
      {"--prefault", [](Options& o, const std::string& v) { return !(o.prefault_path = v).empty(); }},
      {"--port", NumberSetter<uint16_t>(0, 65535, [](Options& o, uint16_t v) { o.port = v; })},
      {"--expose", AddExposed},
      {"--env", AddEnvironment},
      {"--arg", [](Options& o, const std::string& v) { return o.arguments.push_back(v), true; }},
      {"--gateway-port",
       NumberSetter<uint16_t>(1, 65535, [](Options& o, uint16_t v) { o.gateway_ports.push_back(v); })},
      {"--sockets", NumberSetter<uint32_t>(1, 384, [](Options& o, uint32_t v) { o.max_sockets = v; })},
      {"--log-rate", NumberSetter<uint32_t>(1, 1024, [](Options& o, uint32_t v) { o.log_rate_mb = v; })},
      {"--cgroup", [](Options& o, const std::string& v) { return !(o.cpu_group = v).empty(); }},
      {"--nice", NumberSetter<int>(0, 19, [](Options& o, int v) { o.nice = v; })},
      {"--cores", NumberSetter<int>(1, 1, [](Options&, int) {})},
  };
  return kOptions;
}

const std::map<std::string, void (*)(Options&)>& FlagOptions() {
  static const std::map<std::string, void (*)(Options&)> kOptions = {
      {"--allow-private", [](Options& o) { o.allow_private = true; }},
      {"--allow-remote", [](Options& o) { o.allow_remote = true; }},
      {"--trace", [](Options& o) { o.trace = true; }},
      {"--stats", [](Options& o) { o.stats = true; }},
      {"--json", [](Options& o) { o.json = true; }},
      {"--program", [](Options& o) { o.program = true; }},
  };
  return kOptions;
}

}  // namespace

Result<Options> ParseOptions(std::span<const std::string> arguments) {
  static const std::map<std::string, Command> kCommands = {
      {"run", Command::kRun},         {"serve", Command::kServe},      {"verify", Command::kVerify},
      {"filters", Command::kFilters}, {"--help", Command::kHelp},      {"-h", Command::kHelp},
      {"help", Command::kHelp},       {"--version", Command::kVersion}};
  if (arguments.empty()) return Usage("no command");
  const auto command = kCommands.find(arguments[0]);
  if (command == kCommands.end()) return Usage("unknown command " + arguments[0]);
  Options options;
  options.command = command->second;
  for (size_t i = 1; i < arguments.size(); ++i) {
    const std::string& name = arguments[i];
    if (const auto flag = FlagOptions().find(name); flag != FlagOptions().end()) {
      flag->second(options);
      continue;
    }
    const auto setter = ValueOptions().find(name);
    if (setter == ValueOptions().end()) return Usage("unknown option " + name);
    if (i + 1 == arguments.size()) return Usage(name + " needs a value");
    if (!setter->second(options, arguments[++i])) return Usage("bad value for " + name + ": " + arguments[i]);
  }
  const bool serve = options.command == Command::kServe;
  const bool needs_image = options.command == Command::kRun || options.command == Command::kVerify || serve;
  if (needs_image && options.image.empty()) return Usage("--image is missing");
  for (const ExposedPort& exposed : options.expose) {
    if (!options.allow_remote && !IsLoopback(exposed.host.address)) {
      return Usage("--expose: " + EndpointText(exposed.host) + " is no loopback address; --allow-remote takes it");
    }
  }
  if (serve && (options.listen_path.empty() || options.snapshot_path.empty() || !options.report_fd))
    return Usage("serve needs --listen, --snapshot and --report-fd");
  return options;
}

}  // namespace ebb::tender
