package note_test

import (
	"fmt"
	"time"

	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/examplemodule/note"
)

// The rules of a note need no adapter.
func Example() {
	environment, _ := scope.ParseEnvironment("production")
	name, _ := scope.ParseFlagName("maintenance")
	stamp := scope.Stamp{At: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)}
	n := note.New(note.Identity{Environment: environment, Name: name}, "on Sunday", stamp)
	_ = n.Update("on Monday", stamp)
	for _, e := range n.PendingEvents() {
		fmt.Println(e.Envelope().AggregateVersion, e.Envelope().Type)
	}
	// Output:
	// 1 note.created
	// 2 note.updated
}
