//===- ShardReport.cpp - the line of JSON that a shard's program prints ---===//
// SPDX-License-Identifier: Apache-2.0
//
// nlohmann-json throws when a text or a value is not as expected; here that means
// "no report", and nothing leaves this file.
#include "compiler/run/ShardRun.h"

#include <nlohmann/json.hpp>

namespace discoc {

static std::optional<int64_t> rankOf(const nlohmann::json &value) {
  return value.is_null() ? std::nullopt : std::optional(value.get<int64_t>());
}

static ShardReport::Packets packetsOf(const nlohmann::json &json) {
  ShardReport::Packets all;
  for (const nlohmann::json &port : json.at("ports")) {
    all.sent += port.at("tx_packets").get<int64_t>();
    all.damaged += port.at("damaged").get<int64_t>();
    all.forwarded += port.at("forwarded").get<int64_t>();
    all.dropped += port.at("dropped").get<int64_t>();
  }
  for (const nlohmann::json &stream : json.at("streams")) {
    all.segments += stream.at("tx_segments").get<int64_t>();
    all.repeated += stream.at("retransmissions").get<int64_t>();
  }
  return all;
}

std::optional<ShardReport> parseShardReport(const std::string &line) {
  try {
    const nlohmann::json json = nlohmann::json::parse(line);
    ShardReport report;
    report.rank = json.at("rank").get<int64_t>();
    report.ok = json.at("ok").get<bool>();
    report.code = json.at("code").get<int64_t>();
    report.error = json.at("error").get<std::string>();
    report.failedRank = rankOf(json.at("failed_rank"));
    report.reporter = rankOf(json.at("reporter"));
    report.inferences = json.at("inferences").get<int64_t>();
    if (const nlohmann::json &time = json.at("time_us"); !time.is_null()) {
      report.leastUs = time.at("min").get<int64_t>();
      report.medianUs = time.at("median").get<int64_t>();
      report.mostUs = time.at("max").get<int64_t>();
      report.p99Us = time.value("p99", int64_t(0));
      report.spanUs = json.value("span_us", int64_t(0));
      report.inFlight = json.value("in_flight", int64_t(1));
    }
    for (const nlohmann::json &item : json.at("peers")) {
      ShardReport::Peer peer;
      peer.rank = item.at("rank").get<int64_t>();
      peer.sentBytes = item.at("tx_payload").get<int64_t>();
      peer.sentMessages = item.at("tx_messages").get<int64_t>();
      peer.sentOnWire = item.at("tx_wire").get<int64_t>();
      peer.receivedBytes = item.at("rx_payload").get<int64_t>();
      peer.receivedMessages = item.at("rx_messages").get<int64_t>();
      report.peers.push_back(peer);
    }
    if (json.contains("stack_bytes"))
      report.stackBytes = json["stack_bytes"].get<int64_t>();
    if (json.contains("ports") || json.contains("streams"))
      report.packets = packetsOf(json);
    report.json = line;
    return report;
  } catch (const std::exception &) {
    return std::nullopt;
  }
}

} // namespace discoc
