package e2etest

import "sync"

// InParallel calls a function that many times concurrently and returns the results.
func InParallel[T any](times int, do func(i int) T) []T {
	results := make([]T, times)
	var wait sync.WaitGroup
	for i := range times {
		wait.Go(func() { results[i] = do(i) })
	}
	wait.Wait()
	return results
}

// Count counts the occurrences of a value.
func Count[T comparable](list []T, value T) int {
	n := 0
	for _, v := range list {
		if v == value {
			n++
		}
	}
	return n
}
