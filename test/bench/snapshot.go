package main

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/targeting"
	"github.com/signalbox-hq/signalbox/domain/scope"
)

// The flags of the rows that measure the domain alone.
const (
	staticFlag = `{"name":"static","environment":"production","is_enabled":true}`
	rulesFlag  = `{"name":"rules","environment":"production","is_enabled":true,"rollout_percentage":50,"rules":[
		{"conditions":[{"attribute":"plan","operator":"in","values":["silver","platinum"]}],"variant":"off"},
		{"conditions":[{"attribute":"version","operator":"semver_greater","values":["3.0.0"]}],"variant":"off"},
		{"conditions":[{"attribute":"country","operator":"equals","values":["FR"],"ignore_case":true}],"variant":"off"},
		{"conditions":[{"attribute":"age","operator":"greater","values":[65]}],"variant":"off"},
		{"conditions":[{"attribute":"email","operator":"ends_with","values":["@example.org"]}],"variant":"off"}]}`
)

func compiled(definition string, id int) (*flag.Compiled, error) {
	c, err := flag.ParseCreation(context.Background(), []byte(definition))
	if err != nil {
		return nil, fmt.Errorf("read a flag: %w", err)
	}
	d, err := flag.Define(c, strings.Repeat("s", flag.SaltBytes))
	if err != nil {
		return nil, fmt.Errorf("define a flag: %w", err)
	}
	name, err := flag.ParseName(c.Name)
	if err != nil {
		return nil, fmt.Errorf("name a flag: %w", err)
	}
	environment, err := scope.ParseEnvironment(c.Environment)
	if err != nil {
		return nil, fmt.Errorf("place a flag: %w", err)
	}
	return flag.Compile(flag.State{
		ID: flag.ID(id), Identity: flag.Identity{Environment: environment, Name: name},
		Draft: flag.Draft{Definition: d}, Lifecycle: scope.Lifecycle{Version: 1},
	}), nil
}

func evalStatic(_ context.Context, b *bench) (outcome, error) { return b.evaluateOne(staticFlag) }

func evalTarget(_ context.Context, b *bench) (outcome, error) {
	users := make([]string, 10_000)
	for i := range users {
		users[i] = fmt.Sprintf(`"user%d"`, i)
	}
	return b.evaluateOne(`{"name":"target","environment":"production","is_enabled":true,"target_users":[` +
		strings.Join(users, ",") + `]}`)
}

func evalRules(_ context.Context, b *bench) (outcome, error) { return b.evaluateOne(rulesFlag) }

// evaluateOne measures the evaluation alone, as a Go benchmark does; tests check its
// allocations.
func (b *bench) evaluateOne(definition string) (outcome, error) {
	f, err := compiled(definition, 1)
	if err != nil {
		return outcome{}, err
	}
	var in targeting.Context
	in.SetKey(targeting.TextValue("user123"))
	for _, member := range [][2]string{
		{"plan", "gold"}, {"version", "2.3.4"}, {"country", "de"}, {"email", "user123@example.com"},
	} {
		in.Add(member[0], targeting.TextValue(member[1]))
	}
	in.Add("age", targeting.NumberValue("41"))
	figures := make([]float64, b.rounds)
	for i := range figures {
		r := testing.Benchmark(func(b *testing.B) {
			b.Helper()
			for b.Loop() {
				flag.Evaluate(f, &in)
			}
		})
		figures[i] = float64(r.T.Nanoseconds()) / float64(r.N)
	}
	return outcome{value: median(figures)}, nil
}

// manyFlags are 10,000 definitions: a third with rules, a third with allocations, a third
// static.
func manyFlags() []string {
	kinds, list := bulkFlags(), make([]string, 10_000)
	for i := range list {
		kind := kinds[i%3]
		list[i] = strings.Replace(kind, fmt.Sprintf("bulk-flag-%03d", i%3), fmt.Sprintf("flag-%05d", i), 1)
	}
	return list
}

// snapshotMemory measures the memory of 10,000 compiled flags.
func snapshotMemory(_ context.Context, _ *bench) (outcome, error) {
	definitions := manyFlags()
	before := heap()
	flags, err := compileAll(definitions)
	if err != nil {
		return outcome{}, err
	}
	after := heap()
	runtime.KeepAlive(flags)
	runtime.KeepAlive(definitions)
	return outcome{value: float64(after-before) / (1 << 20)}, nil
}

func compileAll(definitions []string) (map[string]*flag.Compiled, error) {
	flags := make(map[string]*flag.Compiled, len(definitions))
	for i, d := range definitions {
		f, err := compiled(d, i+1)
		if err != nil {
			return nil, err
		}
		flags[f.Name()] = f
	}
	return flags, nil
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// snapshotCompile measures the time to decode and compile 10,000 definitions.
func snapshotCompile(_ context.Context, b *bench) (outcome, error) {
	definitions := manyFlags()
	figures := make([]float64, b.rounds)
	for i := range figures {
		began := time.Now()
		if _, err := compileAll(definitions); err != nil {
			return outcome{}, err
		}
		figures[i] = float64(time.Since(began).Microseconds()) / 1000
	}
	return outcome{value: median(figures)}, nil
}
