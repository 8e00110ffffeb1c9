// Package architecture holds the house to its rules: who may import whom, which
// library has which owner, and what every folder, file and port owes.
//
// It is not for style; the linters have that. Each breach is one sentence that
// names the rule, the file and the import, and a rule that no package is under
// is a breach itself.
package architecture
