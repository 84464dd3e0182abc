// Package mutant is what the code calls that the command above it has changed: every change
// is in one binary, and the environment says which one of them counts.
package mutant

import (
	"cmp"
	"os"
	"strconv"
	"sync/atomic"
)

// The variables of the environment.
const (
	// Current is the number of the change that counts. Without it the code is as it was.
	Current = "MUTANT"
	// Seen names a file, to which the numbers of the changes are written whose code ran.
	Seen = "MUTANTS_SEEN"
)

// Most is how many changes there may be; the numbers begin with 1.
const Most = 1 << 14

var (
	current, _ = strconv.Atoi(os.Getenv(Current))
	file       = open(os.Getenv(Seen))
	seen       [Most]atomic.Bool
)

func open(name string) *os.File {
	if name == "" {
		return nil
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the command names it
	if err != nil {
		panic(err)
	}
	return f
}

// On reports whether a change counts. Before a comparison with != it negates what follows.
func On(id int) bool {
	if file != nil && seen[id].CompareAndSwap(false, true) {
		if _, err := file.WriteString(strconv.Itoa(id) + "\n"); err != nil {
			panic(err)
		}
	}
	return id == current
}

// Less is a < b, or a <= b while the change counts.
func Less[T cmp.Ordered](id int, a, b T) bool {
	on := On(id)
	return a < b || on && a == b
}

// LessOrEqual is a <= b, or a < b while the change counts.
func LessOrEqual[T cmp.Ordered](id int, a, b T) bool {
	on := On(id)
	return a < b || !on && a == b
}

// Greater is a > b, or a >= b while the change counts.
func Greater[T cmp.Ordered](id int, a, b T) bool { return Less(id, b, a) }

// GreaterOrEqual is a >= b, or a > b while the change counts.
func GreaterOrEqual[T cmp.Ordered](id int, a, b T) bool { return LessOrEqual(id, b, a) }

// number is what can be counted up and down.
type number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// Up adds one to n, or takes it away while the change counts.
func Up[T number](id int, n *T) {
	if On(id) {
		*n--
	} else {
		*n++
	}
}

// Down takes one away from n, or adds it while the change counts.
func Down[T number](id int, n *T) {
	if On(id) {
		*n++
	} else {
		*n--
	}
}
