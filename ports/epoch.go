package ports

// Epoch returns the epoch of the feed (FeedHead.Epoch) as far as this replica knows
// it, or "" before the first load. Data outside the database belongs to the epoch in which
// it was written: a restore of the database begins a new epoch, and older data is void.
// It reads memory only.
type Epoch func() string
