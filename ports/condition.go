package ports

// Condition is a state of the service that an operator has to act on, such as a
// damaged row. It never contains a value, a key or a secret.
type Condition struct {
	// Name identifies the kind of condition in snake_case, such as "damaged_rows".
	Name string
	// Message says in one or two sentences what is wrong and what to do.
	Message string
	// Part is what is degraded by it: "database", "redis" or "kafka", or empty for
	// the complete service.
	Part string
	// Count is how many things are concerned; 0 where there is nothing to count.
	Count int64
}

// Conditions returns the present conditions, in a stable order. It reads memory only and
// does not block.
type Conditions func() []Condition
