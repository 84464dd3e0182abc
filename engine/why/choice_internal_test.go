package why

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dagrun"
)

// Only the result of a branch or of a short circuit is a choice: ids of what follows directly,
// nothing at all, or false.
func TestChooses(t *testing.T) {
	t.Parallel()
	d := &dag.DAG{ID: "d"}
	for i, id := range []string{"fork", "left", "far"} {
		task := &dag.Task{ID: id, Settings: &dag.Settings{TriggerRule: dag.AllSuccess}}
		if i > 0 {
			task.Upstream, d.Tasks[i-1].Downstream = []int{i - 1}, []int{i}
		}
		d.Tasks = append(d.Tasks, task)
	}
	g := dagrun.NewGraph(d, func(dagrun.Task) bool { return false })
	for result, want := range map[string]bool{
		`false`: true, `true`: false, `"left"`: true, `"far"`: false, `""`: true, `["left"]`: true, `[]`: true,
		`["left", "far"]`: false, `["left", 1]`: false, `1`: false, `null`: false, `{}`: false, `"left`: false, ``: false,
	} {
		var text json.RawMessage
		if result != "" {
			text = json.RawMessage(result)
		}
		assert.Equal(t, want, chooses(g, 0, text), result)
	}
}
