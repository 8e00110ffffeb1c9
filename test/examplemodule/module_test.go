package examplemodule_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/signalbox-hq/signalbox/adapters/ginapi"
	"github.com/signalbox-hq/signalbox/application/relay"
	"github.com/signalbox-hq/signalbox/bootstrap"
	"github.com/signalbox-hq/signalbox/ports"
	"github.com/signalbox-hq/signalbox/test/architecture"
	"github.com/signalbox-hq/signalbox/test/contract"
	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/examplemodule"
	"github.com/signalbox-hq/signalbox/test/examplemodule/noteapp"
	"github.com/signalbox-hq/signalbox/test/examplemodule/notetest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

func TestMain(m *testing.M) { os.Exit(e2etest.Main(m)) }

// note is the representation of a note.
type note struct {
	ID      int64  `json:"id"`
	Text    string `json:"text"`
	Version int64  `json:"version"`
}

// change is a change as the watch API represents it.
type change struct {
	Revision     int64          `json:"revision"`
	Action       string         `json:"action"`
	ResourceType string         `json:"resource_type"`
	Data         map[string]any `json:"data"`
}

func TestModuleIsServed(t *testing.T) {
	t.Parallel()
	for _, s := range e2etest.Stores() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			topic := "notes-" + uuid.NewString()
			brokers := harness.FakeKafka(t).ListenAddrs()
			server := e2etest.BootWith(t, s.New(t), []bootstrap.Module{examplemodule.Module()},
				"KAFKA_BOOTSTRAP_SERVERS="+strings.Join(brokers, ","), "KAFKA_TOPIC_NOTE_UPDATES="+topic)
			admin := server.Admin(t)

			created := admin.Post(t, "/api/v1/notes", e2etest.Object{
				"environment": "production", "name": "maintenance", "text": "on Sunday",
			}).Want(t, http.StatusCreated)
			id := e2etest.Decode[note](t, created).ID
			path := fmt.Sprintf("/api/v1/notes/%d", id)
			updated := admin.Put(t, path, e2etest.Object{"text": "on Monday"}, e2etest.With("If-Match", `"1"`))
			assert.Equal(t, note{ID: id, Text: "on Monday", Version: 2}, e2etest.Decode[note](t, updated.Want(t, http.StatusOK)))
			admin.Put(t, path, e2etest.Object{"text": "never"}, e2etest.With("If-Match", `"1"`)).
				Problem(t, http.StatusPreconditionFailed, "stale_version")
			admin.Get(t, "/api/v1/notes/404").Problem(t, http.StatusNotFound, "note_not_found")

			reader := server.Reader(t)
			reader.Get(t, path).Want(t, http.StatusOK)
			reader.Put(t, path, e2etest.Object{"text": "no"}).Problem(t, http.StatusForbidden, "forbidden")

			watched(t, reader)
			admin.AwaitPublished(t, 2)
			published(t, brokers, topic)
			assert.Contains(t, string(admin.Get(t, "/openapi.json").Body), `"create-note"`)
		})
	}
}

// watched asserts that a reader of notes is notified of their changes.
func watched(t *testing.T, reader e2etest.Client) {
	t.Helper()
	var got []change
	for since := int64(0); len(got) < 2; since = got[len(got)-1].Revision {
		path := fmt.Sprintf("/api/v1/changes?since=%d&type=note&wait=10s", since)
		found := e2etest.Decode[struct {
			Changes []change `json:"changes"`
		}](t, reader.Get(t, path).Want(t, http.StatusOK)).Changes
		require.NotEmpty(t, found)
		got = append(got, found...)
	}
	for i, want := range []string{"create", "update"} {
		assert.Equal(t, want, got[i].Action)
		assert.Equal(t, "note", got[i].ResourceType)
		assert.Equal(t, "maintenance", got[i].Data["name"])
	}
}

// published asserts that the changes are in the topic, and conform to the schema.
func published(t *testing.T, brokers []string, topic string) {
	t.Helper()
	records := harness.Consume(t, brokers, []string{topic}, func(list []*kgo.Record) bool { return len(list) >= 2 })
	text, err := relay.Schema(noteapp.Module())
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "note.schema.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))
	schema, err := jsonschema.NewCompiler().Compile(file)
	require.NoError(t, err)
	for _, r := range records {
		assert.Equal(t, "production/maintenance", string(r.Key))
		var value any
		require.NoError(t, json.Unmarshal(r.Value, &value))
		require.NoError(t, schema.Validate(value), "%s", r.Value)
	}
}

func TestModuleIsDocumented(t *testing.T) {
	t.Parallel()
	m := examplemodule.Module()
	document, err := ginapi.Document("1.2.3", ports.NewModules(m.Descriptor), m.Operations)
	require.NoError(t, err)
	for _, id := range []string{`"create-note"`, `"read-note"`, `"update-note"`} {
		assert.Contains(t, string(document), id)
	}
}

// TestModuleIsComplete holds the module to what every module has.
func TestModuleIsComplete(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	tree, err := architecture.Load(root)
	require.NoError(t, err)
	all := ports.NewModules(append(bootstrap.Descriptors(), noteapp.Module())...)
	breaches, err := architecture.CheckModules(tree, all, append(contract.Behaviours(), notetest.Behaviours()...))
	require.NoError(t, err)
	assert.Empty(t, breaches)
}
