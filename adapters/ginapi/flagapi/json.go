package flagapi

import (
	"strconv"

	"github.com/signalbox-hq/signalbox/adapters/ginapi/rest"
	"github.com/signalbox-hq/signalbox/application/flagapp"
	"github.com/signalbox-hq/signalbox/domain/flag"
	"github.com/signalbox-hq/signalbox/domain/flag/rollout"
)

// representFlag encodes a flag: its identity, its definition as the domain encodes it, and
// its version.
func representFlag(f flag.State) rest.Raw[flagJSON] {
	b := append([]byte(`{"id":`), strconv.FormatInt(int64(f.ID), 10)...)
	b = rest.AppendMember(b, "name", f.Identity.Name.String())
	b = rest.AppendMember(b, "environment", f.Identity.Environment.String())
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
	b = rest.AppendMember(b, "created_at", rest.Time(f.CreatedAt))
	b = rest.AppendMember(b, "updated_at", rest.Time(f.UpdatedAt))
	b = rest.AppendMember(b, "updated_by", f.UpdatedBy.String())
	if f.Deleted {
		b = append(b, `,"deleted":true`...)
	}
	return rest.Raw[flagJSON]{Text: append(b, '}')}
}

func appendDescription(b []byte, d flag.Draft) []byte {
	if text, given := d.Description.Text(); given {
		return rest.AppendQuoted(b, text)
	}
	return append(b, "null"...)
}

// representDraft encodes what a version contained.
func representDraft(d *flag.Draft) *rest.Raw[draftJSON] {
	if d == nil {
		return nil
	}
	b := append([]byte(`{"description":`), appendDescription(nil, *d)...)
	b = append(b, ',')
	return &rest.Raw[draftJSON]{Text: append(append(b, membersOf(d.Definition)...), '}')}
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
		ChangedAt: rest.Time(e.Stamp.At),
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
		Before:  *representDraft(&p.From.Draft),
		After:   *representDraft(&p.To),
		Moves:   []moveJSON{},
	}
	shown.Changes = string(shown.Before.Text) != string(shown.After.Text)
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
		Place: string(m.Place), Rule: rest.OrNull(m.Rule), Buckets: int64(move.Buckets),
		Percentage: float64(move.Buckets) / perPercent, Expected: m.Expected,
		From: rest.OrNull(move.From), To: rest.OrNull(move.To),
	}
	return shown
}

// membersOf returns a definition's JSON without its braces.
func membersOf(d *flag.Definition) string {
	text := d.JSON()
	return text[1 : len(text)-1]
}
