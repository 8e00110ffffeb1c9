package dberror

// Exported for tests of the codes.
var (
	PostgresMeaningForTest = postgresMeaning
	SQLiteMeaningForTest   = sqliteMeaning
)
