// What the parsers of sets, layouts, routes, parts and functions refuse.
// RUN: discoc-opt --split-input-file --verify-diagnostics %s

// expected-error@+1 {{ranges of a set must be ascending and not adjacent}}
module attributes {a.set = #disco.set<3, 1>} {}

// -----

// Adjacent ranges would give one set two texts.
// expected-error@+1 {{ranges of a set must be ascending and not adjacent}}
module attributes {a.set = #disco.set<0 to 3, 4>} {}

// -----

// expected-error@+1 {{ranges of a set must be ascending and not adjacent}}
module attributes {a.set = #disco.set<0 to 3, 3 to 5>} {}

// -----

// expected-error@+1 {{ranges of a set must be ascending and not adjacent}}
module attributes {a.set = #disco.set<3 to 1>} {}

// -----

// expected-error@+1 {{ranges of a set must be ascending and not adjacent}}
module attributes {a.set = #disco.set<-1>} {}

// -----

// expected-error@+1 {{expected integer value}}
module attributes {a.set = #disco.set<1, >} {}

// -----

// expected-error@+1 {{expected integer value}}
module attributes {a.set = #disco.set<1 to >} {}

// -----

// expected-error@+1 {{expected '>'}}
module attributes {a.set = #disco.set<1 2>} {}

// -----

// expected-error@+1 {{expected 'axis'}}
module attributes {a.map = #disco.owned<0 : 1>} {}

// -----

// expected-error@+1 {{expected ':'}}
module attributes {a.map = #disco.owned<whole 0>} {}

// -----

// expected-error@+1 {{expected '>'}}
module attributes {a.map = #disco.local<axis 1 : 0 | 1>} {}

// -----

// expected-error@+1 {{expected '->'}}
module attributes {a.route = #disco.route<0, 1 : 2>} {}

// -----

// expected-error@+1 {{expected string}}
module attributes {a.part = #disco.part<conv1 : axis 1 : 2>} {}

// -----

// expected-error@+1 {{unknown function 'rellu'}}
module attributes {a.act = #disco.act<rellu>} {}

// -----

// Both parameters or none.
// expected-error@+1 {{expected ','}}
module attributes {a.act = #disco.act<clip, 0.0>} {}
