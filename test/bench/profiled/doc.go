// Profiled is the service with a CPU profile, for the bench: SIGUSR1 begins a profile in the
// file that BENCH_CPU_PROFILE names, with ".part" at its end, and SIGUSR2 ends it; then the
// file has its name.
//
// It is not for production.
package main
