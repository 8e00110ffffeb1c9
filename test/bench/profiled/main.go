package main

import (
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"

	"github.com/signalbox-hq/signalbox/bootstrap"
)

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGUSR2)
	go profile(signals, os.Getenv("BENCH_CPU_PROFILE"))
	os.Exit(bootstrap.Main("profiled", os.Args[1:]))
}

// profile begins and ends profiles.
func profile(signals <-chan os.Signal, path string) {
	var file *os.File
	for s := range signals {
		var err error
		if s == syscall.SIGUSR1 {
			file, err = begin(path)
		} else {
			err = end(file, path)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "profile:", err)
			os.Exit(1)
		}
	}
}

func begin(path string) (*os.File, error) {
	file, err := os.Create(path + ".part")
	if err != nil {
		return nil, fmt.Errorf("create the file: %w", err)
	}
	return file, pprof.StartCPUProfile(file)
}

func end(file *os.File, path string) error {
	pprof.StopCPUProfile()
	if err := file.Close(); err != nil {
		return fmt.Errorf("close the file: %w", err)
	}
	return os.Rename(path+".part", path)
}
