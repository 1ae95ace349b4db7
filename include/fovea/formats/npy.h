// numpy's .npy files: one array, read and written without Python.
// Source: numpy.lib.format, format versions 1.0, 2.0 and 3.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "fovea/core/tensor.h"
#include "fovea/formats/input_file.h"
#include "fovea/formats/output_file.h"

namespace fovea::formats {

/// What a file says about its array before any element is read.
struct NpyHeader {
  DType dtype = DType::f32;
  Shape shape;
  bool is_big_endian = false;
  bool is_fortran_order = false;  ///< the first axis varies fastest in the file
  std::int64_t data_offset = 0;   ///< byte of the first element
};

/// Returns the header; the data is known to be as long as it says. Throws Error{format} that names
/// the file, the byte, what was found and what is allowed: for another format, a header that is
/// damaged or longer than 64 KiB, pickled objects, structured, complex, text and 128-bit elements,
/// more than 8 axes, impossible sizes, and data that is shorter or longer than the shape. Reads
/// and allocates no more than the header.
NpyHeader read_npy_header(const InputFile& file);

/// Returns the array, row-major and in the machine's byte order whatever the file's. Elements are
/// f16, f32, f64, bool or integers; bfloat16, which numpy lacks, comes as u16 (see as_bfloat16).
/// Throws as InputFile and read_npy_header; Error{out_of_memory} when it does not fit.
Tensor read_npy(const std::string& path);
Tensor read_npy(const InputFile& file);

/// Returns the array of a .npy file that is already in memory; `name` begins the messages.
Tensor parse_npy(std::span<const std::byte> bytes, const std::string& name);

/// Returns a view of the same memory, its bits taken as bfloat16. Throws Error{invalid_argument}
/// unless `bits` is u16.
TensorView as_bfloat16(const TensorView& bits);

/// Appends `array` as a .npy file: version 1.0, C order, little-endian; bf16 as u16. Throws
/// Error{io}.
void write_npy(OutputFile& file, const TensorView& array);

/// Appends what stands before the elements of such a file, for writing them piece by piece.
void write_npy_header(OutputFile& file, DType dtype, const Shape& shape);

/// Writes a file of one array: it appears when it is whole. Throws Error{io}.
void write_npy(const std::string& path, const TensorView& array);

}  // namespace fovea::formats
