// Image files for the tests.
#include "image_builder.h"

#include <elf.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <vector>

#include "tender/sha256.h"

namespace ebb::tender {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

uint64_t SymbolAddress(const std::string& elf, const std::string& name) {
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(elf.data());
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(elf.data() + header->e_shoff);
  for (unsigned i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const auto* symbols = reinterpret_cast<const Elf64_Sym*>(elf.data() + sections[i].sh_offset);
    const char* names = elf.data() + sections[sections[i].sh_link].sh_offset;
    for (uint64_t s = 0; s < sections[i].sh_size / sizeof(Elf64_Sym); ++s) {
      if (name == names + symbols[s].st_name) return symbols[s].st_value;
    }
  }
  throw std::runtime_error("no symbol " + name);
}

uint8_t* Bytes(std::string& text) { return reinterpret_cast<uint8_t*>(text.data()); }

}  // namespace

std::string TemporaryPath(const std::string& name) {
  static const std::filesystem::path kFolder = [] {
    std::string pattern = std::filesystem::temp_directory_path() / "ebbtender-test-XXXXXX";
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
    return std::filesystem::path(pattern);
  }();
  static struct Cleaner {
    pid_t owner = getpid();
    ~Cleaner() {
      std::error_code ignored;
      if (getpid() == owner) std::filesystem::remove_all(kFolder, ignored);
    }
  } cleaner;
  return kFolder / name;
}

void WriteTestImage(const std::string& path, const std::function<void(ebb_image_header&)>& change,
                    const std::string& guest) {
  const std::string elf = ReadFile(guest);
  const auto* elf_header = reinterpret_cast<const Elf64_Ehdr*>(elf.data());
  const auto* program = reinterpret_cast<const Elf64_Phdr*>(elf.data() + elf_header->e_phoff);

  ebb_image_header header{};
  std::memcpy(header.magic, EBB_IMAGE_MAGIC, sizeof header.magic);
  header.abi_version = EBB_ABI_VERSION;
  header.kernel_entry = SymbolAddress(elf, "guest_entry");
  header.upcall_entry = SymbolAddress(elf, "upcall_entry");
  header.syscall_entry = SymbolAddress(elf, "syscall_entry");
  header.kernel_text_start = SymbolAddress(elf, "guest_text_start");
  header.kernel_text_end = SymbolAddress(elf, "guest_text_end");

  std::string file(EBB_PAGE_SIZE, '\0');
  const auto append = [&](const std::string& bytes) {
    const uint64_t offset = file.size();
    file += bytes;
    // Not zero, so that a mapping that runs beyond the segment's end shows.
    file.resize((file.size() + EBB_PAGE_SIZE - 1) & ~(EBB_PAGE_SIZE - 1), '\x5a');
    return offset;
  };
  const std::string manifest = R"({"kind":"test"})";
  const std::string options("profile=test\0", 13);
  header.manifest_offset = append(manifest);
  header.manifest_size = manifest.size();
  header.options_offset = append(options);
  header.options_size = options.size();
  for (unsigned i = 0; i < elf_header->e_phnum; ++i) {
    if (program[i].p_type != PT_LOAD || program[i].p_memsz == 0) continue;
    ebb_image_segment& segment = header.segments[header.segment_count++];
    segment.vaddr = program[i].p_vaddr;
    segment.mem_size = program[i].p_memsz;
    segment.file_size = program[i].p_filesz;
    segment.file_offset = append(elf.substr(program[i].p_offset, program[i].p_filesz));
    segment.prot = ((program[i].p_flags & PF_R) ? EBB_PROT_READ : 0u) |
                   ((program[i].p_flags & PF_W) ? EBB_PROT_WRITE : 0u) |
                   ((program[i].p_flags & PF_X) ? EBB_PROT_EXEC : 0u);
    segment.kind = segment.vaddr < EBB_EXE_END ? EBB_SEGMENT_EXE : EBB_SEGMENT_KERNEL;
  }
  ebb_image_segment& fs = header.segments[header.segment_count++];
  fs = {EBB_FS_BASE, 10, append("EBBFSIMG??"), 10, EBB_PROT_READ, EBB_SEGMENT_FS, {}};
  header.image_size = file.size();

  for (uint32_t i = 0; i < header.segment_count; ++i) {
    ebb_image_segment& segment = header.segments[i];
    const auto digest = Sha256::Of({Bytes(file) + segment.file_offset, segment.file_size});
    std::memcpy(segment.sha256, digest.data(), digest.size());
  }
  if (change) change(header);
  std::memcpy(file.data(), &header, sizeof header);
  Sha256 hash;
  hash.Update({Bytes(file), EBB_PAGE_SIZE});
  const auto update = [&](uint64_t offset, uint64_t size) {
    if (offset <= file.size() && size <= file.size() - offset) hash.Update({Bytes(file) + offset, size});
  };
  update(header.manifest_offset, header.manifest_size);
  update(header.options_offset, header.options_size);
  const auto digest = hash.Finish();
  std::memcpy(Bytes(file) + offsetof(ebb_image_header, sha256), digest.data(), digest.size());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << file;
}

void PatchFile(const std::string& path, uint64_t offset, const std::string& bytes) {
  std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
  file.seekp(static_cast<std::streamoff>(offset));
  file << bytes;
}

}  // namespace ebb::tender
