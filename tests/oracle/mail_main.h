//===- mail_main.h - all shards in one process, data by mailbox -----------===//
// SPDX-License-Identifier: Apache-2.0

#ifndef DISCO_TESTS_MAIL_MAIN_H
#define DISCO_TESTS_MAIL_MAIN_H

#include "host/inproc_main.h"
#include "host/session.h"
#include "transport/mailbox.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <vector>

// As disco_inproc_main; the places of each mailbox come first on the command line, 0: no mailboxes.
inline int mail_main(int argc, char **argv, const disco_program *const *programs, uint32_t nodes) {
  disco_options options;
  char error[256];
  uint32_t places = static_cast<uint32_t>(argc > 1 ? atoi(argv[1]) : 0);
  if (places == 0)
    return disco_inproc_main(argc - 1, argv + 1, programs, nodes);
  if (!disco_options_parse(&options, argc - 1, argv + 1, false, error, sizeof error)) {
    fprintf(stderr, "error: %s\n", error);
    return DISCO_EXIT_USAGE;
  }
  disco_mailbox_options box = {nodes, places, 0, nullptr};
  for (uint32_t rank = 0; rank < nodes; ++rank)
    for (uint32_t i = 0; i < programs[rank]->message_count; ++i)
      box.bytes = std::max(box.bytes, programs[rank]->messages[i].bytes);
  disco_inproc *links =
      disco_inproc_create(nodes, options.exact ? DISCO_INPROC_EXACT : options.capacity);
  disco_mailboxes *mail = links ? disco_mailboxes_create(links, &box) : nullptr;
  if (!mail)
    return DISCO_EXIT_FILE;
  std::vector<disco_session> sessions(nodes);
  std::vector<std::thread> threads;
  for (uint32_t rank = 0; rank < nodes; ++rank) {
    disco_session *s = &sessions[rank];
    disco_session_open(s, programs[rank], &options);
    s->config.mailbox = disco_mailbox_of(mail, rank);
    if (s->exit_code || !disco_session_open_outputs(s))
      return s->exit_code;
  }
  for (uint32_t rank = 0; rank < nodes; ++rank)
    threads.emplace_back(
        [&, rank] { disco_session_run(&sessions[rank], disco_inproc_transport(links, rank)); });
  for (std::thread &t : threads)
    t.join();
  int code = 0;
  printf("{\"nodes\":[");
  for (uint32_t rank = 0; rank < nodes; ++rank) {
    disco_session *s = &sessions[rank];
    printf(rank ? "," : "");
    disco_session_json(s, stdout);
    if (s->exit_code)
      fprintf(stderr, "error: node %u: %s\n", rank, s->message);
    code = code ? code : s->exit_code;
    disco_session_close(s);
  }
  printf("]}\n");
  disco_mailboxes_destroy(mail);
  disco_inproc_destroy(links);
  disco_options_free(&options);
  return disco_finish_stdout(code);
}

#endif // DISCO_TESTS_MAIL_MAIN_H
