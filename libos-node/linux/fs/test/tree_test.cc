#include "linux/fs/test/world.h"
