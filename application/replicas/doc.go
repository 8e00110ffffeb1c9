// Package replicas announces this process to the others that serve from the same
// database, and finds differences in their settings that make them answer
// differently. Loops and timers belong to the caller.
package replicas
