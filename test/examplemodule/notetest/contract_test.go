package notetest_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"

	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/examplemodule/notetest"
)

func TestNotesInMemory(t *testing.T) {
	t.Parallel()
	notetest.Contract(t, func(*testing.T) notetest.Stored {
		store := notetest.NewStore()
		return notetest.Stored{Repository: store, History: store, Outbox: func(context.Context) ([]contract.Event, error) {
			var events []contract.Event
			for i, p := range store.Outbox() {
				events = append(events, contract.Event{
					ID: strconv.Itoa(i), Type: p.Type, AggregateType: p.AggregateType, AggregateID: p.AggregateID,
					AggregateVersion: p.AggregateVersion, Environment: p.Environment, ServiceName: p.ServiceName,
					Data: fmt.Sprint(p.Envelope),
				})
			}
			return events, nil
		}}
	}, contract.WithoutCommits())
}
