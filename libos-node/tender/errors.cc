// Error from errno.
#include <cstring>

#include "tender/result.h"

namespace ebb::tender {

Error ErrnoError(ErrorCode code, const std::string& what, int error) {
  char buffer[128];
  return Error{code, what + ": " + strerror_r(error, buffer, sizeof buffer)};
}

}  // namespace ebb::tender
