package auditapp

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-hq/signalbox/domain/audit"
	"github.com/signalbox-hq/signalbox/ports"
)

// HeadsDependencies is what Heads needs.
type HeadsDependencies struct {
	Trail ports.AuditTrail
	Clock ports.Clock
	// Publisher is nil where heads are not published.
	Publisher ports.Publisher
	Topic     string
	// Source identifies the service in messages, such as "/signalbox/config-service".
	Source string
	// Every is how often the head is recorded.
	Every time.Duration
	// Record records the extent of the log, such as in a log file.
	Record func(audit.Extent)
}

// Heads records and publishes the head of the log, so that it is also kept elsewhere.
type Heads struct {
	deps HeadsDependencies
	// Recorded and published are when that was done last.
	recorded, published time.Time
}

// NewHeads returns one that has done nothing yet.
func NewHeads(d HeadsDependencies) *Heads { return &Heads{deps: d} }

// Step records and publishes the head where that is due; what has failed is due again.
func (h *Heads) Step(ctx context.Context) error {
	now := h.deps.Clock.Now()
	due := func(last time.Time) bool { return last.IsZero() || now.Sub(last) >= h.deps.Every }
	publish := h.deps.Publisher != nil && due(h.published)
	if !publish && !due(h.recorded) {
		return nil
	}
	extent, err := h.deps.Trail.Extent(ctx)
	if err != nil {
		return err
	}
	if due(h.recorded) {
		h.deps.Record(extent)
		h.recorded = now
	}
	if !publish {
		return nil
	}
	if err := h.publish(ctx, extent, now); err != nil {
		return err
	}
	h.published = now
	return nil
}

// headJSON is the value of a message.
type headJSON struct {
	At            string `json:"at"`
	Hash          string `json:"hash"`
	Sequence      int64  `json:"sequence"`
	Source        string `json:"source"`
	StartSequence int64  `json:"start_sequence"`
}

// publish publishes a head. A topic that does not exist may be created by a second attempt.
func (h *Heads) publish(ctx context.Context, extent audit.Extent, now time.Time) error {
	at := now.UTC().Format(time.RFC3339Nano)
	value, err := json.Marshal(headJSON{
		At: at, Hash: extent.End.Text(), Sequence: extent.End.Sequence, Source: h.deps.Source,
		StartSequence: extent.Start.Sequence,
	})
	if err != nil {
		return fmt.Errorf("encode the head of the audit log: %w", err)
	}
	message := ports.Message{Topic: h.deps.Topic, Key: h.deps.Source, Body: value, Headers: map[string]string{
		"content-type": "application/json", "ce_specversion": "1.0", "ce_id": extent.End.Text(),
		"ce_source": h.deps.Source, "ce_type": "audit.head", "ce_time": at, "ce_subject": logResource,
	}}
	err = h.deps.Publisher.Publish(ctx, []ports.Message{message})[0]
	if _, absent := errors.AsType[ports.TopicError](err); absent {
		err = h.deps.Publisher.Publish(ctx, []ports.Message{message})[0]
	}
	if err != nil {
		return fmt.Errorf("publish the head of the audit log: %w", err)
	}
	return nil
}
