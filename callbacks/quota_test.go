package callbacks_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/callbackstest"
)

func TestTextOfAQuota(t *testing.T) {
	t.Parallel()
	ev := callbackstest.NearlySpent()
	assert.Equal(t, `月度额度将用尽 Quota of the month nearly used up: ops: 4,000 of 5,000 messages
主机 Host: worker-7
原因 Reason: `+ev.Reason, ev.Text())
	assert.Equal(t, "robot ops has sent 4,000 of 5,000 messages of November", ev.Quota.Sum())
	assert.Contains(t, ev.Brief(), "ops: 4,000 of 5,000 messages")
	ev.Quota.Sent = 4999
	assert.Contains(t, ev.Title(), "将用尽")
	for _, sent := range []int{5000, 5001} {
		ev.Quota.Sent = sent
		assert.Equal(t, "月度额度已用尽 Quota of the month used up: ops: "+callbacks.Grouped(sent)+" of 5,000 messages", ev.Title())
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 12: "12", 1_000_005: "1,000,005", 45_678: "45,678"} {
		assert.Equal(t, want, callbacks.Grouped(n))
	}
}
