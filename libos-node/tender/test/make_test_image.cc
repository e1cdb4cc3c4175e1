// Writes the test guest's image to the path given, for trying a tender by hand.
#include "image_builder.h"

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  ebb::tender::WriteTestImage(argv[1]);
  return 0;
}
