package contract

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/domain/configuration"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/registry"
	"github.com/signalbox-hq/signalbox/domain/registry/health"
	"github.com/signalbox-hq/signalbox/domain/scope"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

// Damage makes rows of a store break a rule, past the store.
type Damage struct {
	// Row damages the current state; Version the entry that made a version.
	Row     func(ctx context.Context, id int64) error
	Version func(ctx context.Context, id, version int64) error
	// Instance is of an instance of a service, Transitions are all of a service.
	Instance    func(ctx context.Context, service int64, instance string) error
	Transitions func(ctx context.Context, service int64) error
}

func damagedConfigurationBehaviours() []behaviour[Stored] {
	return []behaviour[Stored]{
		{"a damaged configuration affects no other, and can be deleted and created again", damagedConfiguration},
		{"a damaged configuration can be rolled back to a readable version", rolledBackConfiguration},
		{"a damaged version affects no other", damagedVersion},
	}
}

func damagedConfiguration(t *testing.T, s Stored) {
	saveKeys(t, s, "production", "shop", "a", "c")
	c := fixture.Configuration(t, fixture.Key("b"))
	s.save(t, c)
	require.NoError(t, s.Damage.Row(t.Context(), int64(c.ID())))
	page, err := s.Repository.List(t.Context(), configuration.Query{Window: scope.Window{Limit: 10}})
	require.NoError(t, err)
	assert.Equal(t, 3, page.Total)
	var damaged []string
	for _, found := range page.Items {
		if found.State().Damaged {
			damaged = append(damaged, found.Identity().Key.String())
		}
	}
	assert.Equal(t, []string{"b"}, damaged)
	found, err := s.Repository.FindByIdentity(t.Context(), c.Identity())
	require.NoError(t, err)
	require.ErrorIs(t, found.Damage(), scope.ErrDamaged)
	assert.Equal(t, []any{c.ID(), c.Version()}, []any{found.ID(), found.Version()})
	_, err = found.Update(fixture.Draft(t, "x"), fixture.Stamp())
	require.ErrorIs(t, err, scope.ErrDamaged)
	require.NoError(t, found.Delete(fixture.Stamp()))
	s.save(t, found)
	assert.True(t, s.find(t, c.ID()).Deleted())
	assert.Equal(t, []configuration.Version{2, 1}, s.versions(t, c.ID()))
	again := s.find(t, c.ID())
	require.NoError(t, again.Recreate(fixture.Draft(t, "new"), fixture.Stamp()))
	s.save(t, again)
	mended := s.find(t, c.ID())
	require.NoError(t, mended.Damage())
	assert.Equal(t, "new", mended.Content().Stored().Reveal())
}

func rolledBackConfiguration(t *testing.T, s Stored) {
	c := fixture.Configuration(t)
	s.save(t, c)
	require.NoError(t, s.Damage.Row(t.Context(), int64(c.ID())))
	found := s.find(t, c.ID())
	first, err := s.History.Entry(t.Context(), c.ID(), 1)
	require.NoError(t, err)
	changed, err := found.RollBack(first, fixture.Stamp())
	require.NoError(t, err)
	require.True(t, changed)
	s.save(t, found)
	mended := s.find(t, c.ID())
	require.NoError(t, mended.Damage())
	assert.Equal(t, c.Content(), mended.Content())
	assert.Equal(t, configuration.Version(2), mended.Version())
}

func damagedVersion(t *testing.T, s Stored) {
	c := threeVersions(t, s)
	require.NoError(t, s.Damage.Version(t.Context(), int64(c.ID()), 2))
	history, err := s.History.Entries(t.Context(), c.ID(), scope.Window{Limit: 10})
	require.NoError(t, err)
	entries, total := history.Items, history.Total
	require.Equal(t, 3, total)
	assert.Equal(t, []any{false, true, false, configuration.Version(2)},
		[]any{entries[0].Damaged, entries[1].Damaged, entries[2].Damaged, entries[1].Version})
	found := s.find(t, c.ID())
	_, err = found.RollBack(entries[1], fixture.Stamp())
	require.ErrorIs(t, err, scope.ErrDamaged)
	_, err = found.AsOf(entries[1])
	require.ErrorIs(t, err, scope.ErrDamaged)
	require.NoError(t, found.Recreate(fixture.Draft(t, "again"), later(time.Hour)))
	s.save(t, found)
	s.save(t, turnEncryptionOn(t, s, c.ID(), seal))
}

