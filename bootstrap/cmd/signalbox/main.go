package main

import (
	"os"
	"runtime/debug"

	"github.com/signalbox-hq/signalbox/bootstrap"
)

// version is set when the binary is linked.
var version = "development"

func main() { os.Exit(bootstrap.Main(versionOf(debug.ReadBuildInfo()), os.Args[1:])) }

// versionOf returns the linked version, or the one that the go command recorded.
func versionOf(info *debug.BuildInfo, ok bool) string {
	if version == "development" && ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return version
}
