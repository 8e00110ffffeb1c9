package ports

// Epoch returns the epoch of the feed (FeedHead.Epoch) as far as this replica knows
// it, or "" before it does. What is kept outside the database belongs to the epoch in
// which it was written: after a restore of the database another epoch begins, and what
// was kept before says nothing of it. It answers from memory.
type Epoch func() string
