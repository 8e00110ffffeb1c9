// Package harness gives tests real services: a PostgreSQL that is named by a
// URL, else one from Docker, else one from a server binary on this machine.
// Where there is none the test is skipped, and says how to have one; with
// REQUIRE_SERVICES=1 that is a failure.
//
// It is not for doubles; fixture has those.
package harness
