package outbox

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/timetable"
)

func TestCovers(t *testing.T) {
	t.Parallel()
	at := time.Unix(1000, 0)
	load := store.Unsilenced{Channel: "dingding:ops", Event: "on_failure", DAGID: "etl_a", TaskID: "load", Priority: 1, CreatedAt: at}
	snooze := func(change func(*store.Silence)) store.Silence {
		s := store.Silence{Kind: store.SilenceSnooze, Since: at, Until: at.Add(time.Hour)}
		change(&s)
		return s
	}
	with := func(change func(*store.Unsilenced)) store.Unsilenced {
		d := load
		change(&d)
		return d
	}
	ofTask := snooze(func(s *store.Silence) { s.DAGs, s.TaskID = []string{"etl_a"}, "load" })
	ofDAG := snooze(func(s *store.Silence) { s.DAGs = []string{"x", "etl_[ab]"} })
	ofRobot := snooze(func(s *store.Silence) { s.Robots = []string{"dev", "ops"} })
	all := snooze(func(*store.Silence) {})
	window := snooze(func(s *store.Silence) { s.Kind = store.SilenceMaintenance })
	urgent := with(func(d *store.Unsilenced) { d.Priority = 0 })
	for name, c := range map[string]struct {
		s    store.Silence
		d    store.Unsilenced
		want bool
	}{
		"a task":                         {ofTask, load, true},
		"another task":                   {ofTask, with(func(d *store.Unsilenced) { d.TaskID = "" }), false},
		"the task of another DAG":        {ofTask, with(func(d *store.Unsilenced) { d.DAGID = "etl_b" }), false},
		"a pattern of DAGs":              {ofDAG, load, true},
		"another DAG":                    {ofDAG, with(func(d *store.Unsilenced) { d.DAGID = "etl_c" }), false},
		"no DAG":                         {ofDAG, with(func(d *store.Unsilenced) { d.DAGID = "" }), false},
		"a robot":                        {ofRobot, load, true},
		"another robot":                  {ofRobot, with(func(d *store.Unsilenced) { d.Channel = "email:mail" }), false},
		"a group of an app":              {ofRobot, with(func(d *store.Unsilenced) { d.Channel = "dingding_bot:ops@cid1" }), true},
		"an app's channel of before":     {ofRobot, with(func(d *store.Unsilenced) { d.Channel = "dingding_bot:ops" }), true},
		"all":                            {all, with(func(d *store.Unsilenced) { d.DAGID, d.TaskID = "", "" }), true},
		"urgent":                         {all, urgent, false},
		"urgent, by its task":            {ofTask, urgent, true},
		"urgent, by its DAG":             {ofDAG, urgent, false},
		"urgent, and that is meant":      {snooze(func(s *store.Silence) { s.Urgent = true }), urgent, true},
		"before a snooze":                {all, with(func(d *store.Unsilenced) { d.CreatedAt = at.Add(-1) }), true},
		"before a window":                {window, with(func(d *store.Unsilenced) { d.CreatedAt = at.Add(-1) }), false},
		"as a window begins":             {window, load, true},
		"urgent in a window":             {window, urgent, false},
		"urgent, meant by a window":      {snooze(func(s *store.Silence) { s.Kind, s.Urgent = store.SilenceMaintenance, true }), urgent, true},
		"the end of a silence of a DAG":  {ofDAG, with(func(d *store.Unsilenced) { d.Event = "on_silence_end" }), false},
		"the end of a silence to robots": {ofRobot, with(func(d *store.Unsilenced) { d.Event = "on_silence_end" }), true},
	} {
		assert.Equal(t, c.want, covers(&c.s, &c.d), name)
	}
}

func TestWindowOfAMoment(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("Asia/Shanghai")
	require.NoError(t, err)
	cron, err := timetable.Cron("0 2 * * 6", zone)
	require.NoError(t, err)
	w := Window{Begins: cron, For: 3 * time.Hour}
	begins := time.Date(2026, 12, 5, 2, 0, 0, 0, zone) // a Saturday
	for _, c := range []struct {
		now  time.Time
		want time.Time
	}{
		{begins.Add(-time.Millisecond), begins},
		{begins, begins},
		{begins.Add(3*time.Hour - time.Millisecond), begins},
		{begins.Add(3 * time.Hour), begins.AddDate(0, 0, 7)},
	} {
		since, until, ok := w.at(c.now)
		require.True(t, ok)
		assert.True(t, c.want.Equal(since), "%s: %s", c.now, since)
		assert.Equal(t, 3*time.Hour, until.Sub(since))
	}
	never, err := timetable.Cron("0 0 30 2 *", zone)
	require.NoError(t, err)
	_, _, ok := (&Window{Begins: never, For: time.Hour}).at(begins)
	assert.False(t, ok)

	once := Window{From: begins, Until: begins.Add(time.Hour)}
	_, _, ok = once.at(begins.Add(time.Hour))
	assert.False(t, ok, "it is over")
	other := once
	assert.Equal(t, once.key(), other.key())
	other.Robots = []string{"ops"}
	assert.NotEqual(t, once.key(), other.key())
	assert.NotEqual(t, w.key(), (&Window{Begins: cron, For: time.Hour}).key())
}
