// Package architecture checks the module against its rules: which package may import
// which, which folder owns which library, what every folder, file and port must have,
// and which terms are retired.
//
// Style is the linters' task. Each breach is one sentence that names the rule, the file
// and the import; a rule that applies to no package is a breach itself.
package architecture
