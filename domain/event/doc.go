// Package event defines domain events: an Event in the past tense, the Envelope that
// carries it, and the Recorder that an aggregate embeds.
//
// It is not for delivery. Repositories write envelopes into the outbox in the transaction
// that writes the aggregate; everything later reads them there.
package event
