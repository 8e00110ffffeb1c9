package targeting

// Operator is how a condition compares. The zero value is none.
type Operator string

// The operators.
const (
	Equals         Operator = "equals"
	In             Operator = "in"
	StartsWith     Operator = "starts_with"
	EndsWith       Operator = "ends_with"
	Contains       Operator = "contains"
	Matches        Operator = "matches"
	Greater        Operator = "greater"
	GreaterOrEqual Operator = "greater_or_equal"
	Less           Operator = "less"
	LessOrEqual    Operator = "less_or_equal"
	Before         Operator = "before"
	After          Operator = "after"
	SemverEqual    Operator = "semver_equal"
	SemverGreater  Operator = "semver_greater"
	SemverLess     Operator = "semver_less"
	InCIDR         Operator = "in_cidr"
	Exists         Operator = "exists"
)

// Operators returns every operator.
func Operators() []Operator {
	return []Operator{
		Equals, In, StartsWith, EndsWith, Contains, Matches, Greater, GreaterOrEqual, Less, LessOrEqual,
		Before, After, SemverEqual, SemverGreater, SemverLess, InCIDR, Exists,
	}
}

// values returns the least and the greatest number of values of an operator.
func (o Operator) values() (least, most int) {
	switch o {
	case Exists:
		return 0, 0
	case In, StartsWith, EndsWith, Contains, Matches, InCIDR:
		return 1, MaxValues
	case Equals, Greater, GreaterOrEqual, Less, LessOrEqual, Before, After, SemverEqual, SemverGreater, SemverLess:
	}
	return 1, 1
}

// ignoresCase reports whether ignore_case means anything to an operator.
func (o Operator) ignoresCase() bool {
	switch o {
	case Equals, In, StartsWith, EndsWith, Contains, Matches:
		return true
	case Greater, GreaterOrEqual, Less, LessOrEqual, Before, After,
		SemverEqual, SemverGreater, SemverLess, InCIDR, Exists:
	}
	return false
}
