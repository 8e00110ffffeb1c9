package health_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/signalbox-hq/signalbox/domain/registry/health"
)

// series adds results a second apart, 'p' for passed and 'f' for failed, and returns the
// resulting states, by their first letters.
func series(a *health.Assessment, from time.Duration, results string) string {
	states := make([]byte, len(results))
	for i, r := range results {
		states[i] = a.Add(r == 'p', from+time.Duration(i)*time.Second).Status.String()[0]
	}
	return string(states)
}

func TestAssessment(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		known         health.Status
		results, want string
	}{
		"two that pass make it passing":           {health.Unknown, "pp", "up"},
		"three that fail make it critical":        {health.Unknown, "fff", "uuc"},
		"others in between begin the count anew":  {health.Passing, "ffpffpfff", "ppppppppc"},
		"critical needs two in a row":             {health.Critical, "pfpp", "cccp"},
		"a warning stays while checks pass":       {health.Warning, "ppppp", "wwwww"},
		"a warning ends with three that fail":     {health.Warning, "fff", "wwc"},
		"what passes after a warning was refuted": {health.Warning, "fffpp", "wwccp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var a health.Assessment
			a.Restart(c.known)
			assert.Equal(t, c.want, series(&a, 0, c.results))
		})
	}

	t.Run("a report begins the count anew", func(t *testing.T) {
		t.Parallel()
		var a health.Assessment
		a.Restart(health.Passing)
		series(&a, 0, "ff")
		a.Restart(health.Passing)
		assert.Equal(t, "ppc", series(&a, 2*time.Second, "fff"))
	})

	t.Run("above four transitions the last good state is frozen, until the penalty is below one", func(t *testing.T) {
		t.Parallel()
		var a health.Assessment
		a.Restart(health.Passing)
		assert.Equal(t, "ppccccpppc", series(&a, 0, "fffffppfff"))
		series(&a, 10*time.Second, "ppfff")
		verdict := a.Verdict()
		require.True(t, verdict.Flapping)
		assert.Equal(t, health.Passing, verdict.Status, "though it fails just now")
		// Five transitions decay below one within log2(5) half-lives of a minute.
		verdict = a.Add(false, 14*time.Second+139*time.Second)
		assert.Equal(t, health.Verdict{Status: health.Critical}, verdict, "and then the truth")
	})

	t.Run("a disagreeing result is reported before it is added", func(t *testing.T) {
		t.Parallel()
		var a health.Assessment
		a.Restart(health.Passing)
		assert.False(t, a.Disagrees(true))
		assert.True(t, a.Disagrees(false))
		a.Add(false, 0)
		assert.True(t, a.Disagrees(true), "a streak has begun")
	})
}

func TestAssessmentSettles(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var a health.Assessment
		a.Restart(rapid.SampledFrom(health.Statuses()).Draw(t, "known"))
		now, changes, last := time.Duration(0), 0, a.Verdict()
		for _, passed := range rapid.SliceOfN(rapid.Bool(), 0, 300).Draw(t, "results") {
			now += time.Second
			if v := a.Add(passed, now); v != last {
				changes, last = changes+1, v
			}
		}
		// Five minutes: those below the bound, and a few that the decay allows.
		require.LessOrEqual(t, changes, 20)
		end := rapid.Bool().Draw(t, "end")
		for range 15 * 60 {
			now += time.Second
			a.Add(end, now)
		}
		require.False(t, a.Verdict().Flapping)
		require.Equal(t, end, a.Verdict().Status.Serving(), "a steady series ends at the truth")
	})
}
