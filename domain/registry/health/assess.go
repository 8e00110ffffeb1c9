package health

import (
	"math"
	"time"
)

// How active checks become a state, and how they are damped.
const (
	// Rise and Fall are how many results in a row change the state.
	Rise = 2
	Fall = 3
	// HalfLife is that of the penalty, to which each transition adds 1. Above HoldAt the
	// state is frozen until the penalty is below ReleaseAt, as the damping of flapping
	// routes in RFC 2439.
	HalfLife  = time.Minute
	HoldAt    = 4.0
	ReleaseAt = 1.0
)

// Verdict is what checks of an instance have come to.
type Verdict struct {
	Status Status
	// Flapping reports that Status is frozen, because it changed too often.
	Flapping bool
}

// Assessment derives the state of an instance from the results of its active checks. The
// zero value begins at Unknown. Times are monotonic and of one source.
type Assessment struct {
	verdict Verdict
	// streak counts the results in a row that disagree with the state.
	streak  int
	found   Status
	penalty float64
	at      time.Duration
}

// Restart sets the state to one that was reported, or has changed for a reason other than
// a check: results and transitions are counted from now on.
func (a *Assessment) Restart(known Status) {
	*a = Assessment{verdict: Verdict{Status: known}, found: known, at: a.at}
}

// Verdict returns what the checks have come to.
func (a *Assessment) Verdict() Verdict { return a.verdict }

// Disagrees reports whether a result is other than the state, so that taking it in
// can change something.
func (a *Assessment) Disagrees(passed bool) bool {
	return a.verdict.Flapping || a.streak > 0 || passed != a.found.Serving() || a.found == Unknown
}

// Add adds the result of a check made at that time. The state becomes Passing after Rise
// passed checks in a row, and Critical after Fall failed ones. While it changes too often
// it is frozen at its last serving state and reported as flapping. A reported warning is
// overruled by a failure only.
func (a *Assessment) Add(passed bool, at time.Duration) Verdict {
	a.decay(at)
	if passed == a.found.Serving() && a.found != Unknown {
		a.streak = 0
	} else if a.streak++; passed && a.streak >= Rise || !passed && a.streak >= Fall {
		a.turn(passed)
	}
	a.settle()
	return a.verdict
}

// turn changes the state after enough equal results in a row.
func (a *Assessment) turn(passed bool) {
	if a.found != Unknown {
		a.penalty++
	}
	a.streak, a.found = 0, Critical
	if passed {
		a.found = Passing
	}
}

// settle decides between the derived and the frozen state.
func (a *Assessment) settle() {
	switch {
	case a.penalty > HoldAt:
		a.verdict.Flapping = true
	case a.penalty < ReleaseAt:
		a.verdict.Flapping = false
	}
	if !a.verdict.Flapping {
		a.verdict.Status = a.found
		return
	}
	if !a.verdict.Status.Serving() {
		a.verdict.Status = Passing
	}
}

func (a *Assessment) decay(at time.Duration) {
	if passed := at - a.at; passed > 0 {
		a.penalty *= math.Exp2(-passed.Seconds() / HalfLife.Seconds())
	}
	a.at = at
}
