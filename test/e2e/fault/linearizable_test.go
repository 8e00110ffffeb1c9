package fault_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

// observers is the number of clients that read the shared configuration.
const observers = 2

// observations has the operations on one configuration, from a moment without writers.
type observations struct {
	began time.Time
	of    e2etest.Configuration
	first seen

	// checked is the number of operations that were found to be linearizable.
	checked int

	mu         sync.Mutex
	operations []porcupine.Operation
}

// seen is a version and its value.
type seen struct {
	version int64
	value   string
}

// intent is the input of an operation: a value to write, or a read.
type intent struct {
	write bool
	value string
}

// observe returns observations that begin with a snapshot.
func observe(of e2etest.Configuration, there snapshot) *observations {
	version := there.versions[of.ID]
	return &observations{
		began: time.Now(), of: of, first: seen{version, there.values[revision{of.ID, version}]},
	}
}

// never is the end of a write without a response.
const never = int64(time.Hour)

func (o *observations) add(client int, in intent, called int64, out *seen, ended int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.operations = append(o.operations, porcupine.Operation{
		ClientId: client, Input: in, Call: called, Output: out, Return: ended,
	})
}

func (o *observations) now() int64 { return int64(time.Since(o.began)) }

// wrote is called before a write, and the function that it returns after it, with nil if
// there was no response.
func (o *observations) wrote(client int, value string) func(*e2etest.Configuration) {
	called := o.now()
	return func(c *e2etest.Configuration) {
		if c == nil {
			o.add(client, intent{true, value}, called, nil, never)
			return
		}
		o.add(client, intent{true, value}, called, &seen{c.Version, c.ShownValue()}, o.now())
	}
}

// read reads until the service does not respond.
func (o *observations) read(c e2etest.Client, number int) {
	for {
		called := o.now()
		ctx, cancel := context.WithTimeout(context.Background(), e2etest.Timeout)
		a, err := c.Try(ctx, http.MethodGet, "/api/v1/config/shared?environment=production&service_name=shop", nil)
		cancel()
		found, parseErr := e2etest.Parse[e2etest.Configuration](a)
		if err != nil || parseErr != nil || a.Status != http.StatusOK {
			return
		}
		o.add(number, intent{}, called, &seen{found.Version, found.ShownValue()}, o.now())
	}
}

// requireLinearizable checks that there is one order of all operations, in which each write
// creates the next version, each read sees the current one, and an operation that ended
// before another began precedes it; and that the order ends with the stored state. The
// history, which has every value once, shows whether a write without a response was made.
func (o *observations) requireLinearizable(t *testing.T, there snapshot) {
	t.Helper()
	made := map[string]int64{}
	for r, value := range there.values {
		if r.id == o.of.ID {
			made[value] = r.version
		}
	}
	operations := make([]porcupine.Operation, 0, len(o.operations)+1)
	for _, op := range o.operations {
		in := op.Input.(intent)
		if op.Output.(*seen) == nil {
			if made[in.value] == 0 {
				continue
			}
			op.Output = &seen{made[in.value], in.value}
		}
		operations = append(operations, op)
	}
	version := there.versions[o.of.ID]
	operations = append(operations, porcupine.Operation{
		ClientId: killWriters + observers, Input: intent{}, Call: never + 1,
		Output: &seen{version, there.values[revision{o.of.ID, version}]}, Return: never + 2,
	})
	model := porcupine.Model{
		Init: func() any { return o.first },
		Step: func(state, input, output any) (bool, any) {
			next := state.(seen)
			if in := input.(intent); in.write {
				next = seen{next.version + 1, in.value}
			}
			return *output.(*seen) == next, next
		},
	}
	result := porcupine.CheckOperationsTimeout(model, operations, time.Minute)
	require.Equal(t, porcupine.Ok, result, "%d operations of one configuration are linearizable", len(operations))
	o.checked = len(operations)
}
