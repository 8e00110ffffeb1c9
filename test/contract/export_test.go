package contract

// CheckForTest returns the error of opt-outs from the suite of clocks.
func CheckForTest(without Without) error { return check(without, clockSuite()) }
