package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/users"
)

// What a process does while nothing or little is to be done must cost the same after a
// million runs as after none: no statement of the hot path reads what has ended.
func TestTheHotPathReadsNoHistory(t *testing.T) {
	t.Parallel()
	s := openStore(t, Options{})
	s.read.SetMaxOpenConns(1) // the one that keeps the statements
	at := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	ctx := t.Context()
	r := &store.Run{DAGID: "d", RunID: "r", Type: dag.ScheduledRun, State: dag.RunQueued, LogicalDate: at, RunAfter: at, Version: "v"}
	read := func(ask func(store.Reader) error) func() error { return func() error { return ask(s) } }
	for name, do := range map[string]func() error{
		"OpenRuns":           read(func(q store.Reader) error { _, _, err := q.OpenRuns(ctx); return err }),
		"PausedDAGs":         read(func(q store.Reader) error { _, err := q.PausedDAGs(ctx); return err }),
		"DueDeadlines":       read(func(q store.Reader) error { _, err := q.DueDeadlines(ctx, at); return err }),
		"OpenBackfills":      read(func(q store.Reader) error { _, err := q.OpenBackfills(ctx); return err }),
		"OpenBackfill":       read(func(q store.Reader) error { _, err := q.OpenBackfill(ctx, "d"); return err }),
		"BackfillDateLeft":   read(func(q store.Reader) error { _, err := q.BackfillDateLeft(ctx, 1); return err }),
		"CountBackfillRuns":  read(func(q store.Reader) error { _, _, err := q.CountBackfillRuns(ctx, 1); return err }),
		"OpenRequests":       read(func(q store.Reader) error { _, err := q.OpenRequests(ctx); return err }),
		"SendingDeliveries":  read(func(q store.Reader) error { _, err := q.SendingDeliveries(ctx); return err }),
		"OpenChannels":       read(func(q store.Reader) error { _, err := q.OpenChannels(ctx); return err }),
		"DeliveryLine":       read(func(q store.Reader) error { _, _, err := q.DeliveryLine(ctx, "c", at); return err }),
		"LeastTriedDelivery": read(func(q store.Reader) error { _, _, err := q.LeastTriedDelivery(ctx, "c", at); return err }),
		"CountFoldable": read(func(q store.Reader) error {
			_, err := q.CountFoldable(ctx, store.Fold{Channel: "c", Now: at, Old: at, DAGID: "d", Whole: true}, 2)
			return err
		}),
		"UnnamedDeliveries": read(func(q store.Reader) error { _, err := q.UnnamedDeliveries(ctx, "c", at, 9); return err }),
		"NameDeliveries": func() error {
			return s.Tx(ctx, func(tx store.Tx) error { return tx.NameDeliveries(ctx, 3, []int64{1, 2}) })
		},
		"FoldDeliveries": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				_, err := tx.FoldDeliveries(ctx, store.Fold{Digest: 1, Channel: "c", Now: at, Old: at, DAGID: "d", Whole: true})
				return err
			})
		},
		"FoldedDeliveries": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				return tx.FoldedDeliveries(ctx, 1, func(*store.Delivery, bool) error { return nil })
			})
		},
		"Gate":       read(func(q store.Reader) error { _, err := q.Gate(ctx, "r"); return err }),
		"GateTicket": read(func(q store.Reader) error { _, err := q.GateTicket(ctx, "r", "k"); return err }),
		"GateLine":   read(func(q store.Reader) error { _, err := q.GateLine(ctx, "r", 1, at, 10); return err }),
		"a place in a line": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				return errors.Join(
					tx.PutGate(ctx, &store.Gate{Robot: "r"}), tx.PutGateTicket(ctx, &store.GateTicket{Robot: "r", Key: "k", Since: at, LookAt: at}),
					tx.DropGateTicket(ctx, "r", "k"), tx.DropGateTickets(ctx, at),
				)
			})
		},
		"OpenCards": read(func(q store.Reader) error { _, err := q.OpenCards(ctx, at, time.Time{}, "", 9); return err }),
		"BindingsTo": read(func(q store.Reader) error {
			_, err := q.BindingsTo(ctx, store.BoundTo{Kind: store.BoundAll}, store.BoundTo{Kind: store.BoundDAG, Value: "d"})
			return err
		}),
		"TokenByHash": read(func(q store.Reader) error { _, _, err := q.TokenByHash(ctx, "h"); return err }),
		"UserByName":  read(func(q store.Reader) error { _, err := q.UserByName(ctx, "n"); return err }),
		"UserBySubject": read(func(q store.Reader) error {
			_, err := q.UserBySubject(ctx, "i", "s")
			return err
		}),
		"tokens of a user": read(func(q store.Reader) error { _, err := q.Tokens(ctx, users.SessionToken, 1); return err }),
		"a session": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				k := &users.Token{Hash: "h", Kind: users.SessionToken, UserID: 1, CreatedAt: at}
				in, used := tx.InsertToken(ctx, k), tx.UseToken(ctx, 1, at, "")
				old := tx.DeleteExpiredTokens(ctx, users.SessionToken, at)
				_, gone := tx.DeleteToken(ctx, 1)
				_, all := tx.DeleteTokens(ctx, 1, users.SessionToken, users.AccessToken)
				return errors.Join(in, used, old, gone, all)
			})
		},
		"open AskLog": read(func(q store.Reader) error {
			_, err := q.AskLog(ctx, store.AskFilter{States: []store.AskState{store.AskOpen}})
			return err
		}),
		"AskOf": read(func(q store.Reader) error { _, err := q.AskOf(ctx, &store.Instance{}); return err }),
		"a binding": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				_, err := tx.InsertBinding(ctx, &store.Binding{Kind: store.BoundAll, MadeAt: at})
				_, gone := tx.DeleteBinding(ctx, 1)
				return errors.Join(err, gone)
			})
		},
		"NamedLeases":     read(func(q store.Reader) error { _, err := q.NamedLeases(ctx, store.ChatLeases); return err }),
		"OpenSilences":    read(func(q store.Reader) error { _, err := q.OpenSilences(ctx); return err }),
		"EndingSilences":  read(func(q store.Reader) error { _, err := q.EndingSilences(ctx, 9); return err }),
		"open SilenceLog": read(func(q store.Reader) error { _, err := q.SilenceLog(ctx, store.SilenceFilter{Open: true}); return err }),
		"UnsilencedDeliveries": read(func(q store.Reader) error {
			_, err := q.UnsilencedDeliveries(ctx, 1, 9)
			return err
		}),
		"ToldDeliveries": read(func(q store.Reader) error {
			_, err := q.ToldDeliveries(ctx, &store.Delivery{ID: 1, DedupeKey: "k"}, at, 9)
			return err
		}),
		"SilencedDeliveries": read(func(q store.Reader) error { _, err := q.SilencedDeliveries(ctx, 1, 1, 9); return err }),
		"CountSilenced":      read(func(q store.Reader) error { _, err := q.CountSilenced(ctx, 1, 2); return err }),
		"SilenceOfDoubles":   read(func(q store.Reader) error { _, err := q.SilenceOfDoubles(ctx, 1); return ignoreNotFound(err) }),
		"a silence": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				_, err := tx.InsertSilence(ctx, &store.Silence{Kind: store.SilenceSnooze, Since: at, Until: at})
				_, ended := tx.EndSilence(ctx, 1, at, store.Actor{})
				_, told := tx.SumUpSilence(ctx, 1, at)
				_, kept := tx.SilenceDelivery(ctx, &store.Delivery{ID: 1})
				_, part := tx.SilenceFolded(ctx, &store.Delivery{ID: 1}, 2)
				return errors.Join(err, ended, told, kept, part)
			})
		},
		"BrokenInstances": read(func(q store.Reader) error { _, err := q.BrokenInstances(ctx, "d", "t", -1); return err }),
		"BrokenInstances, mapped": read(func(q store.Reader) error {
			_, err := q.BrokenInstances(ctx, "d", "t", 3)
			return err
		}),
		"ChatHeads":  read(func(q store.Reader) error { _, err := q.ChatHeads(ctx, "a"); return err }),
		"NamedLease": read(func(q store.Reader) error { _, err := q.NamedLease(ctx, "l"); return ignoreNotFound(err) }),
		"what comes from the chat": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				_, claimed := tx.ClaimChatMessage(ctx, &store.ChatMessage{ID: 1})
				_, _, back := tx.ReturnChatMessages(ctx, "a", at)
				lost := tx.UpdateChatMessage(ctx, &store.ChatMessage{ID: 1})
				if errors.Is(lost, store.ErrLostLease) {
					lost = nil
				}
				return errors.Join(claimed, back, lost, tx.DropLease(ctx, "l", "h"))
			})
		},
		"EventOfRef": read(func(q store.Reader) error { _, err := q.EventOfRef(ctx, "c/1"); return ignoreNotFound(err) }),
		"BrokenOf":   read(func(q store.Reader) error { _, err := q.BrokenOf(ctx, "d"); return err }),
		"a failure and a recovery": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				b := &store.Broken{DAGID: "d", TaskID: "t", MapIndex: -1, Since: at}
				return errors.Join(tx.PutBroken(ctx, b), tx.DeleteBroken(ctx, b))
			})
		},
		"TaskProgress": read(func(q store.Reader) error {
			_, err := q.TaskProgress(ctx, &store.Instance{TaskID: "t"}, "k")
			return err
		}),
		"FindInstances": read(func(q store.Reader) error {
			_, err := q.FindInstances(ctx, store.InstanceFilter{RunKey: 1, TaskID: "t", MapIndex: new(0), States: []dag.State{dag.Failed}, Limit: 9})
			return err
		}),
		"TaskStates":            read(func(q store.Reader) error { _, err := q.TaskStates(ctx, []int64{1, 2}); return err }),
		"TaskStates, of a task": read(func(q store.Reader) error { _, err := q.TaskStates(ctx, []int64{1, 2}, "t"); return err }),
		"PlainTries":            read(func(q store.Reader) error { _, err := q.PlainTries(ctx, 1); return err }),
		"PastTries":             read(func(q store.Reader) error { _, err := q.PastTries(ctx, 1, "t"); return err }),
		"ReleaseDeliveries": func() error {
			return s.Tx(ctx, func(tx store.Tx) error { return tx.ReleaseDeliveries(ctx, "c", nil, store.HoldOutage) })
		},
		"RestartPauses": func() error {
			return s.Tx(ctx, func(tx store.Tx) error { return tx.RestartPauses(ctx, at) })
		},
		"ToldDAGs":           read(func(q store.Reader) error { _, err := q.ToldDAGs(ctx); return err }),
		"WaitingAssetEvents": read(func(q store.Reader) error { _, err := q.WaitingAssetEvents(ctx, "d", []string{"a"}); return err }),
		"TakenAssetEvents":   read(func(q store.Reader) error { _, err := q.TakenAssetEvents(ctx, 1); return err }),
		"taking events":      func() error { return s.Tx(ctx, func(tx store.Tx) error { return tx.TakeAssetEvents(ctx, "d", 1) }) },
		"LastScheduled":      read(func(q store.Reader) error { _, err := q.LastScheduled(ctx, "d"); return err }),
		"RunAt":              read(func(q store.Reader) error { _, err := q.RunAt(ctx, "d", at); return err }),
		"PreviousRun":        read(func(q store.Reader) error { _, err := q.PreviousRun(ctx, r, false); return err }),
		"PreviousRun, automatic": read(func(q store.Reader) error {
			_, err := q.PreviousRun(ctx, r, true)
			return err
		}),
		"PreviousSuccess": read(func(q store.Reader) error { _, err := q.PreviousSuccess(ctx, r); return err }),
		"open runs of a DAG": read(func(q store.Reader) error {
			_, err := q.CountOwnRuns(ctx, "d", dag.RunQueued, dag.RunRunning)
			return err
		}),
		"all open runs of a DAG": read(func(q store.Reader) error {
			_, err := q.CountRuns(ctx, "d", dag.RunQueued, dag.RunRunning)
			return err
		}),
		"the open runs of a DAG": read(func(q store.Reader) error {
			_, err := q.Runs(ctx, store.RunFilter{DAGID: "d", States: []dag.RunState{dag.RunQueued, dag.RunRunning}})
			return err
		}),
		"running runs of a DAG": read(func(q store.Reader) error { _, err := q.CountOwnRuns(ctx, "d", dag.RunRunning); return err }),
		"queued runs of a DAG": read(func(q store.Reader) error {
			_, err := q.Runs(ctx, store.RunFilter{DAGID: "d", States: []dag.RunState{dag.RunQueued}})
			return err
		}),
		"running runs": read(func(q store.Reader) error {
			_, err := q.Runs(ctx, store.RunFilter{States: []dag.RunState{dag.RunRunning}})
			return err
		}),
		"queued runs of a backfill": read(func(q store.Reader) error {
			_, err := q.Runs(ctx, store.RunFilter{BackfillID: 1, States: []dag.RunState{dag.RunQueued}})
			return err
		}),
		"the last runs of a DAG": read(func(q store.Reader) error {
			_, err := q.Runs(ctx, store.RunFilter{DAGID: "d", States: []dag.RunState{dag.RunSuccess, dag.RunFailed}, Limit: 3})
			return err
		}),
		"instances of the running runs": read(func(q store.Reader) error { _, err := q.InstancesOfRuns(ctx, dag.RunRunning); return err }),
		"Instances":                     read(func(q store.Reader) error { _, err := q.Instances(ctx, 1); return err }),
		"XCom":                          read(func(q store.Reader) error { _, err := q.XCom(ctx, 1, "t", -1, "k"); return err }),
		"RunWithXCom":                   read(func(q store.Reader) error { _, err := q.RunWithXCom(ctx, "d", at, "t", "k"); return err }),
		"BackfillCounts":                read(func(q store.Reader) error { _, err := q.BackfillCounts(ctx, 1); return err }),
		"the last ticks":                read(func(q store.Reader) error { _, err := q.TickRanges(ctx, "d", 1); return err }),
		"Pauses":                        read(func(q store.Reader) error { _, err := q.Pauses(ctx, "d"); return err }),
		"SchedulerLives":                read(func(q store.Reader) error { _, err := q.SchedulerLives(ctx, at); return err }),
		"LastSchedulerLife":             read(func(q store.Reader) error { _, err := q.LastSchedulerLife(ctx, at); return err }),
		"LeasedUntil":                   read(func(q store.Reader) error { _, err := q.LeasedUntil(ctx); return err }),
		"a beat":                        func() error { _, err := s.Beat(ctx, time.Minute); return err },
		"a run": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				if _, err := tx.InsertRun(ctx, r); err != nil {
					return err
				}
				return tx.UpdateRun(ctx, r)
			})
		},
		"an attempt": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				if err := tx.Enqueue(ctx, []store.Job{{RunKey: 1, TaskID: "t"}}); err != nil {
					return err
				}
				j, err := tx.Take(ctx)
				if err != nil {
					return err
				}
				in := &store.Instance{RunKey: 1, TaskID: "t", MapIndex: -1, State: dag.Running}
				if err := tx.PutInstances(ctx, []*store.Instance{in}); err != nil {
					return err
				}
				return tx.Complete(ctx, *j)
			})
		},
	} {
		plans := plansOf(t, s, do)
		require.NotEmpty(t, plans, name)
		for query, plan := range plans {
			assert.Empty(t, historyReadBy(query, plan), "%s: %s\n%s", name, query, strings.Join(plan, "\n"))
		}
	}
}

func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
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
	small   = []string{"dag", "slot_pool", "node_lease", "run_deadline", "own", "taken_over", "CONSTANT", "line", "found"}
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
		"alerts of a channel": {alerts(store.DeliveryFilter{Channel: "c"}), "SEARCH delivery USING INDEX delivery_of_channel (channel=? AND rowid<?)"},
		"alerts that are folded": {
			alerts(store.DeliveryFilter{States: []store.DeliveryState{store.DeliveryFolded}}), "SEARCH delivery USING INDEX delivery_aside (id<?)",
		},
		"alerts in a digest":     {alerts(store.DeliveryFilter{DigestID: 3}), "SEARCH delivery USING INDEX delivery_of_digest (digest_id=? AND rowid<?)"},
		"alerts in place of one": {alerts(store.DeliveryFilter{StandsInFor: 3}), "SEARCH delivery USING INDEX delivery_stand_in (stands_in_for=? AND rowid<?)"},
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
