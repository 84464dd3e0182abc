package schedule_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/engine/schedule"
)

func TestBrief(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 200)
	for text, want := range map[string]string{
		"":                                  "",
		"\n exit status 1 \nmore":           "exit status 1",
		"its last lines:":                   "its last lines:",
		"its last lines:\nfirst\n\n last\n": "its last lines: first · last",
		// The cause is not always in the last line: the two outputs of a command may arrive in either order.
		"exit code 1; its last lines:\ncat: a.csv: No such file\nfetching": "exit code 1; its last lines: cat: a.csv: No such file · fetching",
		"its last lines:\n" + long + "\n" + long + "\nno such table":       "its last lines: … " + long + " · no such table",
		"its last lines:\n" + long + "\n" + long:                           "its last lines: … " + long,
		"its last lines:\n" + long + long:                                  "its last lines: " + long + long,
	} {
		assert.Equal(t, want, schedule.Brief(text), "%q", text)
	}
}
