package sqlite

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/listing"
)

// What people list, and what is looked up in history, takes an index, however much there is.
func TestListsReadNoHistory(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1) // the one that keeps the statements
	runs := func(f store.RunFilter) func() error {
		return func() error { _, err := s.Runs(t.Context(), f); return err }
	}
	failed := []dag.RunState{dag.RunFailed}
	for name, c := range map[string]struct {
		do  func() error
		use string
	}{
		"the newest runs":                 {runs(store.RunFilter{Limit: 50}), "SCAN dag_run USING INDEX dag_run_newest"},
		"the newest failed runs":          {runs(store.RunFilter{Limit: 50, States: failed}), "SCAN dag_run USING INDEX dag_run_failed_newest"},
		"the newest failed runs of a DAG": {runs(store.RunFilter{DAGID: "d", Limit: 50, States: failed}), "SEARCH dag_run USING INDEX dag_run_failed (dag_id=?)"},
		"the last successes of a DAG":     {runs(store.RunFilter{DAGID: "d", Limit: 9, States: []dag.RunState{dag.RunSuccess}}), "SEARCH dag_run USING INDEX dag_run_success (dag_id=?)"},
		"the success before a run": {
			func() error {
				_, err := s.PreviousSuccess(t.Context(), &store.Run{DAGID: "d", LogicalDate: time.Unix(1, 0)})
				return err
			},
			"SEARCH dag_run USING INDEX dag_run_success_date (dag_id=? AND logical_date<?)",
		},
		"the runs from a logical date on": {runs(store.RunFilter{DAGID: "d", From: time.Unix(1, 0)}), "(dag_id=? AND logical_date>?)"},
		"the runs of a range of dates":    {runs(store.RunFilter{DAGID: "d", From: time.Unix(1, 0), To: time.Unix(2, 0)}), "(dag_id=? AND logical_date>? AND logical_date<?)"},
		"what waits in a channel": {
			func() error {
				_, err := s.WaitingDeliveries(t.Context(), "c", time.Unix(1, 0), 7, 50)
				return err
			},
			"SEARCH delivery USING INDEX delivery_open (id>?)",
		},
		"messages that wait": {
			func() error {
				_, err := s.Deliveries(t.Context(), []store.DeliveryState{store.DeliveryWaiting}, 0)
				return err
			},
			"delivery USING INDEX delivery_",
		},
		"messages of late": {
			func() error {
				_, err := s.DeliveryLog(t.Context(), store.DeliveryFilter{Since: time.Unix(1, 0), Limit: 50})
				return err
			},
			"SEARCH delivery USING INTEGER PRIMARY KEY (rowid>?)\nSCALAR SUBQUERY 1\nSEARCH delivery USING COVERING INDEX delivery_written (created_at>?)",
		},
		"how many messages runs have": {
			func() error {
				_, err := s.CountDeliveriesOfRuns(t.Context(), "d", "r", "q")
				return err
			},
			"SEARCH delivery USING INDEX delivery_of_run (dag_id=? AND run_id=?)",
		},
		"the tries of messages": {
			func() error { _, err := s.DeliveryAttempts(t.Context(), 1, 2); return err },
			"SEARCH delivery_attempt USING PRIMARY KEY (delivery_id=?)",
		},
		"what failed lately": {runs(store.RunFilter{Limit: 50, States: failed, Since: time.Unix(1, 0)}), "SEARCH dag_run USING INDEX dag_run_ended"},
		"the number of runs of a DAG": {
			func() error { _, err := s.CountMatching(t.Context(), store.RunFilter{DAGID: "d"}); return err }, "SEARCH dag_run USING COVERING INDEX dag_run_recent (dag_id=?)",
		},
		"the number of all runs": {
			func() error { _, err := s.CountMatching(t.Context(), store.RunFilter{}); return err }, "SCAN dag_run USING COVERING INDEX dag_run_newest",
		},
		"the number of failed runs": {
			func() error {
				_, err := s.CountMatching(t.Context(), store.RunFilter{DAGID: "d", States: failed})
				return err
			},
			"SEARCH dag_run USING COVERING INDEX dag_run_failed (dag_id=?)",
		},
		"a key that was never pushed": {
			func() error {
				_, err := s.RunWithXCom(t.Context(), "d", time.Unix(1, 0), "t", "k")
				return err
			},
			"SEARCH xcom USING COVERING INDEX xcom_pushed (task_id=? AND key=?)",
		},
		"the dates of a backfill": {
			func() error { _, err := s.BackfillCounts(t.Context(), 1); return err },
			"SEARCH d USING PRIMARY KEY (backfill_id=?)\nSEARCH r USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
		},
		"what a DAG did lately": {runs(store.RunFilter{DAGID: "d", Limit: 50, Since: time.Unix(1, 0)}), "MULTI-INDEX OR\nINDEX 1\nSEARCH dag_run USING INDEX dag_run_ended (end_date>?)\nINDEX 2\nSEARCH dag_run USING INDEX dag_run_open (state=?)"},
		"a later page":          {runs(store.RunFilter{Limit: 50, Behind: &store.RunPlace{RunAfter: time.Unix(1, 0), Key: 7}}), "SEARCH dag_run USING INDEX dag_run_newest (run_after<?)"},
		"a later page of a DAG": {runs(store.RunFilter{DAGID: "d", Limit: 50, Behind: &store.RunPlace{RunAfter: time.Unix(1, 0), Key: 7}}), "SEARCH dag_run USING INDEX dag_run_recent (dag_id=? AND run_after<?)"},
		"what ended on a day": {
			func() error { _, err := s.EndedRunCounts(t.Context(), time.Unix(1, 0), time.Unix(2, 0)); return err },
			"SEARCH dag_run USING COVERING INDEX dag_run_ended (end_date>? AND end_date<?)",
		},
		"a year of a DAG": {
			func() error {
				_, err := s.RunsByTime(t.Context(), "d", time.Unix(1, 0), time.Unix(2, 0))
				return err
			},
			"SEARCH dag_run USING COVERING INDEX dag_run_success (dag_id=? AND run_after>? AND run_after<?)",
		},
		"the open runs of a year of a DAG": {
			func() error {
				_, err := s.RunsByTime(t.Context(), "d", time.Unix(1, 0), time.Unix(2, 0))
				return err
			},
			"SEARCH dag_run USING COVERING INDEX dag_run_open (state=? AND dag_id=? AND run_after>? AND run_after<?)",
		},
		"the ticks of a year": {
			func() error {
				_, err := s.TicksBetween(t.Context(), "d", time.Unix(1, 0), time.Unix(2, 0))
				return err
			},
			"SEARCH tick_range USING INDEX tick_range_dag (dag_id=? AND last_tick>?)",
		},
		"what is under way": {func() error { _, err := s.OpenRunCounts(t.Context()); return err }, "dag_run USING COVERING INDEX dag_run_open"},
		"what failed first on a day": {
			func() error {
				_, _, err := s.FirstFailure(t.Context(), "d", time.Unix(1, 0), time.Unix(2, 0))
				return err
			},
			"SEARCH dag_run USING INDEX dag_run_ended (end_date>? AND end_date<?)",
		},
		"what did not start on a day": {
			func() error { _, err := s.UnstartedTicks(t.Context(), time.Unix(1, 0), time.Unix(2, 0)); return err },
			"SEARCH tick_range USING INDEX tick_range_recorded (recorded_at>? AND recorded_at<?)",
		},
		"the runs of DAGs by state": {
			func() error { _, err := s.Lists().CountStates(t.Context(), nil); return err },
			"SCAN dag_run USING COVERING INDEX dag_run_success_date\nUSE TEMP B-TREE FOR ORDER BY\nRIGHT\nSCAN dag_run USING COVERING INDEX dag_run_failed\n",
		},
		"the newest run of each": {func() error { _, err := s.NewestRuns(t.Context()); return err }, "SEARCH newest USING COVERING INDEX dag_run_recent (dag_id=?)"},
		"the newest run of some": {func() error { _, err := s.NewestRuns(t.Context(), "d", "e"); return err }, "SEARCH dag USING COVERING INDEX"},
		"the last runs of some": {
			func() error { _, err := s.RecentRuns(t.Context(), 14, "d", "e"); return err },
			"SEARCH dag_run USING INTEGER PRIMARY KEY (rowid=?)\nCORRELATED LIST SUBQUERY 2\nSEARCH newest USING COVERING INDEX dag_run_recent (dag_id=?)",
		},
		"the newest runs of a DAG": {runs(store.RunFilter{DAGID: "d", Limit: 1}), "SEARCH dag_run USING INDEX dag_run_recent (dag_id=?)"},
	} {
		plans := plansOf(t, s, c.do)
		require.Len(t, plans, 1, name)
		for _, plan := range plans {
			assert.Contains(t, strings.Join(plan, "\n"), c.use, name)
		}
	}
}

