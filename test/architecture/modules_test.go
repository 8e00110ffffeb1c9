package architecture_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
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

// TestReaders holds the roles that read and that edit to the actions of the descriptors.
func TestReaders(t *testing.T) {
	t.Parallel()
	reader := access.Caller{Grants: access.ReadOnly()}
	editor := access.Caller{Grants: access.Expand([]access.Grant{{Role: access.RoleEditor}})}
	for _, m := range bootstrap.Descriptors() {
		for _, a := range m.Actions {
			assert.Equal(t, a.Reader, reader.May(access.Action(a.Name), access.Resource{}), a.Name)
			assert.Equal(t, a.Reader || a.Editor, editor.May(access.Action(a.Name), access.Resource{}), a.Name)
		}
	}
}

// TestModuleParts removes one part of a complete module after the other.
func TestModuleParts(t *testing.T) {
	t.Parallel()
	const example = "package quota_test\n\nfunc ExampleQuota() {}\n"
	rows := []struct {
		name   string
		remove func(*ports.Module)
		// noExample and noSuite leave these parts out.
		noExample, noSuite bool
		want               string
	}{
		{
			name: "an event type", remove: func(m *ports.Module) { m.Events = m.Events[:1] },
			want: "quota.lowered of domain/quota is not; add it to Events in the descriptor",
		},
		{name: "a resource type", remove: func(m *ports.Module) { m.ResourceType = "" }, want: "set ResourceType in its descriptor"},
		{name: "a decoder", remove: func(m *ports.Module) { m.Identify = nil }, want: "set Identify in its descriptor"},
		{name: "a schema", remove: func(m *ports.Module) { m.Schema.Data = nil }, want: "set Schema in its descriptor"},
		{name: "a topic", remove: func(m *ports.Module) { m.Topic.Default = "" }, want: "set Topic in its descriptor"},
		{name: "an action", remove: func(m *ports.Module) { m.Actions = nil }, want: "list it in Actions with Reader set"},
		{name: "an Example", remove: func(*ports.Module) {}, noExample: true, want: "write one in domain/quota/example_test.go"},
		{name: "a contract suite", remove: func(*ports.Module) {}, noSuite: true, want: "write one for quota.Repository"},
	}
	check := func(t *testing.T, m ports.Module, withExample, withSuite bool) []string {
		t.Helper()
		dir := t.TempDir()
		files := map[string]string{"quota.go": "package quota\n\nconst AggregateType = \"quota\"\n\n" +
			"const (\n\tEventRaised = \"quota.raised\"\n\tEventLowered = \"quota.lowered\"\n)\n"}
		if withExample {
			files["example_test.go"] = example
		}
		var behaviours []string
		if withSuite {
			behaviours = []string{"quota.Repository"}
		}
		for name, text := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		breaches, err := architecture.CheckModules(architecture.Tree{Root: dir, Packages: []architecture.Package{
			{Path: "domain/quota", Dir: dir, Files: slices.Sorted(maps.Keys(files))},
		}}, ports.NewModules(m), behaviours)
		require.NoError(t, err)
		return breaches
	}
	complete := func() ports.Module {
		m := fixture.Modules()[0]
		m.AggregateType = "quota"
		m.Events = []ports.EventType{{Name: "quota.raised"}, {Name: "quota.lowered"}}
		return m
	}
	t.Run("a complete module has no breach", func(t *testing.T) {
		t.Parallel()
		assert.Empty(t, check(t, complete(), true, true))
	})
	for _, r := range rows {
		t.Run("a module without "+r.name+" has one breach, which says what to do", func(t *testing.T) {
			t.Parallel()
			m := complete()
			r.remove(&m)
			breaches := check(t, m, !r.noExample, !r.noSuite)
			require.Len(t, breaches, 1)
			assert.Contains(t, breaches[0], r.want)
		})
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
