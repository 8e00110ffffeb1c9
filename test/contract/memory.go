package contract

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/signalbox-hq/signalbox/ports"
)

// MemoryBudget is how many bytes a memory under test may hold.
const MemoryBudget = 10_000

// Memory holds a memory to ports.Memory, on empty ones of MemoryBudget that fresh
// returns.
func Memory(t *testing.T, fresh func(*testing.T) ports.Memory[string, int], without Without) {
	t.Helper()
	run(t, memorySuite(), fresh, without)
}

func memorySuite() []behaviour[ports.Memory[string, int]] {
	return []behaviour[ports.Memory[string, int]]{
		{"what was put is there, until it is replaced or dropped", remembered},
		{"it lets go before it holds more than it may", rememberedInBudget},
		{"what is larger than the budget is not held, and what it replaces is gone", rememberedTooLarge},
		{"clearing lets go of all", rememberedNothing},
		{"many use it at once", rememberedTogether},
	}
}

func remembered(t *testing.T, m ports.Memory[string, int]) {
	_, held := m.Get("a")
	assert.False(t, held)
	m.Put("a", 1, 100)
	m.Put("b", 2, 100)
	m.Put("a", 3, 100)
	got, held := m.Get("a")
	assert.True(t, held)
	assert.Equal(t, 3, got)
	m.Drop("a")
	_, held = m.Get("a")
	assert.False(t, held)
	m.Drop("a")
	_, held = m.Get("b")
	assert.True(t, held)
}

func rememberedInBudget(t *testing.T, m ports.Memory[string, int]) {
	const each = 1000
	for i := range 100 {
		m.Put(strconv.Itoa(i), i, each)
	}
	held := func() (n int) {
		for i := range 100 {
			if _, ok := m.Get(strconv.Itoa(i)); ok {
				n++
			}
		}
		return n
	}
	assert.Eventually(t, func() bool { return held() <= MemoryBudget/each }, patience, time.Millisecond)
	assert.Positive(t, held())
}

func rememberedTooLarge(t *testing.T, m ports.Memory[string, int]) {
	m.Put("a", 1, 10)
	m.Put("a", 2, MemoryBudget+1)
	_, held := m.Get("a")
	assert.False(t, held)
}

func rememberedNothing(t *testing.T, m ports.Memory[string, int]) {
	m.Put("a", 1, 10)
	m.Put("b", 2, 10)
	m.Clear()
	for _, key := range []string{"a", "b"} {
		_, held := m.Get(key)
		assert.False(t, held)
	}
	m.Put("a", 3, 10)
	_, held := m.Get("a")
	assert.True(t, held)
}

func rememberedTogether(t *testing.T, m ports.Memory[string, int]) {
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for i := range 1000 {
				key := strconv.Itoa(i % 20)
				m.Put(key, i%20, 100)
				if got, held := m.Get(key); held && got != i%20 {
					t.Errorf("%s holds %d", key, got)
				}
				if i%50 == 0 {
					m.Drop(key)
				}
			}
		})
	}
	all.Wait()
}
