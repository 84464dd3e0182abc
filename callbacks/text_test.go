package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
)

func TestTextOfWhatAFailureBlocks(t *testing.T) {
	t.Parallel()
	ev := &callbacks.Event{Kind: callbacks.Failure, DAGID: "etl", RunID: "r", TaskID: "extract", MapIndex: -1, Blocks: []string{"load", "report"}}
	assert.Contains(t, ev.Text(), "\n下游受阻 Blocks: load, report")
	ev.Blocks = []string{"a", "b", "c", "d", "e", "f", "g"}
	assert.Contains(t, ev.Text(), "\n下游受阻 Blocks: a, b, c, d, e and 2 more")
}

func TestTextOfTheCausesOfAFailedRun(t *testing.T) {
	t.Parallel()
	ev := &callbacks.Event{Kind: callbacks.Failure, DAGID: "etl", RunID: "r", MapIndex: -1, FailedTasks: []string{"extract"}, Error: "no route"}
	ev.Causes = []callbacks.Cause{{TaskID: "extract", MapIndex: -1, Error: "no route"}}
	assert.NotContains(t, ev.Text(), "Root causes", "the one error is shown anyway")
	ev.FailedTasks = []string{"extract", "each", "clean"}
	ev.Causes = append(ev.Causes, callbacks.Cause{TaskID: "each", MapIndex: 3, Error: "\x1b[31mexit code 1\nTraceback: …"})
	assert.Contains(t, ev.Text(), "\n根因 Root causes: extract: no route\neach[3]: exit code 1\n错误 Error: no route")
}
