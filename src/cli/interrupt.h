// Ctrl-C and its relatives: end at once, leave no temporary file.
#pragma once

namespace fovea::cli {

/// From here on SIGINT, SIGTERM and SIGHUP remove unfinished output files and end the process with
/// 128 + the signal's number (130 for Ctrl-C), whatever it is computing. A signal that the caller
/// had set to be ignored (nohup) stays so. Writing to a closed pipe becomes an error of write
/// instead of a signal.
void handle_interrupts();

}  // namespace fovea::cli