// A page of versions and their number are found by the DAG.
func TestVersionsAreFoundByTheirDAG(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1)
	plans := plansOf(t, s, func() error {
		_, _, err := s.Lists().ListVersions(t.Context(), listing.Versions{DAGIDs: []string{"d"}, Number: new(3)}, listing.Page{Limit: 1})
		return err
	})
	require.Len(t, plans, 2)
	for query, plan := range plans {
		assert.Contains(t, strings.Join(plan, "\n"), "INDEX dag_version_of_dag (dag_id=? AND number=?)", query)
	}
}

// The XComs of a run are found by the run.
func TestXComsAreFoundByTheirRun(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1)
	plans := plansOf(t, s, func() error {
		_, _, err := s.Lists().ListXComs(t.Context(), listing.XComs{Runs: listing.Runs{DAGIDs: []string{"d"}, RunIDs: []string{"r"}}, TaskIDs: []string{"t"}}, listing.Page{Limit: 1})
		return err
	})
	require.Len(t, plans, 2)
	for query, plan := range plans {
		text := strings.Join(plan, "\n")
		assert.Contains(t, text, "(dag_id=? AND run_id=?)", query)
		assert.Contains(t, text, "SEARCH x USING PRIMARY KEY (run_key=? AND task_id=?)", query)
	}
}

