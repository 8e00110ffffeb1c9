package scope

// PartBytes is how many bytes, as the store holds them, the part of a page holds at
// most, except where a single row is longer. A page is read in parts so that nobody
// holds all of it.
const PartBytes = 256 << 10
