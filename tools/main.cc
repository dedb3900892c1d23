#include "tools/run.h"

int main(int argc, char** argv) { return fovea::tools::Run(argc, argv); }
