package audit

// Line returns the entry for an export: its columns, its text and its hash, as JSON in the
// form of RFC 8785. A text that is not canonical stays as it is, so that the line is not
// canonical either.
func (s Stored) Line() []byte {
	c := s.Columns
	b := make([]byte, 0, len(s.Canonical)+512)
	b = append(b, `{"columns":`...)
	b = member(b, '{', "action", c.Action)
	b = member(b, ',', "actor_key", c.ActorKeyID)
	b = member(b, ',', "environment", c.Environment)
	b = member(b, ',', "name", c.Name)
	b = member(b, ',', "occurred_at", c.At.UTC().Format(timeLayout))
	b = member(b, ',', "outcome", string(c.Outcome))
	b = member(b, ',', "resource_type", c.ResourceType)
	b = append(member(b, ',', "service_name", c.ServiceName), '}')
	b = append(append(b, `,"entry":`...), s.Canonical...)
	return append(member(b, ',', "hash", s.Hash.Text()), '}')
}

// Line returns a head for an export, which begins with its "start" and ends with its "end".
func (h Head) Line(name string) []byte {
	b := append(append([]byte(`{"`), name...), `":`...)
	b = member(b, '{', "hash", h.Text())
	return append(number(b, "sequence", h.Sequence), "}}"...)
}
