package scope

// PartBytes bounds a part of a page, in bytes as stored, except where a single row is
// longer. A page is read in parts so that it is never in memory as a whole.
const PartBytes = 256 << 10
