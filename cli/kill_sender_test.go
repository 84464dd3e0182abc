package cli_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
)

// stormDAG fails in all of its instances, each with an alert, and as a whole.
const stormDAG = `
chaos:
  schedule: null
  start_date: 2026-01-01
  max_active_runs: 100
  on_failure_callback: dingding
  default_args: {on_failure_callback: dingding}
  tasks:
    - {task_id: boom, operator: bash, expand: {bash_command: ["exit 1", "exit 2", "exit 3", "exit 4", "exit 5"]}}
`

// noteOfUncertain is the end of a message that names earlier ones.
var noteOfUncertain = regexp.MustCompile(`\n注意 Note: \d+ earlier messages? may not have arrived: .*$`)

// TestKillSender kills the real program with SIGKILL at each step of the sending of an alert: before
// the request leaves, while the robot has it, when the answer has come, and somewhere between, while
// alerts are folded. Each alert is then delivered, told by a digest that was, or known to be uncertain.
func TestKillSender(t *testing.T) {
	t.Parallel()
	kills := killsOr(16)
	c := newChaos(t, uint64(time.Now().UnixNano()), stormDAG)
	c.env = append(c.env, "DINGDAG_ALERT_FOLD_AFTER=200ms")
	for i := range kills {
		c.trigger()
		before := len(c.box.Attempts())
		p := c.start()
		switch i % 4 {
		case 0:
			p.kill(time.Duration(100+c.random.IntN(400)) * time.Millisecond)
		default:
			p.until("send an alert", func() bool { return len(c.box.Attempts()) > before })
			p.kill(time.Duration([]int{0, 30 + c.random.IntN(8), c.random.IntN(80)}[i%4-1]) * time.Millisecond)
		}
	}
	p := c.start()
	c.waitOver(p) // which may be over when it begins
	p.until("start", func() bool { return strings.Contains(p.log.String(), "dingdag starts") })
	p.stop()
	c.assertAlerts(kills)
}

// assertAlerts checks that each failure has one alert, and what became of it.
func (c *chaos) assertAlerts(kills int) {
	c.t.Helper()
	s := c.open()
	defer s.Close()
	ds, err := s.Deliveries(c.t.Context(), nil, 0)
	require.NoError(c.t, err)
	byID, alerts, fates := map[int64]*store.Delivery{}, map[string]int{}, map[string]int{}
	for _, d := range ds {
		byID[d.ID] = d
	}
	for _, d := range ds {
		if d.Owner.Event == "digest" {
			continue
		}
		alerts[fmt.Sprint(d.Owner.RunID, "/", d.Owner.TaskID, d.Owner.MapIndex)]++
		fate := string(d.State)
		if d.State == store.DeliveryFolded {
			require.Contains(c.t, byID, d.DigestID)
			fate = "folded, " + string(byID[d.DigestID].State)
		}
		fates[fate]++
	}
	runs, err := s.Runs(c.t.Context(), store.RunFilter{DAGID: "chaos"})
	require.NoError(c.t, err)
	want := map[string]int{}
	for _, r := range runs {
		assert.Equal(c.t, dag.RunFailed, r.State)
		want[r.RunID+"/-1"] = 1
		is, err := s.Instances(c.t.Context(), r.Key)
		require.NoError(c.t, err)
		for _, in := range is {
			want[fmt.Sprint(r.RunID, "/", in.TaskID, in.MapIndex)] = 1
		}
	}
	assert.Len(c.t, want, c.runs*6)
	assert.Equal(c.t, want, alerts)
	told := map[string]bool{}
	for _, m := range c.box.Messages(sandbox.Filter{}) {
		text := noteOfUncertain.ReplaceAllString(m.Content.Text, "")
		assert.False(c.t, told[text], "arrived twice: %s", text)
		told[text] = true
	}
	uncertain := 0
	for _, d := range ds {
		if d.State == store.DeliveryUncertain {
			uncertain++
		}
	}
	c.t.Logf("%d kills, %d messages arrived, %d uncertain; of the alerts %v", kills, len(told), uncertain, fates)
	assert.LessOrEqual(c.t, uncertain, kills)
	for fate, n := range fates {
		assert.Contains(c.t, []string{"delivered", "uncertain", "folded, delivered", "folded, uncertain"}, fate, "%d alerts", n)
	}
	assert.Positive(c.t, fates["folded, delivered"])
}
