//===- text.h - text of models and command lines, safe to show ------------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_HOST_TEXT_H
#define DISCO_HOST_TEXT_H

#include <stdio.h>

// "error: TEXT" and a line's end to standard error. Names in it may hold anything: control
// characters, bytes that are no UTF-8, and characters that steer a terminal or have no width are
// shown as \xNN and \u{NNNN}.
void disco_print_error(const char *text);
// The same without "error: ".
void disco_print_note(const char *text);

// The text as a JSON string, in ASCII; bytes that are no UTF-8 become U+FFFD.
void disco_print_json(FILE *to, const char *text);

#endif // DISCO_HOST_TEXT_H
