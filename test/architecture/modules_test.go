package architecture_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/bootstrap"
	"github.com/signalbox-hq/signalbox/domain/access"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/architecture"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/fixture"
)

func TestModules(t *testing.T) {
	t.Parallel()
	tree, err := architecture.Load(root(t))
	require.NoError(t, err)
	breaches, err := architecture.CheckModules(tree, bootstrap.Descriptors(), contract.Behaviours())
	require.NoError(t, err)
	assert.Empty(t, breaches)
	breaches, err = architecture.CheckModuleDocs(tree.Root, bootstrap.Descriptors())
	require.NoError(t, err)
	assert.Empty(t, breaches)
	var actions []string
	for _, a := range access.Actions() {
		actions = append(actions, string(a))
	}
	assert.Empty(t, architecture.CheckActions(bootstrap.Descriptors(), actions, string(access.ReadHealth)))
	assert.Equal(t, bootstrap.Descriptors().AggregateTypes(), fixture.Modules().AggregateTypes(),
		"add the module to test/fixture/modules.go")
}

// TestReaders holds the role that reads to the actions of the descriptors.
func TestReaders(t *testing.T) {
	t.Parallel()
	reader := access.Caller{Grants: access.ReadOnly()}
	for _, m := range bootstrap.Descriptors() {
		for _, a := range m.Actions {
			assert.Equal(t, a.Reader, reader.May(access.Action(a.Name), access.Resource{}), a.Name)
		}
	}
}

func TestModuleRules(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "quota.go"), []byte(
		"package quota\n\nconst AggregateType = \"quota\"\n\nconst EventRaised = \"quota.raised\"\n"), 0o600))
	tree := architecture.Tree{Root: dir, Packages: []architecture.Package{
		{Path: "domain/quota", Dir: dir, Files: []string{"quota.go"}},
	}}

	t.Run("a domain package without a descriptor is a breach", func(t *testing.T) {
		t.Parallel()
		breaches, err := architecture.CheckModules(tree, nil, nil)
		require.NoError(t, err)
		require.Len(t, breaches, 1)
		assert.Contains(t, breaches[0], "every module has a descriptor: domain/quota has none")
	})

	t.Run("whatever a descriptor lacks is a breach that says what to do", func(t *testing.T) {
		t.Parallel()
		breaches, err := architecture.CheckModules(tree, ports.NewModules(ports.Module{AggregateType: "quota"}), nil)
		require.NoError(t, err)
		all := strings.Join(breaches, "\n")
		for _, want := range []string{
			"quota.raised of domain/quota is not; add it to Events", "a resource type", "a schema", "a topic",
			"an action to read it", "an Example", "a contract suite", "event types",
		} {
			assert.Contains(t, all, want)
		}
	})

	t.Run("a descriptor without an aggregate, and an event that no constant declares, are breaches", func(t *testing.T) {
		t.Parallel()
		breaches, err := architecture.CheckModules(tree, ports.NewModules(
			ports.Module{AggregateType: "quota", Events: []ports.EventType{{Name: "quota.raised"}, {Name: "quota.lowered"}}},
			ports.Module{AggregateType: "other"},
		), nil)
		require.NoError(t, err)
		all := strings.Join(breaches, "\n")
		assert.Contains(t, all, "quota.lowered is not in domain/quota")
		assert.Contains(t, all, `no package declares const AggregateType = "other"`)
		assert.NotContains(t, all, "quota.raised")
	})

	t.Run("modules share neither topic, schema nor resource type", func(t *testing.T) {
		t.Parallel()
		one, other := fixture.Modules()[0], fixture.Modules()[0]
		one.AggregateType, other.AggregateType = "quota", "zone"
		breaches, err := architecture.CheckModules(tree, ports.NewModules(one, other), nil)
		require.NoError(t, err)
		all := strings.Join(breaches, "\n")
		for _, want := range []string{"a topic of its own", "a schema of its own", "a resource type of its own"} {
			assert.Contains(t, all, want)
		}
	})

	t.Run("an action that only one side has is a breach", func(t *testing.T) {
		t.Parallel()
		modules := ports.NewModules(ports.Module{AggregateType: "quota", Actions: []ports.ModuleAction{{Name: "quota.read"}}})
		assert.Empty(t, architecture.CheckActions(modules, []string{"quota.read", "health.read"}, "health.read"))
		assert.Len(t, architecture.CheckActions(modules, []string{"quota.raise"}), 2)
	})

	t.Run("a schema that is not in docs/events is a breach", func(t *testing.T) {
		t.Parallel()
		docs := t.TempDir()
		require.NoError(t, os.MkdirAll(filepath.Join(docs, "docs", "events"), 0o700))
		require.NoError(t, os.WriteFile(filepath.Join(docs, "docs", "events.md"), nil, 0o600))
		breaches, err := architecture.CheckModuleDocs(docs, fixture.Modules()[:1])
		require.NoError(t, err)
		require.Len(t, breaches, 3)
		assert.Contains(t, breaches[0], "configuration.schema.json is not that of configuration; run 'make golden'")
	})
}