func damagedFlagBehaviours() []behaviour[StoredFlags] {
	return []behaviour[StoredFlags]{
		{"a damaged flag affects no other, and can be deleted and created again", damagedFlag},
		{"a damaged flag can be rolled back to a readable version", rolledBackFlag},
		{"a damaged version of a flag affects no other", damagedFlagVersion},
	}
}

func damagedFlag(t *testing.T, s StoredFlags) {
	good, f := fixture.Flag(t, `{"name":"a"}`), fixture.Flag(t, `{"name":"b","is_enabled":true}`)
	s.save(t, good, f)
	require.NoError(t, s.Damage.Row(t.Context(), int64(f.ID())))
	page, err := s.Repository.List(t.Context(), flag.Query{Window: scope.Window{Limit: 10}})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total)
	assert.Equal(t, []string{"production/a", "production/b"}, flagNames(page))
	assert.Equal(t, []bool{false, true}, []bool{page.Items[0].State().Damaged, page.Items[1].State().Damaged})
	loaded, err := s.Source.Load(t.Context(), good.ID(), f.ID())
	require.NoError(t, err)
	assert.Len(t, loaded, 2)
	counts, err := s.Source.Counts(t.Context())
	require.NoError(t, err)
	assert.Equal(t, int64(2), counts[f.Identity().Environment], "a damaged flag counts")
	found := s.find(t, f.ID())
	require.ErrorIs(t, found.Damage(), scope.ErrDamaged)
	_, err = found.Update(fixture.FlagChange(t, `{"is_enabled":false}`), fixture.Stamp())
	require.ErrorIs(t, err, scope.ErrDamaged)
	require.NoError(t, found.Delete(fixture.Stamp()))
	s.save(t, found)
	s.hasVersions(t, f.ID(), 2, 3)
	gone := s.find(t, f.ID())
	assert.True(t, gone.Deleted())
	fresh := fixture.Flag(t, `{"name":"b","rollout_percentage":5}`).State().Draft
	require.NoError(t, gone.Mend(fresh, fixture.Stamp()))
	s.save(t, gone)
	mended := s.find(t, f.ID())
	require.NoError(t, mended.Damage())
	assert.Equal(t, fresh.Definition.JSON(), mended.State().Definition.JSON())
}

