package callbacks_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
)

func TestEndOfASilence(t *testing.T) {
	t.Parallel()
	ev := callbackstest.SilenceEnd()
	began := ev.Silence.Since.In(time.FixedZone("", 8*3600)).Format("2006-01-02 15:04:05")
	text := ev.Text()
	head, _, _ := strings.Cut(text, " +08:00")
	assert.Equal(t, `静默结束 Silence ended: DAG etl
汇总 Summary: 4 alerts were silenced: 3 on_failure of etl.load, 1 on_success of etl
静默 Silence: snooze of DAG etl
申请人 By: ann (cli)
说明 Why: the disk is changed
时段 From: `+began, head)
	assert.Contains(t, text, "未发送 Not sent: 3 on_failure of etl.load ("+began[5:]+" .. ")
	assert.Contains(t, text, "未发送 Not sent: 1 on_success of etl ("+began[5:]+")\n")
	assert.Contains(t, text, "查看 See: dingdag alerts list etl --state silenced")
	assert.NotContains(t, text, "原因 Reason", "the summary is it")
	assert.NotContains(t, ev.Brief(), "the disk is changed", "the receiver refused what people wrote")
	assert.Equal(t, "the disk is changed", ev.Silence.Reason)
}

// Many tasks are counted, the ones with most alerts first.
func TestEndOfALargeSilence(t *testing.T) {
	t.Parallel()
	var b callbacks.SilencedBuilder
	at := time.Unix(0, 0)
	for i := range 20 {
		for range i + 1 {
			b.Add(callbacks.Failure, "etl", fmt.Sprint("t", i), at)
		}
	}
	text := b.Event(callbacks.Silence{Kind: "maintenance", What: "robot ops"}).Text()
	assert.Contains(t, text, "210 alerts were silenced: 20 on_failure of etl.t19, 19 on_failure of etl.t18, 18 on_failure of etl.t17, …\n")
	assert.Contains(t, text, "未发送 Not sent: 15 others", "5 + 4 + 3 + 2 + 1")
	assert.NotContains(t, text, "of etl.t4 ")
}

func TestMoreOfTheSame(t *testing.T) {
	t.Parallel()
	var b callbacks.SilencedBuilder
	b.Add(callbacks.Failure, "etl", "load", time.Unix(0, 0))
	s := callbacks.Silence{Kind: "double", What: "disk-full", ToldBy: 12}
	assert.Equal(t, "相同告警又有 1 次 The same alert 1 more time: disk-full", b.Event(s).Title())
	b.Add(callbacks.Failure, "", "", time.Unix(0, 0))
	text := b.Event(s).Text()
	assert.Contains(t, text, "The same alert 2 more times: disk-full\n")
	assert.Contains(t, text, "相同 dedupe_key: disk-full\n已通知 Told by: alert 12\n")
	assert.NotContains(t, text, "静默 Silence:")
}
