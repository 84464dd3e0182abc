package callbacks_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
)

// A note is one line: how many there are, and the first three, on the clocks of their DAGs.
func TestDoubtNote(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 31, 2, 2, 59, 0, time.UTC)
	load := callbacks.Doubt{ID: 17, At: at, Event: &callbacks.Event{
		Kind: callbacks.Failure, DAGID: "etl", TaskID: "load", MapIndex: -1, Timezone: "Asia/Shanghai",
	}}
	assert.Empty(t, callbacks.DoubtNote(nil))
	assert.Equal(t, "注意 Note: 1 earlier message may not have arrived: on_failure of etl.load at 10:02 (alert 17)", callbacks.DoubtNote([]callbacks.Doubt{load}))
	lost := callbacks.Doubt{ID: 18, At: at, Summary: "two\nlines\x1b[31m"}
	bare := callbacks.Doubt{ID: 19, At: at, Event: &callbacks.Event{Kind: callbacks.Folded}}
	assert.Equal(t,
		"注意 Note: 5 earlier messages may not have arrived: two lines at 02:02 (alert 18), digest at 02:02 (alert 19), "+
			"on_failure of etl.load at 10:02 (alert 17) and 2 more",
		callbacks.DoubtNote([]callbacks.Doubt{lost, bare, load, load, load}))
	long := callbacks.DoubtNote([]callbacks.Doubt{{Summary: strings.Repeat("长", 500)}})
	assert.Less(t, len(long), 300)
	assert.Contains(t, long, "… at ")
}
