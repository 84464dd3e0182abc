package outbox

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/dingdag/dingdag/store"
)

// A quota that is used up when it is looked at first is told as that.
func TestQuotaEvent(t *testing.T) {
	t.Parallel()
	of := func(sent int) (state, reason, title string) {
		ev := quotaEvent(&store.Gate{Name: "ops", Month: "2026-11", Sent: sent, Quota: 5000})
		return ev.State, ev.Reason, ev.Title()
	}
	state, reason, title := of(4999)
	assert.Equal(t, "nearly_spent", state)
	assert.Equal(t, "robot ops has sent 4,999 of 5,000 messages of November: retries and successes are no longer sent to it, messages of tasks until 4,500, and failures until 5,000", reason)
	assert.Equal(t, "月度额度将用尽 Quota of the month nearly used up: ops: 4,999 of 5,000 messages", title)
	for _, sent := range []int{5000, 5001} {
		state, reason, title = of(sent)
		assert.Equal(t, "spent", state)
		assert.Contains(t, reason, " of 5,000 messages of November: nothing more is sent to it this month")
		assert.Contains(t, title, "月度额度已用尽 Quota of the month used up: ops: 5,00")
	}
}
