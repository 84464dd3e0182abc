package face_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks/face"
)

// The buttons that would have an effect, and what is written below.
func TestParam(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	f := face.Face{Title: "etl.load", Content: "exit code 1", Status: face.Failed, Actions: face.Actions(), Timezone: "Asia/Shanghai"}
	enabled := func(n face.Now) (on []string) {
		t.Helper()
		var buttons []struct {
			Action   string `json:"action"`
			Disabled bool   `json:"disabled"`
		}
		p := f.Param(n)
		require.NoError(t, json.Unmarshal([]byte(p["buttons"]), &buttons))
		require.Len(t, buttons, 5, "a button that has no effect stays where it is")
		for _, b := range buttons {
			assert.Equal(t, map[bool]string{true: "false", false: "true"}[b.Disabled], p["can_"+b.Action])
			if !b.Disabled {
				on = append(on, b.Action)
			}
		}
		return on
	}
	assert.Equal(t, []string{"retry", "clear_downstream", "ack", "snooze", "log"}, enabled(face.Now{Status: face.Failed}))
	assert.Equal(t, []string{"ack", "snooze", "log"}, enabled(face.Now{Status: face.Running}))
	assert.Equal(t, []string{"retry", "clear_downstream", "log"}, enabled(face.Now{Status: face.Failed, AckedAt: at, SnoozedUntil: at}))
	assert.Equal(t, []string{"log"}, enabled(face.Now{Status: face.Succeeded}))
	assert.Empty(t, enabled(face.Now{Status: face.Gone}))

	p := f.Param(face.Now{
		Status: face.Running, Try: 2, AckedBy: "ann", AckedAt: at,
		Done: []face.Done{{Action: face.Retry, By: "u1", At: at}, {Action: face.Ack, By: "ann", At: at}},
	})
	assert.Equal(t, "运行中 Running (第 2 次 try 2)", p["status"])
	assert.Equal(t, "重试 Retry: u1 2026-03-01 16:00:00 +08:00\n已看到 Ack: ann 2026-03-01 16:00:00 +08:00", p["footer"], "in the zone of the DAG, each once")
	assert.Equal(t, "**"+p["status"]+"**\n\nexit code 1\n\n> 重试 Retry: u1 2026-03-01 16:00:00 +08:00\n>\n> 已看到 Ack: ann 2026-03-01 16:00:00 +08:00", p["markdown"])
	assert.NotEqual(t, face.Hash(p), face.Hash(f.Param(face.Now{Status: face.Running})))
}
