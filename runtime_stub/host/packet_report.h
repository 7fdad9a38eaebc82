//===- packet_report.h - what packets did, in a program's report ----------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_HOST_PACKET_REPORT_H
#define DISCO_HOST_PACKET_REPORT_H

#include "../transport/packets.h"

#include <stdio.h>

// Two fields of the JSON, each behind a comma: the counts of ports, and of the streams to peers.
void disco_print_packets(const disco_packets *packets, FILE *to);

#endif // DISCO_HOST_PACKET_REPORT_H
