//go:build failpoints

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// action is what happens at a place when it was hit so often.
type action struct {
	signal syscall.Signal
	at     int64
	hits   atomic.Int64
}

// actions reads SIGNALBOX_FAILPOINTS: "place=kill@3,other=stop@1" ends the process at
// the third hit of a place, and stops it at the first one of another.
var actions = sync.OnceValue(func() map[string]*action {
	all := map[string]*action{}
	for one := range strings.SplitSeq(os.Getenv("SIGNALBOX_FAILPOINTS"), ",") {
		place, what, _ := strings.Cut(one, "=")
		name, count, _ := strings.Cut(what, "@")
		at, err := strconv.ParseInt(count, 10, 64)
		if err != nil {
			continue
		}
		signal := syscall.SIGKILL
		if name == "stop" {
			signal = syscall.SIGSTOP
		}
		all[place] = &action{signal: signal, at: at}
	}
	return all
})

// Hit ends or stops the process if the setting says so.
func Hit(place string) {
	a := actions()[place]
	if a == nil || a.hits.Add(1) != a.at {
		return
	}
	_ = syscall.Kill(os.Getpid(), a.signal)
	if a.signal == syscall.SIGKILL {
		select {}
	}
	// The signal takes a moment to arrive, also at the other threads.
	for range 1000 {
		syscall.Getpid()
	}
}
