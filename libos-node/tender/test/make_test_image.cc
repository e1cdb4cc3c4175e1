// Writes a test guest's image to the path given, for trying a tender by hand.
#include <cstring>

#include "image_builder.h"

int main(int argc, char** argv) {
  const bool hostile = argc == 3 && std::strcmp(argv[1], "--hostile") == 0;
  if (argc != 2 && !hostile) return 2;
  ebb::tender::WriteTestImage(argv[argc - 1], {}, hostile ? EBB_HOSTILE_GUEST : EBB_TEST_GUEST);
  return 0;
}
