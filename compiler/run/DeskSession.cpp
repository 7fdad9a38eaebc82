//===- DeskSession.cpp - answers the requests of one board ----------------===//
// SPDX-License-Identifier: Apache-2.0
#include "compiler/run/DeskSession.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CRC.h"

#include <algorithm>
#include <cstring>

namespace discoc {

namespace {
constexpr size_t headerBytes = 8, crcBytes = 4, dataMost = 128, filesMost = 64, frameMost = 256,
                 lineMost = 1 << 20;

uint32_t wordAt(std::string_view bytes, size_t at) {
  uint32_t word = 0;
  for (size_t i = 0; i < 4; ++i)
    word |= static_cast<uint32_t>(static_cast<uint8_t>(bytes[at + i])) << (8 * i);
  return word;
}

void addWord(std::string &bytes, uint32_t word) {
  for (int i = 0; i < 4; ++i)
    bytes += static_cast<char>(word >> (8 * i) & 255);
}

uint32_t crcOf(std::string_view bytes) {
  return llvm::crc32({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()});
}

/// COBS, without the zero behind it.
std::string decoded(const std::string &frame) {
  std::string packet;
  for (size_t at = 0; at < frame.size();) {
    const size_t code = static_cast<uint8_t>(frame[at]);
    packet += frame.substr(at + 1, code - 1);
    at += code;
    if (code < 255 && at < frame.size())
      packet += '\0';
  }
  return packet;
}

/// Packets are shorter than 254 bytes: no block is full.
std::string encoded(const std::string &packet) {
  std::string frame, block;
  for (size_t at = 0; at <= packet.size(); ++at) {
    if (at < packet.size() && packet[at] != 0) {
      block += packet[at];
      continue;
    }
    frame += static_cast<char>(block.size() + 1);
    frame += block;
    block.clear();
  }
  return frame + '\0';
}

/// As it travels over a UART; of nothing: nothing.
std::string sealed(std::string packet) {
  if (packet.empty())
    return packet;
  addWord(packet, crcOf(packet));
  return encoded(packet);
}

bool isPlain(std::string_view name) {
  return !name.empty() && name[0] != '.' && std::all_of(name.begin(), name.end(), [](char c) {
    return llvm::isAlnum(c) || c == '.' || c == '-' || c == '_';
  });
}
} // namespace

std::string DeskSession::take(const char *bytes, size_t size) {
  std::string answers;
  for (size_t i = 0; i < size; ++i) {
    if (bytes[i] != 0) {
      if (frame_.size() < frameMost)
        frame_ += bytes[i];
      continue;
    }
    const std::string packet = decoded(frame_);
    frame_.clear();
    if (packet.size() >= headerBytes + crcBytes &&
        crcOf(std::string_view(packet).substr(0, packet.size() - crcBytes)) ==
            wordAt(packet, packet.size() - crcBytes))
      answers += sealed(answer(packet.substr(0, packet.size() - crcBytes)));
  }
  return answers;
}

/// One that came before is answered again and not done again; a hello may be of another program.
std::string DeskSession::answer(const std::string &packet) {
  if (packet.size() < headerBytes)
    return "";
  if (packet[0] == 'V')
    return passOn(packet);
  // A command line is for the program whose hello was seen here: that of another one, which a desk
  // before greeted, would be served unchecked. It stops asking, and begins again.
  if ((packet[0] == 'H' && closed_) || (packet[0] == 'C' && !greeted_))
    return "";
  const std::string request = packet.substr(0, 2);
  if (request != lastRequest_ || packet[0] == 'H') {
    const Answer made = serve(packet[0], static_cast<uint8_t>(packet[2]), wordAt(packet, 4),
                              std::string_view(packet).substr(headerBytes));
    std::string reply = {static_cast<char>(packet[0] | 0x80), packet[1], 0, 0};
    addWord(reply, static_cast<uint32_t>(made.result));
    reply += made.data;
    lastRequest_ = request;
    lastAnswer_ = reply;
  }
  return lastAnswer_;
}

/// The board between keeps nothing: what it is told goes to the rank that asked.
std::string DeskSession::passOn(const std::string &packet) {
  const uint32_t rank = wordAt(packet, 4);
  const std::string inner = watch_.passed ? watch_.passed(rank, packet.substr(headerBytes)) : "";
  if (inner.empty())
    return "";
  std::string reply = {static_cast<char>('V' | 0x80), packet[1], 0, 0};
  addWord(reply, rank);
  return reply + inner;
}

DeskSession::Answer DeskSession::serve(char what, size_t handle, uint32_t number,
                                       std::string_view data) {
  switch (what) {
  case 'H': return greeted(data), Answer();
  case 'C':
    watch_.asked();
    return {0, number < arguments_.size()
                   ? arguments_.substr(number, handle ? std::min(handle, dataMost) : dataMost)
                   : ""};
  case 'O': return open(data, number != 1);
  case 'P': return print(data), Answer();
  case 'E': return watch_.ended(static_cast<int>(number)), Answer();
  case 'X':
    if (handle < files_.size())
      files_[handle].reset();
    return {};
  default:
    if (handle < files_.size() && files_[handle])
      return ofFile(what, files_[handle].get(), number, data);
    return {-1};
  }
}

void DeskSession::greeted(std::string_view who) {
  greeted_ = true;
  files_.clear();
  text_.clear();
  if (who.size() < 8)
    return;
  watch_.begun({static_cast<int64_t>(wordAt(who, 0)), static_cast<int64_t>(wordAt(who, 4)),
                llvm::toHex(llvm::StringRef(who.data() + 8, who.size() - 8), /*LowerCase=*/true)});
}

DeskSession::Answer DeskSession::open(std::string_view name, bool writes) {
  if (!isPlain(name) || files_.size() >= filesMost)
    return {-1};
  const std::string path = directory_ + "/" + std::string(name);
  files_.emplace_back(std::fopen(path.c_str(), writes ? "wb" : "rb"));
  return {files_.back() ? static_cast<int32_t>(files_.size() - 1) : -1};
}

DeskSession::Answer DeskSession::ofFile(char what, std::FILE *file, uint32_t number,
                                        std::string_view data) {
  if (what == 'R') {
    std::string bytes(std::min<size_t>(number, dataMost), '\0');
    bytes.resize(std::fread(bytes.data(), 1, bytes.size(), file));
    return {static_cast<int32_t>(bytes.size()), bytes};
  }
  if (what == 'W') {
    const size_t written = std::fwrite(data.data(), 1, data.size(), file);
    return {std::fflush(file) == 0 ? static_cast<int32_t>(written) : 0};
  }
  if (what == 'K')
    return {std::fseek(file, static_cast<long>(number), SEEK_SET) == 0 ? 0 : -1};
  if (what != 'S')
    return {-1};
  const long at = std::ftell(file);
  std::fseek(file, 0, SEEK_END);
  const long size = std::ftell(file);
  std::fseek(file, at, SEEK_SET);
  return {static_cast<int32_t>(size)};
}

void DeskSession::print(std::string_view text) {
  text_ += text;
  size_t end;
  while ((end = text_.find('\n')) != std::string::npos || text_.size() > lineMost) {
    watch_.line(text_.substr(0, end));
    text_.erase(0, end == std::string::npos ? end : end + 1);
  }
}

} // namespace discoc
