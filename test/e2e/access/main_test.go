package access_test

import (
	"os"
	"testing"

	"github.com/signalbox-hq/signalbox/test/e2e/e2etest"
)

func TestMain(m *testing.M) { os.Exit(e2etest.Main(m)) }
