package configuration_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// model is the expected state after every change.
type model struct {
	lines []line
}

// line is the state after a change; a deletion has no value.
type line struct {
	value   string
	deleted bool
	action  configuration.Action
}

func (m *model) last() line { return m.lines[len(m.lines)-1] }

func (m *model) write(action configuration.Action, value string) {
	m.lines = append(m.lines, line{value: value, deleted: action == scope.ActionDelete, action: action})
}

// TestModel runs random changes against the aggregate and the model, with a clock
// that also steps back, and compares after each.
func TestModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.SampledFrom([]string{"", "a", "b", "c"})
		now := fixture.Noon()
		stamp := func() scope.Stamp {
			now = now.Add(time.Duration(rapid.IntRange(-1000, 1000).Draw(r, "step")) * time.Second)
			return scope.Stamp{At: now, By: fixture.Stamp().By}
		}
		paper := &model{}
		first := value.Draw(r, "value")
		c := fixture.Configuration(t, fixture.Holding(fixture.Plain(t, first)), fixture.Stamped(stamp()))
		paper.write(scope.ActionCreate, first)

		r.Repeat(map[string]func(*rapid.T){
			"update": func(r *rapid.T) {
				v := value.Draw(r, "value")
				changed, err := c.Update(fixture.Draft(t, v), stamp())
				switch {
				case paper.last().deleted:
					fails(r, err, configuration.ErrNotFound)
				case paper.last().value == v:
					same(r, changed, false)
				default:
					same(r, changed, true)
					paper.write(scope.ActionUpdate, v)
				}
			},
			"delete": func(r *rapid.T) {
				err := c.Delete(stamp())
				if paper.last().deleted {
					fails(r, err, configuration.ErrNotFound)
					return
				}
				paper.write(scope.ActionDelete, paper.last().value)
			},
			"recreate": func(r *rapid.T) {
				v := value.Draw(r, "value")
				err := c.Recreate(fixture.Draft(t, v), stamp())
				if !paper.last().deleted {
					fails(r, err, configuration.ErrAlreadyExists)
					return
				}
				paper.write(scope.ActionCreate, v)
			},
			"roll back": func(r *rapid.T) {
				n := rapid.IntRange(0, len(paper.lines)-1).Draw(r, "version")
				changed, err := c.RollBack(c.Unsaved().Entries[n], stamp())
				to := paper.lines[n]
				switch {
				case to.deleted:
					fails(r, err, configuration.ErrVersionIsDelete)
				case !paper.last().deleted && paper.last().value == to.value:
					same(r, changed, false)
				default:
					same(r, changed, true)
					paper.write(scope.ActionRollback, to.value)
				}
			},
			"": func(r *rapid.T) { compare(r, c, paper) },
		})
	})
}

func compare(r *rapid.T, c *configuration.Configuration, paper *model) {
	entries := c.Unsaved().Entries
	same(r, len(entries), len(paper.lines))
	same(r, len(c.PendingEvents()), len(paper.lines))
	same(r, int(c.Version()), len(paper.lines))
	same(r, c.Deleted(), paper.last().deleted)
	same(r, c.Content().Stored().Reveal(), paper.last().value)
	for i, l := range paper.lines {
		e := entries[i]
		same(r, int(e.Version), i+1)
		same(r, e.Action, l.action)
		same(r, e.New.IsZero(), l.deleted)
		same(r, int(c.PendingEvents()[i].Envelope().AggregateVersion), i+1)
		if i == 0 {
			continue
		}
		same(r, e.Old.IsZero(), paper.lines[i-1].deleted)
		if e.Stamp.At.Before(entries[i-1].Stamp.At) {
			r.Fatalf("time went back between versions %d and %d", i, i+1)
		}
		if !paper.lines[i-1].deleted {
			same(r, e.Old.Stored().Reveal(), paper.lines[i-1].value)
		}
	}
}

func same[T comparable](r *rapid.T, got, want T) {
	if got != want {
		r.Fatalf("got %v, want %v", got, want)
	}
}

func fails(r *rapid.T, got, want error) {
	if got == nil || got.Error() == "" {
		r.Fatalf("got no error, want %v", want)
	}
	same(r, faultCode(got), faultCode(want))
}
