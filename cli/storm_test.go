package cli_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
)

// TestStormInRealTime lets 500 instances of 20 DAGs fail at once into one robot that takes 20 messages a
// minute and then none for ten minutes, while other DAGs send reports to it: the last failure is told
// within three minutes, the alert of another DAG within 20 seconds, and no task fails for the robot.
func TestStormInRealTime(t *testing.T) {
	t.Parallel()
	c := newStorm(t)
	p := c.start()
	s := c.open()
	defer s.Close()
	alerts := func(f store.DeliveryFilter) []*store.Delivery {
		ds, err := s.DeliveryLog(t.Context(), f)
		require.NoError(t, err)
		return ds
	}
	p.until("fail 250 times", func() bool { return len(alerts(store.DeliveryFilter{TaskID: "boom"})) >= 250 })
	code, _, errs := run(t, "--home", c.home, "dags", "trigger", "other")
	require.Zero(t, code, errs)
	p.within(5*time.Minute, "tell of everything", func() bool {
		if len(alerts(store.DeliveryFilter{TaskID: "boom"})) < 500 || len(alerts(store.DeliveryFilter{DAGID: "other"})) == 0 {
			return false
		}
		open, err := s.OpenChannels(t.Context())
		require.NoError(t, err)
		n, err := s.CountRuns(t.Context(), "reports", dag.RunQueued, dag.RunRunning)
		require.NoError(t, err)
		return len(open) == 0 && n == 0
	})
	p.stop()

	byID := map[int64]*store.Delivery{}
	for _, d := range alerts(store.DeliveryFilter{}) {
		byID[d.ID] = d
	}
	var first, last time.Time
	for _, d := range alerts(store.DeliveryFilter{TaskID: "boom"}) {
		teller := d
		if d.State == store.DeliveryFolded {
			teller = byID[d.DigestID]
		}
		require.Equal(t, store.DeliveryDelivered, teller.State, teller.Error)
		if first.IsZero() || d.CreatedAt.Before(first) {
			first = d.CreatedAt
		}
		if teller.UpdatedAt.After(last) {
			last = teller.UpdatedAt
		}
	}
	other := alerts(store.DeliveryFilter{DAGID: "other"})[0]
	told := other
	if other.State == store.DeliveryFolded { // it came while a digest was being made
		told = byID[other.DigestID]
	}
	require.Equal(t, store.DeliveryDelivered, told.State, told.Error)
	messages := c.box.Messages(sandbox.Filter{})
	t.Logf("%d messages; the last of 500 told %s after the first failure, that of another DAG after %s", len(messages), last.Sub(first), told.UpdatedAt.Sub(other.CreatedAt))
	assert.Less(t, last.Sub(first), 3*time.Minute)
	assert.Less(t, told.UpdatedAt.Sub(other.CreatedAt), 20*time.Second)
	attempts := c.box.Attempts()
	for i, a := range attempts {
		assert.Zero(t, a.Code, a.Reason)
		if i >= 20 {
			assert.GreaterOrEqual(t, a.Time.Sub(attempts[i-20].Time), time.Minute, "request %d", i)
		}
	}
	runs, err := s.Runs(t.Context(), store.RunFilter{DAGID: "reports"})
	require.NoError(t, err)
	require.Len(t, runs, 1)
	assert.Equal(t, dag.RunSuccess, runs[0].State)
	is, err := s.Instances(t.Context(), runs[0].Key)
	require.NoError(t, err)
	for _, in := range is {
		assert.Equal(t, 1, in.Try, "%s waited, and used up no retry", in.TaskID)
	}
}

// newStorm is a home folder with 20 DAGs that fail, one that sends reports and one that fails when it
// is asked to, and a robot with DingTalk's limit.
func newStorm(t *testing.T) *chaos {
	t.Helper()
	var file strings.Builder
	for i := range 20 {
		fmt.Fprintf(&file, `
dag_%02d:
  schedule: "@once"
  start_date: 2026-01-01
  default_args: {on_failure_callback: dingding}
  tasks:
    - {task_id: boom, operator: bash, expand: {bash_command: [%s]}}
`, i, strings.TrimSuffix(strings.Repeat(`"exit 1", `, 25), ", "))
	}
	file.WriteString(`
reports:
  schedule: "@once"
  start_date: 2026-01-01
  tasks:
`)
	for i := range 4 {
		fmt.Fprintf(&file, "    - {task_id: report_%d, operator: dingding, message: report %d}\n", i, i)
	}
	file.WriteString(`
other:
  schedule: null
  tasks:
    - {task_id: t, operator: bash, bash_command: exit 1, on_failure_callback: dingding}
`)
	home := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(home, "dags"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(home, "dags", "storm.yaml"), []byte(file.String()), 0o600))
	box := sandboxtest.Start(t)
	robot := box.AddRobot(sandbox.DemoRobot("ops"))
	return &chaos{
		t: t, random: rand.New(rand.NewPCG(0, 0)), box: box, home: home, ended: map[string]ending{},
		env: append(os.Environ(), "DINGDAG_HOME="+home, "DINGDAG_WORKERS=8",
			fmt.Sprintf(`DINGDAG_CONN_DINGDING_DEFAULT={"conn_type":"dingding","host":%q,"password":%q}`, box.URL, robot.Token)),
	}
}
