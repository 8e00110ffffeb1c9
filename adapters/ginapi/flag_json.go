package ginapi

import (
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
)

// representFlag writes a flag: who it is, its definition as the domain writes it,
// and where it stands.
func representFlag(f flag.State) raw[flagJSON] {
	b := append([]byte(`{"id":`), strconv.FormatInt(int64(f.ID), 10)...)
	b = appendMember(b, "name", f.Identity.Name.String())
	b = appendMember(b, "environment", f.Identity.Environment.String())
	b = append(b, `,"description":`...)
	b = appendDescription(b, f.Draft)
	if f.Damaged {
		b = append(b, `,"damaged":true`...)
	} else {
		b = append(b, ',')
		b = append(b, membersOf(f.Definition)...)
	}
	b = append(b, `,"version":`...)
	b = strconv.AppendInt(b, int64(f.Version), 10)
	b = appendMember(b, "created_at", stamp(f.CreatedAt))
	b = appendMember(b, "updated_at", stamp(f.UpdatedAt))
	b = appendMember(b, "updated_by", f.UpdatedBy.String())
	if f.Deleted {
		b = append(b, `,"deleted":true`...)
	}
	return raw[flagJSON]{append(b, '}')}
}

func appendMember(b []byte, name, value string) []byte {
	b = append(append(append(b, ',', '"'), name...), `":`...)
	return appendQuoted(b, value)
}

// appendQuoted writes a text as JSON; what is no UTF-8 is replaced.
func appendQuoted(b []byte, text string) []byte {
	quoted, _ := jsontext.AppendQuote(b, text) // replaces what is no UTF-8, and says so
	return quoted
}

func appendDescription(b []byte, d flag.Draft) []byte {
	if text, given := d.Description.Text(); given {
		return appendQuoted(b, text)
	}
	return append(b, "null"...)
}

// representDraft writes what a version held, or null.
func representDraft(d *flag.Draft) raw[draftJSON] {
	if d == nil {
		return raw[draftJSON]{[]byte("null")}
	}
	b := append([]byte(`{"description":`), appendDescription(nil, *d)...)
	b = append(b, ',')
	return raw[draftJSON]{append(append(b, membersOf(d.Definition)...), '}')}
}

func representFlagEntry(e flag.HistoryEntry) flagEntryJSON {
	shown := flagEntryJSON{
		ID:        e.ID,
		FlagID:    int64(e.AggregateID),
		Version:   int64(e.Version),
		Action:    e.Action.String(),
		Old:       representDraft(e.Old),
		New:       representDraft(e.New),
		ChangedBy: e.Stamp.By.String(),
		ChangedAt: stamp(e.Stamp.At),
		RequestID: e.Stamp.RequestID,
		Damaged:   e.Damaged,
	}
	if id := e.Stamp.By.KeyID; id != "" {
		shown.ChangedByKeyID = &id
	}
	return shown
}

func representPreview(p flagapp.Previewed) previewJSON {
	shown := previewJSON{
		Version: int64(p.From.Version),
		Before:  representDraft(&p.From.Draft),
		After:   representDraft(&p.To),
		Moves:   []moveJSON{},
	}
	shown.Changes = string(shown.Before.text) != string(shown.After.text)
	for _, m := range p.Movements {
		for _, move := range m.Moves {
			shown.Moves = append(shown.Moves, representMove(m, move))
		}
	}
	return shown
}

func representMove(m flag.Movement, move rollout.Move) moveJSON {
	const perPercent = rollout.Buckets / 100
	shown := moveJSON{
		Place: string(m.Place), Rule: variantOrNull(m.Rule), Buckets: int64(move.Buckets),
		Percentage: float64(move.Buckets) / perPercent, Expected: m.Expected,
		From: variantOrNull(move.From), To: variantOrNull(move.To),
	}
	return shown
}

func variantOrNull(name string) *string {
	if name == flag.NoVariant {
		return nil
	}
	return &name
}

// membersOf returns a definition's JSON without its braces.
func membersOf(d *flag.Definition) string {
	text := d.JSON()
	return text[1 : len(text)-1]
}
