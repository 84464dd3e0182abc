package sqlite

import (
	"context"
	"database/sql"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest/plantest"
)

// What a process does while nothing or little is to be done must cost the same after a
// million runs as after none: no statement of the hot path reads what has ended.
func TestTheHotPathReadsNoHistory(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1) // the one that keeps the statements
	for name, do := range plantest.HotPath(t.Context(), s) {
		plans := plansOf(t, s, do)
		require.NotEmpty(t, plans, name)
		for query, plan := range plans {
			assert.Empty(t, historyReadBy(query, plan), "%s: %s\n%s", name, query, strings.Join(plan, "\n"))
		}
	}
}

// plansOf are the query plans of the statements that an operation makes, by their text.
func plansOf(t *testing.T, s *Store, do func() error) map[string][]string {
	t.Helper()
	kept := func(db *sql.DB, see func(*conn)) {
		c, err := db.Conn(context.Background())
		require.NoError(t, err)
		require.NoError(t, c.Raw(func(dc any) error { see(dc.(*conn)); return nil }))
		require.NoError(t, c.Close())
	}
	forget := func(c *conn) {
		for _, st := range c.idle {
			assert.NoError(t, st.Close())
		}
		clear(c.idle)
	}
	kept(s.read, forget)
	kept(s.write, forget)
	require.NoError(t, do())
	var queries []string
	see := func(c *conn) { queries = slices.AppendSeq(queries, maps.Keys(c.idle)) }
	kept(s.read, see)
	kept(s.write, see)
	plans := map[string][]string{}
	for _, q := range queries {
		if !strings.Contains(q, "FROM") && !strings.Contains(q, "UPDATE") {
			continue
		}
		plans[q] = planOf(t, s.write, q)
	}
	return plans
}

func planOf(t *testing.T, db *sql.DB, query string) (plan []string) {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, make([]any, strings.Count(query, "?"))...)
	require.NoError(t, err, query)
	defer func() { require.NoError(t, rows.Close()) }()
	for rows.Next() {
		var (
			id, parent, unused int
			detail             string
		)
		require.NoError(t, rows.Scan(&id, &parent, &unused, &detail))
		plan = append(plan, detail)
	}
	require.NoError(t, rows.Err())
	return plan
}

var access = regexp.MustCompile(`^(SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?INDEX (\w+))?(?: \((.*)\))?`)

// partial are the indexes that hold what is open only, small those that hold a row for
// each thing that people made, as the tables do.
var (
	partial = []string{"dag_run_open", "dag_run_taken_over", "delivery_open", "delivery_queue", "delivery_line", "delivery_unnamed", "silence_open", "silence_ending", "request_open", "ask_open", "backfill_open", "backfill_date_left", "asset_queue_waiting", "dag_paused"}
	small   = []string{"dag", "slot_pool", "node_lease", "leader", "report", "all_of_them", "run_deadline", "own", "taken_over", "CONSTANT", "line", "found"}
)

// historyReadBy are the lines of a plan that read more the longer a store is in use.
func historyReadBy(query string, plan []string) (bad []string) {
	sorts := slices.ContainsFunc(plan, func(l string) bool { return strings.Contains(l, "TEMP B-TREE FOR ORDER BY") })
	for _, line := range plan {
		m := access.FindStringSubmatch(line)
		if m == nil || slices.Contains(small, m[2]) || slices.Contains(partial, m[3]) {
			continue
		}
		if strings.Contains(line, "VIRTUAL TABLE") || m[3] == "scheduler_life_seen" { // the newest one that matches
			continue
		}
		// All runs of one DAG are a history as well, unless only the newest are wanted, as those of its schedule always are.
		newest := m[3] == "dag_run_recent" && !sorts && strings.Contains(query, "LIMIT")
		if m[1] == "SCAN" || m[2] == "dag_run" && m[4] == "dag_id=?" && m[3] != "dag_run_scheduled" && !newest {
			bad = append(bad, line)
		}
	}
	return bad
}

// What stands in for some messages is found by them, however many messages there are.
func TestStandInsAreFoundByWhatTheyReplace(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1)
	plans := plansOf(t, s, func() error {
		_, err := s.DeliveryLog(t.Context(), store.DeliveryFilter{StandsInFor: []int64{3, 4, 5}})
		return err
	})
	require.NotEmpty(t, plans)
	for query, plan := range plans {
		assert.Equal(t, "SEARCH delivery USING INDEX delivery_stand_in (stands_in_for=?)", plan[0], query)
	}
}

