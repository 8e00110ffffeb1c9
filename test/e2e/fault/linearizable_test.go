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

// observers read the shared configuration while others write it.
const observers = 2

// observations is what clients saw of one configuration, from a moment at which
// nobody wrote it.
type observations struct {
	began time.Time
	of    e2etest.Configuration
	first seen

	// checked is how many operations were found to have an order.
	checked int

	mu         sync.Mutex
	operations []porcupine.Operation
}

// seen is a version and its value.
type seen struct {
	version int64
	value   string
}

// intent is what a client did: writes a value, or reads.
type intent struct {
	write bool
	value string
}

// observe begins with what is there.
func observe(of e2etest.Configuration, there snapshot) *observations {
	version := there.versions[of.ID]
	return &observations{
		began: time.Now(), of: of, first: seen{version, there.values[revision{of.ID, version}]},
	}
}

// never is when a write ended that nobody answered.
const never = int64(time.Hour)

func (o *observations) add(client int, in intent, called int64, out *seen, ended int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.operations = append(o.operations, porcupine.Operation{
		ClientId: client, Input: in, Call: called, Output: out, Return: ended,
	})
}

func (o *observations) now() int64 { return int64(time.Since(o.began)) }

// wrote is called before a write; what it returns after it, with nil where no answer
// came.
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

// read reads until nobody answers any more.
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

// requireLinearizable checks that there is one order of all that was done, in which
// each write makes the next version, each read sees the present one, and what was
// answered before something began comes before it; and that it ends with what is there.
// Whether a write without an answer was made is told by the history, where every value
// is there once.
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
	require.Equal(t, porcupine.Ok, result, "%d operations of one configuration have an order", len(operations))
	o.checked = len(operations)
}
