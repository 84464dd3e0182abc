package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// Steps grow slowly and shrink at once.
func TestSize(t *testing.T) {
	t.Parallel()
	s := size{8}
	for _, c := range []struct {
		did  int
		took time.Duration
		want int
	}{
		{8, 0, 16},
		{16, time.Millisecond, 32},
		{3, time.Millisecond, 32},          // it had less to do
		{0, time.Second, 32},               // or nothing
		{32, 32 * time.Millisecond, 16},    // 1 ms each
		{16, time.Second, 1},               // a slow moment
		{1, 10 * time.Millisecond, 1},      // not two of these
		{1, time.Second, 1},                // never none
		{1, 100 * time.Microsecond, 2},     //
		{3000, 3000 * time.Microsecond, 4}, // at most twice as many
		{4, 4 * wantedHold, 1},             // each takes all of the time
		{1, wantedHold / 5000, 2},          //
		{2, 2 * (wantedHold / 5000), 4},    //
	} {
		s.next(c.did, c.took)
		assert.Equal(t, c.want, s.n, "%d in %s", c.did, c.took)
	}
	for range 20 {
		s.next(s.n, 0)
	}
	assert.Equal(t, maxSize, s.n)
}
