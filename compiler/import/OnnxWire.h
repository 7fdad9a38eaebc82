//===- OnnxWire.h - cutting tensor bytes out of a serialised model --------===//
// SPDX-License-Identifier: Apache-2.0
//
// Protobuf copies every `bytes` field that it parses. So the wire format is
// walked here first, as far as needed to find each TensorProto.raw_data; the
// ranges are cut out and kept as views, and protobuf gets the small rest.
//
//===----------------------------------------------------------------------===//

#ifndef DISCOC_IMPORT_ONNXWIRE_H
#define DISCOC_IMPORT_ONNXWIRE_H

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace discoc::importer {

struct CutModel {
  /// A serialised ModelProto in which each raw_data holds a ticket.
  std::string rest;
  /// What the tickets stand for.
  std::vector<std::span<const std::byte>> views;

  /// The bytes behind the raw_data of a parsed TensorProto; false when it is
  /// no ticket, which no input can bring about.
  bool redeem(std::string_view ticket, std::span<const std::byte> &bytes) const;
};

/// Walks a serialised ModelProto. False with the reason in \p error when the
/// bytes are no such thing.
bool cutRawData(std::span<const std::byte> file, CutModel &cut, std::string &error);

} // namespace discoc::importer

#endif // DISCOC_IMPORT_ONNXWIRE_H
