//! Who may do what: keys, scopes and the one authorization function. Knows no HTTP.
