// Package harness provides real services to tests: the PostgreSQL of a URL, else one from
// Docker, else one from installed server binaries; Redis and Kafka likewise. Without one,
// the test is skipped with an instruction; with REQUIRE_SERVICES=1 it fails.
//
// It is not for doubles; fixture has those.
package harness
