// Compare measures Signalbox beside other servers on this machine, with their default
// durability, and prints a Markdown table:
//
//	./run.sh -rounds 3
//
// Each server is one process on loopback that answers the same request to the same
// clients: read one configuration, write one configuration, evaluate one flag with a
// gradual rollout for one user. The processor time is that of the server's process alone,
// and does not depend on the client. The servers run one after another in each round, and
// the medians of the rounds are printed.
//
// It is a module of its own, so that the dependencies of the other servers stay out of
// Signalbox's. It is not for tests, and no figure of it is a goal.
package main
