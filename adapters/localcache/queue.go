package localcache

import "container/heap"

// queue orders records by when they are due, the earliest first. Renewals move
// ends without a word to it: what is due is a lower bound of the end, and is put
// right when the record comes to the front.
type queue struct{ records byDue }

// put adds a record that is in no queue.
func (q *queue) put(r *record) {
	r.due = r.ends
	heap.Push(&q.records, r)
}

// take takes a record out.
func (q *queue) take(r *record) { heap.Remove(&q.records, r.place) }

// front returns the record that is due first, or nil.
func (q *queue) front() *record {
	if len(q.records) == 0 {
		return nil
	}
	return q.records[0]
}

// correct gives the record at the front its true place.
func (q *queue) correct() {
	r := q.records[0]
	r.due = r.ends
	heap.Fix(&q.records, 0)
}

// byDue is a heap that tells records their places.
type byDue []*record

// Len returns how many there are.
func (b *byDue) Len() int { return len(*b) }

// Less reports whether one is due before another.
func (b *byDue) Less(i, j int) bool { return (*b)[i].due < (*b)[j].due }

// Swap swaps two.
func (b *byDue) Swap(i, j int) {
	records := *b
	records[i], records[j] = records[j], records[i]
	records[i].place, records[j].place = i, j
}

// Push adds a record at the end.
func (b *byDue) Push(x any) {
	r, ok := x.(*record)
	if !ok {
		panic("localcache: a queue holds records alone")
	}
	r.place = len(*b)
	*b = append(*b, r)
}

// Pop takes the last record away.
func (b *byDue) Pop() any {
	records := *b
	last := len(records) - 1
	r := records[last]
	records[last], r.place = nil, -1
	*b = records[:last]
	return r
}
