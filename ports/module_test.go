package ports_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestEventOfChange(t *testing.T) {
	t.Parallel()

	t.Run("data that is no object is left out", func(t *testing.T) {
		t.Parallel()
		for _, data := range []string{`[]`, `null`, `"text"`, ``, `{`} {
			c := fixture.UpdatedConfiguration(1, 2)
			c.Data = []byte(data)
			e := fixture.Modules().Event(c)
			assert.Equal(t, ports.Facts{
				"version": int64(2), "revision": int64(0), "event_type": "configuration.updated",
			}, e.Data, data)
			assert.Equal(t, "production/shop/", e.Key)
		}
	})

	t.Run("a change of an unknown type has what all changes have", func(t *testing.T) {
		t.Parallel()
		c := fixture.UnknownChange(7, 1)
		c.EventType = "quota.created"
		e := fixture.Modules().Event(c)
		assert.Equal(t, "quota", e.ResourceType)
		assert.Equal(t, "7", e.ID)
		assert.Equal(t, "production/shop/7", e.Key)
		assert.Equal(t, ports.ActionCreate, e.Action)
		assert.Equal(t, "production", e.Environment)
		assert.Equal(t, "k7", e.Data["key"])
	})

	t.Run("an unknown event type of a known module is understood by its name", func(t *testing.T) {
		t.Parallel()
		for eventType, want := range map[string]ports.ChangeAction{
			"configuration.moved": ports.ActionUpdate, "service.created": ports.ActionCreate,
			"service.deleted": ports.ActionDelete,
		} {
			c := fixture.UpdatedConfiguration(1, 2)
			c.EventType, c.AggregateType = eventType, "service"
			assert.Equal(t, want, fixture.Modules().Event(c).Action, eventType)
		}
	})
}
