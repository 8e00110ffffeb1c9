package auditstore_test

import (
	"os"
	"testing"

	"github.com/signalbox-hq/signalbox/test/harness"
)

func TestMain(m *testing.M) { os.Exit(harness.Run(m)) }
