package localcache

import "container/heap"

// queue orders records by when they are due, the earliest first. Renewals change ends
// without a change of the queue: due is a lower bound of the end, and is corrected when
// the record comes to the front.
type queue struct{ records byDue }

// push adds a record that is in no queue.
func (q *queue) push(r *record) {
	r.due = r.ends
	heap.Push(&q.records, r)
}

// remove removes a record.
func (q *queue) remove(r *record) { heap.Remove(&q.records, r.index) }

// front returns the record that is due first, or nil.
func (q *queue) front() *record {
	if len(q.records) == 0 {
		return nil
	}
	return q.records[0]
}

// correct updates the due time of the record at the front.
func (q *queue) correct() {
	r := q.records[0]
	r.due = r.ends
	heap.Fix(&q.records, 0)
}

// byDue is a heap that maintains the index of its records.
type byDue []*record

// Len returns the number of records.
func (b *byDue) Len() int { return len(*b) }

// Less reports whether one record is due before another.
func (b *byDue) Less(i, j int) bool { return (*b)[i].due < (*b)[j].due }

// Swap swaps two records.
func (b *byDue) Swap(i, j int) {
	records := *b
	records[i], records[j] = records[j], records[i]
	records[i].index, records[j].index = i, j
}

// Push adds a record at the end.
func (b *byDue) Push(x any) {
	r, ok := x.(*record)
	if !ok {
		panic("localcache: a queue has records alone")
	}
	r.index = len(*b)
	*b = append(*b, r)
}

// Pop removes the last record.
func (b *byDue) Pop() any {
	records := *b
	last := len(records) - 1
	r := records[last]
	records[last], r.index = nil, -1
	*b = records[:last]
	return r
}
