// Weights are used where they lie in a file: what happens when the file is cut meanwhile.
#pragma once

namespace fovea::cli {

/// From here on a read of a mapped file's bytes that are gone (the file was cut, its disk failed)
/// says so in one line on standard error, removes unfinished output files and ends the process with
/// 1, instead of a crash. Other causes of SIGBUS end the process as ever.
void handle_cut_files();

}  // namespace fovea::cli
