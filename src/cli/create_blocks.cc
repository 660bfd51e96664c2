#include <CLI/CLI.hpp>
#include "src/cli/command.h"
namespace narthex::cli {
void AddCreateBlocksCommands(CLI::App&, Command&) {}
}