// What a digest says of messages is read from what failed lately and what waits.
func TestTheDigestReadsNoOldMessages(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1)
	plans := plansOf(t, s, func() error {
		_, err := s.UndeliveredCounts(t.Context(), time.Unix(1, 0), time.Unix(2, 0), time.Unix(1, 0))
		return err
	})
	require.Len(t, plans, 2)
	for query, plan := range plans {
		want := "SEARCH delivery USING INDEX delivery_failed_at (updated_at>? AND updated_at<?)"
		if !strings.Contains(query, "+created_at") {
			assert.Equal(t, 2, strings.Count(strings.Join(plan, "\n"), "INDEX delivery_stand_in (stands_in_for=?)"), plan)
		}
		if strings.Contains(query, "+created_at") {
			want = "delivery USING INDEX delivery_"
		}
		assert.Contains(t, strings.Join(plan, "\n"), want, query)
		assert.NotContains(t, strings.Join(plan, "\n"), "delivery_written", query)
	}
}

// Whoever asks every few seconds whether alerts arrive costs no look at those that did.
func TestHealthReadsNoOldMessages(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1)
	ctx, at := t.Context(), time.Unix(1, 0)
	open := []store.DeliveryState{store.DeliveryWaiting, store.DeliverySending}
	for name, c := range map[string]struct {
		do  func() error
		use []string
	}{
		"undelivered": {func() error {
			_, err := s.DeliveryLog(ctx, store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryRefused, store.DeliveryUncertain}, Since: at, Unacked: true, Untold: true, Unkept: true})
			return err
		}, []string{"SEARCH delivery USING INDEX delivery_failed (id>?)", "SEARCH instead USING INDEX delivery_stand_in (stands_in_for=?)", "SEARCH delivery USING COVERING INDEX delivery_written (created_at>?)"}},
		"kept back": {func() error {
			_, err := s.CountDeliveries(ctx, store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryRefused}, Since: at, Unacked: true, Untold: true, Hold: store.HoldQuota})
			return err
		}, []string{"SEARCH delivery USING INDEX delivery_failed (id>?)", "SEARCH instead USING INDEX delivery_stand_in (stands_in_for=?)", "SEARCH delivery USING COVERING INDEX delivery_written (created_at>?)"}},
		"overdue":       {func() error { _, err := s.DeliveryLog(ctx, store.DeliveryFilter{States: open, Until: at}); return err }, []string{"delivery USING INDEX delivery_open"}},
		"how many wait": {func() error { _, err := s.CountDeliveries(ctx, store.DeliveryFilter{States: open}); return err }, []string{"delivery USING COVERING INDEX delivery_queue"}},
		"the oldest":    {func() error { _, err := s.Deliveries(ctx, open, 1); return err }, []string{"delivery USING INDEX delivery_open"}},
	} {
		plans := plansOf(t, s, c.do)
		require.Len(t, plans, 1, name)
		for _, plan := range plans {
			for _, line := range plan {
				ok := !strings.Contains(line, "delivery") && !strings.Contains(line, "instead") || slices.ContainsFunc(c.use, func(use string) bool { return strings.Contains(line, use) })
				assert.True(t, ok, "%s: %s", name, line)
			}
			assert.Contains(t, strings.Join(plan, "\n"), c.use[0], name)
		}
	}
}

