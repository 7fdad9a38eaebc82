// What disco-assign-layouts refuses.
// RUN: discoc-opt --disco-assign-layouts --split-input-file --verify-diagnostics %s

// expected-error@+1 {{there is no layout 'other'; the layouts are nhwc, blocked, reversed}}
module attributes {disco.layout = "other"} {}
