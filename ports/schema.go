package ports

// MessageSchema describes the messages of a module; application/relay makes a JSON
// Schema of it (docs/events).
type MessageSchema struct {
	// Name identifies the schema, and is its file's name without ".schema.json".
	Name               string
	Title, Description string
	// ResourceID and Environment describe the fields of those names.
	ResourceID, Environment Property
	// Data describes what the events' data has beside what all messages have.
	Data []Property
}

// Property describes a field by keywords of JSON Schema. Zero ones are left out.
type Property struct {
	Name string
	// Required says that the field is never missing.
	Required             bool
	Type                 string
	Enum                 []string
	Const, Pattern       string
	Minimum              int64
	MinLength, MaxLength int
	Description          string
}

// DecimalID is the resource id of resources that have a number.
func DecimalID() Property {
	return Property{Type: "string", Pattern: "^[1-9][0-9]*$", Description: "The id in decimal."}
}

// EnvironmentName is an environment that is not empty.
func EnvironmentName() Property { return Property{Type: "string", MinLength: 1, MaxLength: 50} }

// Named returns the property as a field of data that is never missing.
func (p Property) Named(name string) Property {
	p.Name, p.Required = name, true
	return p
}

// RevivedFact is the data of a rollback that may have restored a resource.
func RevivedFact() Property {
	return Property{
		Name: "revived", Type: "boolean", Description: "Of a rollback: whether it restored a deleted resource.",
	}
}
