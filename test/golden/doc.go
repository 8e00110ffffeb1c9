// Command golden rewrites what is made from the code: the table of settings in
// README.md and env.template. It runs in the repository's folder; 'make golden'
// calls it.
//
// It is not a test: that nothing has changed is checked by .ci/run.
package main
