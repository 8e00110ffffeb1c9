package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"
)

// value is what every server stores as the configuration.
const value = "postgres://shop:shop@db-1.internal.example:5432/shop?sslmode=verify-full&application_name=shop"

// server is a server that can be compared.
type server struct {
	name  string
	start func(ctx context.Context, dir string) (*running, error)
}

// running is a started server with the requests that it answers.
type running struct {
	*process
	loads []load
}

// result is the outcome of one load in one round.
type result struct {
	server, load string
	perSecond    float64
	// cpu is the processor time of the server for each request, in microseconds.
	cpu float64
	p99 time.Duration
	// memory is resident after the load, in MiB.
	memory float64
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "etcd" {
		exit(serveEtcd(os.Args[2]))
	}
	rounds := flag.Int("rounds", 3, "how often to measure each server")
	duration := flag.Duration("duration", 3*time.Second, "how long to load a server with each request")
	signalbox := flag.String("signalbox", "signalbox", "the Signalbox binary")
	node := flag.String("node", "", "Node.js 22 or newer, to run Unleash; empty leaves Unleash out")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	servers := []server{signalboxServer(*signalbox), etcdServer()}
	if *node != "" {
		servers = append(servers, unleashServer(*node))
	}
	exit(compare(ctx, servers, *rounds, *duration))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// compare measures all servers in rounds, and prints the medians.
func compare(ctx context.Context, servers []server, rounds int, d time.Duration) error {
	var results []result
	for range rounds {
		for _, s := range servers {
			measured, err := measure(ctx, s, d)
			if err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
			results = append(results, measured...)
		}
	}
	fmt.Println("| request | server | requests/s | CPU per request (µs) | p99 (ms) | memory (MiB) |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, group := range grouped(results) {
		fmt.Printf("| %s | %s | %.0f | %.0f | %.1f | %.0f |\n", group[0].load, group[0].server,
			median(group, func(r result) float64 { return r.perSecond }),
			median(group, func(r result) float64 { return r.cpu }),
			median(group, func(r result) float64 { return float64(r.p99.Microseconds()) / 1000 }),
			median(group, func(r result) float64 { return r.memory }))
	}
	return nil
}

// measure starts a server, and loads it with each of its requests.
func measure(ctx context.Context, s server, d time.Duration) ([]result, error) {
	dir, err := os.MkdirTemp("", "compare")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	r, err := s.start(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer r.stop()
	var results []result
	for _, l := range r.loads {
		if _, err := l.run(ctx, d/3); err != nil { // warms both sides up
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		before := r.cpu()
		t, err := l.run(ctx, d)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", l.name, err)
		}
		spent := r.cpu() - before
		results = append(results, result{
			server: s.name + l.protocol, load: l.name, perSecond: float64(t.requests) / t.took.Seconds(),
			cpu: float64(spent.Microseconds()) / float64(t.requests), p99: t.p99, memory: r.memory(),
		})
	}
	return results, nil
}

// grouped returns the results by request and server, in a stable order.
func grouped(results []result) [][]result {
	slices.SortStableFunc(results, func(a, b result) int {
		return cmp.Or(cmp.Compare(a.load, b.load), cmp.Compare(b.perSecond, a.perSecond))
	})
	var groups [][]result
	at := map[string]int{}
	for _, r := range results {
		key := r.load + "/" + r.server
		if _, known := at[key]; !known {
			at[key] = len(groups)
			groups = append(groups, nil)
		}
		groups[at[key]] = append(groups[at[key]], r)
	}
	return groups
}

func median(group []result, of func(result) float64) float64 {
	values := make([]float64, len(group))
	for i, r := range group {
		values[i] = of(r)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