// Pages of asset events are found by their time or their asset, their runs by the events, and what is queued by an index.
func TestAssetEventsAreFoundByAnIndex(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error {
		return tx.InsertAssetEvent(t.Context(), &store.AssetEvent{URI: "s3://a", At: time.Unix(1, 0), MapIndex: -1}, []string{"d"})
	}))
	s.read.SetMaxOpenConns(1)
	by := []listing.Key{{Name: "timestamp"}}
	for name, c := range map[string]struct {
		do  func() error
		use []string
	}{
		"all": {func() error {
			_, _, err := s.Lists().ListAssetEvents(t.Context(), listing.AssetEvents{}, listing.Page{Limit: 1, Order: by})
			return err
		}, []string{"SCAN e USING INDEX asset_event_at", "SEARCH asset_queue USING INDEX asset_queue_event (event_id=?)"}},
		"of an asset": {func() error {
			_, _, err := s.Lists().ListAssetEvents(t.Context(), listing.AssetEvents{URIs: []string{"s3://a"}}, listing.Page{Limit: 1, Order: by})
			return err
		}, []string{"SEARCH e USING INDEX asset_event_uri (uri=?)"}},
		"queued": {func() error { _, err := s.Lists().QueuedAssetEvents(t.Context(), listing.Queued{}); return err }, []string{"SEARCH w USING INDEX asset_queue_run (run_key=?)", "SEARCH e USING INTEGER PRIMARY KEY"}},
		"queued for a DAG": {func() error {
			_, err := s.Lists().QueuedAssetEvents(t.Context(), listing.Queued{DAGIDs: []string{"d"}, URI: "u"})
			return err
		}, []string{"SEARCH w USING INDEX asset_queue_run (run_key=?)"}},
	} {
		var plans []string
		for _, plan := range plansOf(t, s, c.do) {
			plans = append(plans, plan...)
		}
		for _, use := range c.use {
			assert.Contains(t, strings.Join(plans, "\n"), use, name)
		}
	}
}
