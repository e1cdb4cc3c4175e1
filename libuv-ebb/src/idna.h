// Host names with characters beyond ASCII (RFC 3490, 3492; no normalisation), and the UTF-8 decoding they need.
#pragma once

#include <cstddef>
#include <cstdint>

namespace ebb::uv {

constexpr uint32_t kNoCharacter = UINT32_MAX;

// Decodes one character of [*at, end) and moves *at past it; kNoCharacter when the bytes there are not UTF-8.
uint32_t DecodeUtf8(const char** at, const char* end);

// Writes the ASCII form, terminated. Returns its length with the terminator, or a negative UV error.
long IdnaToAscii(const char* name, size_t length, char* buffer, size_t size);

}  // namespace ebb::uv
