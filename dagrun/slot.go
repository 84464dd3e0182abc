package dagrun

import "iter"

// Task is the place of a task among those of its DAG, from 0 ([dag.DAG.Tasks]).
type Task int

// Slot is the place of a task instance in the [Machine] of its run. Where a [Task] belongs
// the compiler refuses a slot, and the other way round: both begin alike, and differ once a
// mapped task was expanded. The zero slot is none.
type Slot struct{ number int } // from 1

// BySlot holds something for each slot of a machine. The zero value has no slots.
type BySlot[T any] struct{ list []T }

// At is what a slot holds.
func (b *BySlot[T]) At(s Slot) T { return b.list[s.number-1] }

// Put lets a slot hold v.
func (b *BySlot[T]) Put(s Slot, v T) { b.list[s.number-1] = v }

// Add makes another slot that holds v.
func (b *BySlot[T]) Add(v T) Slot {
	b.list = append(b.list, v)
	return Slot{len(b.list)}
}

// Grow adds slots that hold the zero value until there are n.
func (b *BySlot[T]) Grow(n int) {
	b.list = append(b.list, make([]T, max(n-len(b.list), 0))...)
}

// Len is the number of slots.
func (b *BySlot[T]) Len() int { return len(b.list) }

// All are the slots and what they hold, in order.
func (b *BySlot[T]) All() iter.Seq2[Slot, T] {
	return func(yield func(Slot, T) bool) {
		for i, v := range b.list {
			if !yield(Slot{i + 1}, v) {
				return
			}
		}
	}
}

// firstSlots are the slots that n tasks begin with, one each.
func firstSlots(n int) []Slot {
	out := make([]Slot, n)
	for i := range out {
		out[i] = Slot{i + 1}
	}
	return out
}
