//===- EventsJson.h - events as part of a JSON file; only inside discocFormats ---===//
// SPDX-License-Identifier: Apache-2.0
#ifndef DISCOC_FORMATS_EVENTSJSON_H
#define DISCOC_FORMATS_EVENTSJSON_H

#include "compiler/formats/Events.h"
#include "compiler/formats/Json.h"

namespace discoc {

Json toJson(const Events &events);
bool readEvents(const JsonView &view, Events &events);

} // namespace discoc

#endif // DISCOC_FORMATS_EVENTSJSON_H
