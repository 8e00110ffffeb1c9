package e2etest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"

	"github.com/signalbox-hq/signalbox/test/harness"
)

// binaries are the program with and without failpoints, built once for all packages of
// a test run.
type binaries struct {
	workspace *harness.Workspace
	err       error

	plain, failpoints func() (string, error)
}

// built returns the binaries of this test run.
var built = sync.OnceValue(func() *binaries {
	b := &binaries{}
	b.workspace, b.err = harness.OpenWorkspace("signalbox-e2e")
	b.plain = sync.OnceValues(func() (string, error) { return b.build("signalbox") })
	b.failpoints = sync.OnceValues(func() (string, error) { return b.build("signalbox-failpoints", "-tags=failpoints") })
	return b
})

// Main runs a package's tests and returns the exit code. Every package of e2e has it in
// its TestMain.
func Main(m *testing.M) int {
	if b := built(); b.err == nil {
		defer func() { _ = b.workspace.Close() }()
	}
	return harness.Run(m)
}

func (b *binaries) build(name string, flags ...string) (string, error) {
	if b.err != nil {
		return "", b.err
	}
	return b.workspace.File(name, func(path string) error {
		args := append(append([]string{"build", "-o", path}, flags...), "github.com/signalbox-hq/signalbox/bootstrap/cmd/signalbox")
		command := exec.CommandContext(context.Background(), "go", args...)
		command.Env = append(os.Environ(), "CGO_ENABLED=0")
		if text, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("build the binary: %w\n%s", err, text)
		}
		return nil
	})
}
