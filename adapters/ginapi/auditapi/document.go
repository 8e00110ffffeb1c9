package auditapi

// entryJSON is an entry of the audit log.
type entryJSON struct {
	Sequence      int64             `json:"sequence" doc:"Its place in the log: 1, 2, 3 and so on, without a gap"`
	At            string            `json:"at" format:"date-time"`
	Actor         actorJSON         `json:"actor"`
	Source        string            `json:"source" doc:"The address of the client; empty where it is not certain"`
	RequestID     string            `json:"request_id"`
	Action        string            `json:"action" doc:"What was done, such as configuration.updated, or denied or failed, such as configuration.write"`
	Outcome       string            `json:"outcome" enum:"done,denied,failed" doc:"failed: a change that was tried, and answered 5xx"`
	Resource      resourceJSON      `json:"resource"`
	VersionBefore int64             `json:"version_before" doc:"0 where there is none"`
	VersionAfter  int64             `json:"version_after" doc:"0 where there is none"`
	Count         int64             `json:"count" doc:"How many equal attempts it stands for: denied and failed ones of a minute, reveals of a second"`
	Facts         map[string]string `json:"facts" doc:"Further attributes; never a value"`
	Hash          string            `json:"hash" doc:"SHA-256 of the hash before it and of its canonical JSON, in hexadecimal digits"`
	Damaged       bool              `json:"damaged,omitzero" doc:"The stored entry is unreadable"`
}

// actorJSON is the author of an entry.
type actorJSON struct {
	KeyID string `json:"key_id" doc:"Empty for callers without a valid key"`
	Name  string `json:"name"`
}

// resourceJSON is what an entry is about.
type resourceJSON struct {
	Type        string `json:"type" doc:"Such as configuration, feature_flag, service, api_key or request"`
	ID          string `json:"id"`
	Environment string `json:"environment"`
	ServiceName string `json:"service_name"`
	Name        string `json:"name"`
}

// listJSON is a page of entries.
type listJSON struct {
	Entries []entryJSON `json:"entries" nullable:"false" doc:"The newest first"`
	Next    string      `json:"next,omitzero" doc:"The cursor of the next page; left out at the end"`
}

// verifiedJSON is the result of a verification.
type verifiedJSON struct {
	Intact bool  `json:"intact"`
	From   int64 `json:"from" doc:"The first entry that was checked"`
	To     int64 `json:"to" doc:"The last entry that was checked"`
	// Checked is 0 for an empty log alone.
	Checked int64       `json:"checked" doc:"How many entries were checked; 0 for an empty log"`
	Broken  *brokenJSON `json:"broken" doc:"The first entry at which the chain is broken"`
	Next    int64       `json:"next,omitzero" doc:"Where to continue; left out at the end"`
	Start   headJSON    `json:"start" doc:"The last entry that retention has removed; the log begins after it"`
	Head    headJSON    `json:"head"`
}

// brokenJSON is where a chain is broken.
type brokenJSON struct {
	Sequence int64  `json:"sequence"`
	Reason   string `json:"reason" enum:"missing,inserted,changed,hash,head"`
}

// headJSON is the end of the log.
type headJSON struct {
	Sequence int64  `json:"sequence" doc:"0 for an empty log"`
	Hash     string `json:"hash"`
}