func rolledBackFlag(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{"is_enabled":true}`)
	s.save(t, f)
	require.NoError(t, s.Damage.Row(t.Context(), int64(f.ID())))
	first, err := s.History.Entry(t.Context(), f.ID(), 1)
	require.NoError(t, err)
	found := s.find(t, f.ID())
	_, err = found.RollBack(first, fixture.Stamp())
	require.NoError(t, err)
	s.save(t, found)
	mended := s.find(t, f.ID())
	require.NoError(t, mended.Damage())
	assert.Equal(t, f.State().Definition.JSON(), mended.State().Definition.JSON())
}

func damagedFlagVersion(t *testing.T, s StoredFlags) {
	f := fixture.Flag(t, `{}`)
	s.save(t, f)
	s.save(t, s.changed(t, f.ID(), `{"is_enabled":true}`))
	require.NoError(t, s.Damage.Version(t.Context(), int64(f.ID()), 1))
	history, err := s.History.Entries(t.Context(), f.ID(), scope.Window{Limit: 10})
	require.NoError(t, err)
	entries, total := history.Items, history.Total
	require.Equal(t, 2, total)
	assert.Equal(t, []bool{false, true}, []bool{entries[0].Damaged, entries[1].Damaged})
	_, err = s.find(t, f.ID()).RollBack(entries[1], fixture.Stamp())
	require.ErrorIs(t, err, scope.ErrDamaged)
}

func damagedServiceBehaviours() []behaviour[StoredServices] {
	return []behaviour[StoredServices]{
		{"a damaged service affects no other, and can be deregistered and registered again", damagedService},
		{"a damaged instance affects no other, and can be deregistered", damagedInstance},
		{"a damaged instance can be registered again, and its epoch continues", registeredOverDamage},
		{"a damaged transition affects no other", damagedTransition},
	}
}

func damagedService(t *testing.T, s StoredServices) {
	s.saved(t, "a", "i")
	service := s.saved(t, "b", "i", "j")
	id := service.State().ID
	require.NoError(t, s.Damage.Row(t.Context(), int64(id)))
	page, err := s.List(t.Context(), registry.Query{Window: scope.Window{Limit: 10}})
	require.NoError(t, err)
	require.Equal(t, 2, page.Total)
	assert.Equal(t, []bool{false, true},
		[]bool{page.Items[0].State().Damaged, page.Items[1].State().Damaged})
	found, err := s.Since(t.Context(), id, 0)
	require.NoError(t, err)
	assert.Equal(t, service.State().Generation, found.State().Generation)
	require.ErrorIs(t, found.Damage(), scope.ErrDamaged)
	_, err = found.Register(fixture.Registration(t, "k"), fixture.Stamp())
	require.ErrorIs(t, err, scope.ErrDamaged)
	gone := s.find(t, "b", "i")
	require.NoError(t, gone.Deregister(fixture.Stamp()))
	s.save(t, gone)
	assert.Empty(t, s.whole(t, "b").Instances())
	back := s.find(t, "b", "i")
	assert.True(t, back.Deleted())
	enroll(t, back, "i")
	s.save(t, back)
	mended := s.whole(t, "b")
	require.NoError(t, mended.Damage())
	assert.Equal(t, registry.Epoch(3), mended.Instances()[0].Epoch)
	assert.Equal(t, back.State(), mended.State())
}

// instancesDamaged returns which instances of a service are damaged, by id.
func (s StoredServices) instancesDamaged(t *testing.T, name string) map[string]bool {
	t.Helper()
	damaged := map[string]bool{}
	for _, i := range s.whole(t, name).Instances() {
		damaged[i.ID.String()] = i.Damaged
	}
	return damaged
}

func damagedInstance(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	require.NoError(t, s.Damage.Instance(t.Context(), int64(service.State().ID), "a"))
	assert.Equal(t, map[string]bool{"a": true, "b": false}, s.instancesDamaged(t, "shop"))
	found := s.find(t, "shop", "a")
	require.NoError(t, found.Damage())
	a := found.Instances()[0].Ref()
	require.ErrorIs(t, found.Report(a, health.Critical, fixture.Stamp()), scope.ErrDamaged)
	require.ErrorIs(t, found.Revive(a, 1, fixture.Stamp()), scope.ErrDamaged)
	require.NoError(t, found.DeregisterInstance(a, fixture.Stamp()))
	s.save(t, found)
	whole := s.whole(t, "shop")
	assert.Equal(t, map[string]bool{"b": false}, s.instancesDamaged(t, "shop"))
	assert.Equal(t, registry.Tally{Total: 1, Offered: 1, Known: 1}, whole.State().Tally)
}

func registeredOverDamage(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	require.NoError(t, s.Damage.Instance(t.Context(), int64(service.State().ID), "a"))
	found := s.find(t, "shop", "a")
	enroll(t, found, "a")
	s.save(t, found)
	assert.Equal(t, map[string]bool{"a": false, "b": false}, s.instancesDamaged(t, "shop"))
	mended := s.find(t, "shop", "a")
	assert.Equal(t, registry.Epoch(3), mended.Instances()[0].Epoch)
	assert.Equal(t, registry.Tally{Total: 2, Offered: 2, Known: 2}, mended.State().Tally)
}

func damagedTransition(t *testing.T, s StoredServices) {
	service := s.saved(t, "shop", "a", "b")
	require.NoError(t, s.Damage.Transitions(t.Context(), int64(service.State().ID)))
	s.reportAt(t, service, "a", health.Critical, 1)
	found, err := s.Transitions(t.Context(), service.State().ID, registry.Ref{}, 0, 10)
	require.NoError(t, err)
	require.Len(t, found, 3)
	assert.Equal(t, []bool{false, true, true}, []bool{found[0].Damaged, found[1].Damaged, found[2].Damaged})
}