// A page of a list is read in its order from an index, so that it costs the page and not the
// history behind it.
func TestPagesAreReadInOrder(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1)
	ctx, at := t.Context(), time.Unix(1, 0)
	events := func(f store.EventFilter) func() error {
		f.Limit, f.Behind = 50, 7
		return func() error { _, err := s.Events(ctx, f); return err }
	}
	chat := func(f store.ChatFilter) func() error {
		f.Limit, f.Behind = 50, 7
		return func() error { _, err := s.ChatLog(ctx, f); return err }
	}
	alerts := func(f store.DeliveryFilter) func() error {
		f.Limit, f.Behind = 50, 7
		return func() error { _, err := s.DeliveryLog(ctx, f); return err }
	}
	for name, c := range map[string]struct {
		do   func() error
		want string
	}{
		"alerts":              {alerts(store.DeliveryFilter{}), "SEARCH delivery USING INTEGER PRIMARY KEY (rowid<?)"},
		"alerts of a DAG":     {alerts(store.DeliveryFilter{DAGID: "d", TaskID: "t"}), "SEARCH delivery USING INDEX delivery_of_dag (dag_id=? AND rowid<?)"},
		"alerts of some DAGs": {alerts(store.DeliveryFilter{DAGIDs: []string{"d", "e"}}), "SEARCH delivery USING INTEGER PRIMARY KEY (rowid<?)"},
		"alerts of a channel": {alerts(store.DeliveryFilter{Channel: "c"}), "SEARCH delivery USING INDEX delivery_of_channel (channel=? AND rowid<?)"},
		"alerts that are folded": {
			alerts(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryFolded}}), "SEARCH delivery USING INDEX delivery_aside (id<?)",
		},
		"alerts in a digest":     {alerts(store.DeliveryFilter{DigestID: 3}), "SEARCH delivery USING INDEX delivery_of_digest (digest_id=? AND rowid<?)"},
		"alerts in place of one": {alerts(store.DeliveryFilter{StandsInFor: []int64{3}}), "SEARCH delivery USING INDEX delivery_stand_in (stands_in_for=? AND rowid<?)"},
		"alerts of a run":        {alerts(store.DeliveryFilter{DAGID: "d", RunID: "r"}), "SEARCH delivery USING INDEX delivery_of_run (dag_id=? AND run_id=? AND rowid<?)"},
		"alerts that failed": {
			alerts(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryUncertain}}), "SEARCH delivery USING INDEX delivery_failed (id<?)",
		},
		"silences": {
			func() error { _, err := s.SilenceLog(ctx, store.SilenceFilter{Limit: 50, Behind: 7}); return err },
			"SEARCH silence USING INTEGER PRIMARY KEY (rowid<?)",
		},
		"what a silence kept back": {
			func() error { _, err := s.SilencedDeliveries(ctx, 3, 7, 50); return err },
			"SEARCH delivery USING INDEX delivery_of_silence (silence_id=? AND rowid>?)",
		},
		"what no silence has had": {
			func() error { _, err := s.UnsilencedDeliveries(ctx, 7, 50); return err }, "SEARCH delivery USING INDEX delivery_open (id>?)",
		},
		"what was told of a key": {
			func() error {
				_, err := s.ToldDeliveries(ctx, &store.Delivery{ID: 7, DedupeKey: "k"}, at, 50)
				return err
			},
			"SEARCH delivery USING INDEX delivery_of_key (dedupe_key=? AND channel=? AND event=? AND created_at>?)",
		},
		"alerts that wait": {
			alerts(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryWaiting}}), "SEARCH delivery USING INDEX delivery_open (id<?)",
		},
		"events of assets by a DAG": {
			func() error {
				_, err := s.AssetEventLog(ctx, store.AssetEventFilter{DAGID: "d", Limit: 50, Behind: 7})
				return err
			},
			"SEARCH e USING INDEX asset_event_of_dag (dag_id=? AND rowid<?)",
		},
		"events":           {events(store.EventFilter{}), "SEARCH event_log USING INTEGER PRIMARY KEY (rowid<?)"},
		"events of a DAG":  {events(store.EventFilter{DAGID: "d"}), "SEARCH event_log USING INDEX event_log_of_dag (dag_id=? AND rowid<?)"},
		"events of a task": {events(store.EventFilter{DAGID: "d", TaskID: "t"}), "SEARCH event_log USING INDEX event_log_of_dag (dag_id=? AND rowid<?)"},
		"events of a run":  {events(store.EventFilter{DAGID: "d", RunID: "r"}), "SEARCH event_log USING INDEX event_log_of_run (dag_id=? AND run_id=? AND rowid<?)"},
		"asset events": {
			func() error { _, err := s.AssetEventLog(ctx, store.AssetEventFilter{Limit: 50, Behind: 7}); return err },
			"SEARCH e USING INTEGER PRIMARY KEY (rowid<?)",
		},
		"events of an asset": {
			func() error {
				_, err := s.AssetEventLog(ctx, store.AssetEventFilter{URI: "a", Limit: 50, Behind: 7})
				return err
			},
			"SEARCH e USING INDEX asset_event_uri (uri=? AND id<?)",
		},
		"backfills": {
			func() error { _, err := s.Backfills(ctx, store.BackfillFilter{Limit: 50, Behind: 7}); return err },
			"SEARCH backfill USING INTEGER PRIMARY KEY (rowid<?)",
		},
		"what came from the chat":     {chat(store.ChatFilter{}), "SEARCH chat_message USING INTEGER PRIMARY KEY (rowid<?)"},
		"what somebody wrote":         {chat(store.ChatFilter{UserID: "u"}), "SEARCH chat_message USING INDEX chat_message_of_user (user_id=? AND rowid<?)"},
		"what came of a conversation": {chat(store.ChatFilter{ConversationID: "c"}), "SEARCH chat_message USING INDEX chat_message_of_conversation (conversation_id=? AND rowid<?)"},
		"events of a user":            {events(store.EventFilter{Name: "n"}), "SEARCH event_log USING INDEX event_log_of_owner (owner=? AND rowid<?)"},
	} {
		plans := plansOf(t, s, c.do)
		require.Len(t, plans, 1, name)
		for query, plan := range plans {
			assert.Equal(t, []string{c.want}, plan, "%s: %s", name, query)
		}
	}
}
