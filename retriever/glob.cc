#include "retriever/glob.h"

#include <sqlite3.h>

namespace fovea {

bool MatchesGlob(const std::string& glob, const std::string& name) {
  return sqlite3_strglob(glob.c_str(), name.c_str()) == 0;
}

}  // namespace fovea
