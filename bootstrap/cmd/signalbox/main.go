package main

import (
	"os"

	"github.com/signalbox-hq/signalbox/bootstrap"
)

// version is set when the binary is linked.
var version = "development"

func main() { os.Exit(bootstrap.Main(version, os.Args[1:])) }
