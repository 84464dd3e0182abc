package engine

import "iter"

// slot is the place of an instance in the machine of its run. Tasks are numbered, slots
// are not: where a task's number belongs the compiler refuses a slot, and the other way
// round. Both begin alike, and differ once a mapped task was expanded. The zero slot is
// none.
type slot struct{ number int } // from 1

// bySlot holds something for each slot of a machine.
type bySlot[T any] struct{ list []T }

func (b *bySlot[T]) at(s slot) T { return b.list[s.number-1] }

func (b *bySlot[T]) put(s slot, v T) { b.list[s.number-1] = v }

// add makes another slot.
func (b *bySlot[T]) add(v T) slot {
	b.list = append(b.list, v)
	return slot{len(b.list)}
}

// grow adds zero values until there are n.
func (b *bySlot[T]) grow(n int) {
	b.list = append(b.list, make([]T, max(n-len(b.list), 0))...)
}

func (b *bySlot[T]) len() int { return len(b.list) }

// all are the slots and what they hold, in order.
func (b *bySlot[T]) all() iter.Seq2[slot, T] {
	return func(yield func(slot, T) bool) {
		for i, v := range b.list {
			if !yield(slot{i + 1}, v) {
				return
			}
		}
	}
}

// firstSlots are the slots that n tasks begin with, one each.
func firstSlots(n int) []slot {
	out := make([]slot, n)
	for i := range out {
		out[i] = slot{i + 1}
	}
	return out
}
