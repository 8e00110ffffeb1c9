package contract

// CheckForTest returns what is wrong with opt-outs from the suite of clocks.
func CheckForTest(without Without) error { return check(without, clockSuite()) }
