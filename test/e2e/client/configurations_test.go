package client_test

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
	"github.com/signalbox-hq/signalbox/test/harness"
)

// documented is a program of docs/configurations.md.
type documented struct {
	language, file string
	// build and run are its commands, in the folder of the file.
	build, run []string
}

func documentedPrograms() []documented {
	const jackson = "/usr/share/java/jackson-databind.jar:/usr/share/java/jackson-core.jar:" +
		"/usr/share/java/jackson-annotations.jar"
	return []documented{
		{language: "python", file: "settings.py", run: []string{"python3", "settings.py"}},
		{language: "js", file: "settings.mjs", run: []string{"node", "settings.mjs"}},
		{
			language: "go", file: "settings.go",
			build: []string{"go", "build", "-o", "settings", "settings.go"}, run: []string{"./settings"},
		},
		{
			language: "java", file: "Settings.java",
			build: []string{"javac", "-cp", jackson, "Settings.java"}, run: []string{"java", "-cp", ".:" + jackson, "Settings"},
		},
	}
}

// TestConfigurationPrograms runs the programs of docs/configurations.md.
func TestConfigurationPrograms(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/configurations.md")
	require.NoError(t, err)
	for _, d := range documentedPrograms() {
		t.Run(d.language, func(t *testing.T) {
			t.Parallel()
			_, code, found := strings.Cut(string(page), "```"+d.language+"\n")
			require.True(t, found, "docs/configurations.md has a program")
			code, _, _ = strings.Cut(code, "```")
			d.prepare(t, code).followsChanges(t)
		})
	}
}

// preparedProgram is a program that can be run in its folder.
type preparedProgram struct {
	folder string
	run    []string
}

// prepare writes and builds the program.
func (d documented) prepare(t *testing.T, code string) preparedProgram {
	t.Helper()
	p := preparedProgram{folder: t.TempDir(), run: d.run}
	require.NoError(t, os.WriteFile(filepath.Join(p.folder, d.file), []byte(code), 0o600))
	for _, command := range [][]string{d.build, d.run} {
		if len(command) > 0 && !strings.HasPrefix(command[0], "./") {
			if _, err := exec.LookPath(command[0]); err != nil {
				harness.Skip(t, "no "+command[0])
			}
		}
	}
	if d.language == "java" {
		if _, err := os.Stat("/usr/share/java/jackson-databind.jar"); err != nil {
			harness.Skip(t, "no Jackson: apt-get install libjackson2-databind-java")
		}
	}
	if len(d.build) > 0 {
		build := exec.CommandContext(t.Context(), d.build[0], d.build[1:]...)
		build.Dir = p.folder
		out, err := build.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	return p
}

// start runs the program against a URL until the returned function is called.
func (p preparedProgram) start(t *testing.T, url, key string) (out *e2etest.Lines, exited chan struct{}, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	program := exec.CommandContext(ctx, p.run[0], p.run[1:]...)
	out, exited = e2etest.NewLines(), make(chan struct{})
	program.Dir, program.Stdout, program.Stderr = p.folder, out, out
	program.Env = append(os.Environ(), "SIGNALBOX_URL="+url, "SIGNALBOX_KEY="+key)
	require.NoError(t, program.Start())
	go func() {
		_ = program.Wait()
		close(exited)
	}()
	stop = func() {
		cancel()
		<-exited
	}
	t.Cleanup(stop)
	return out, exited, stop
}

// followsChanges runs the program through a change, a restart of the service with a change
// meanwhile, a deletion, and a start without the service.
func (p preparedProgram) followsChanges(t *testing.T) {
	t.Helper()
	r := newRestarting(t, e2etest.Encryption(t)...)
	admin := r.Admin(t)
	url := admin.CreateDraft(t, e2etest.Draft{Key: "database.url", Value: "db-1", Environment: "production", ServiceName: "shop"})
	admin.CreateDraft(t, e2etest.Draft{Key: "api/token", Value: "s3cret", Environment: "production", ServiceName: "shop", IsEncrypted: true})

	out, exited, stop := p.start(t, r.URL, e2etest.AdminKey(t))
	settings := func(url string) string { return `"database.url":"` + url + `"` }
	await := func(part string) { out.Await(t, part, exited) }
	await(`"api/token":"s3cret"`)
	await(settings("db-1"))
	admin.Put(t, url.Path(), e2etest.Object{"value": "db-2"}).Want(t, http.StatusOK)
	await(settings("db-2"))
	r.restart(t, func(c e2etest.Client) { c.Put(t, url.Path(), e2etest.Object{"value": "db-3"}).Want(t, http.StatusOK) })
	await(settings("db-3"))
	r.Admin(t).Delete(t, url.Path()).Want(t, http.StatusNoContent)
	await(`{"api/token":"s3cret"}`)
	stop()

	info, err := os.Stat(filepath.Join(p.folder, "settings.json"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "the last copy has secrets in it")

	r.gate.Close()
	out, exited, stop = p.start(t, r.URL, e2etest.AdminKey(t))
	defer stop()
	await(`{"api/token":"s3cret"}`)
}
