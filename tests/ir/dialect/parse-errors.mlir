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

// -----

// expected-error@+1 {{expected 'dims'}}
module attributes {a.lies = #disco.physical<0, 1>} {}

// -----

// expected-error@+1 {{expected '+'}}
module attributes {a.lies = #disco.physical<dims [0] borders [0 : 1]>} {}

// -----

// expected-error@+1 {{a dimension in memory steps axis -1 by 1}}
module attributes {a.lies = #disco.physical<dims [0, -1]>} {}

// -----

// expected-error@+1 {{the dimensions of axis 1 in memory do not divide each other down to steps of 1}}
module attributes {a.lies = #disco.physical<dims [0, 1 by 6, 1 by 4, 1]>} {}

// -----

// expected-error@+1 {{the dimensions of axis 1 in memory do not divide each other down to steps of 1}}
module attributes {a.lies = #disco.physical<dims [0, 1 by 4]>} {}

// -----

// expected-error@+1 {{the dimensions of axis 1 in memory do not divide each other down to steps of 1}}
module attributes {a.lies = #disco.physical<dims [0, 1, 1]>} {}

// -----

// expected-error@+1 {{the border of axis 2 is negative, of an axis that is not there, or stated twice}}
module attributes {a.lies = #disco.physical<dims [0, 1] borders [2 : 1 + 1]>} {}

// -----

// expected-error@+1 {{the border of axis 1 is negative, of an axis that is not there, or stated twice}}
module attributes {a.lies = #disco.physical<dims [0, 1] borders [1 : 1 + 1, 1 : 0 + 1]>} {}

// -----

// expected-error@+1 {{the pitch of dimension 1 is below 1, of a dimension that is not there, or stated twice}}
module attributes {a.lies = #disco.physical<dims [0, 1] pitch [1 : 0]>} {}

// -----

// expected-error@+1 {{an order of axis 2, which has no dimension in memory}}
module attributes {a.lies = #disco.physical<dims [0, 1] order 2 [0]>} {}

// -----

// expected-error@+1 {{the order of axis 1 is no permutation}}
module attributes {a.lies = #disco.physical<dims [0, 1] order 1 [0, 0]>} {}

// -----

// expected-error@+1 {{a tensor that lies in memory 0 times}}
module attributes {a.lies = #disco.physical<dims [0] copies 0>} {}

// -----

// expected-error@+1 {{Winograd's tiles are 2 x 2 or 4 x 4 outputs, not 3 x 3}}
module attributes {a.lies = #disco.winograd<3>} {}
