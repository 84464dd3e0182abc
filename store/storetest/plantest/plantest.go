// Package plantest is what a process asks a store while nothing or little is to be done. Each store must answer all of it
// without reading what has ended.
package plantest

import (
	"context"
	"errors"
	"time"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/users"
)

// HotPath are the operations by their names. They ask for the run r of the DAG d with its task t, for the channel c and the
// robot r, and some of them write: they are to be run one after another, each once.
func HotPath(ctx context.Context, s store.Store) map[string]func() error {
	at := time.Date(2026, 1, 31, 6, 0, 0, 0, time.UTC)
	r := &store.Run{DAGID: "d", RunID: "r", Type: dag.ScheduledRun, State: dag.RunQueued, LogicalDate: at, RunAfter: at, Version: "v"}
	read := func(ask func(store.Reader) error) func() error { return func() error { return ask(s) } }
	return map[string]func() error{
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
		"Attempts": read(func(q store.Reader) error {
			_, err := q.Attempts(ctx, []store.Job{{RunKey: 1, TaskID: "t", MapIndex: -1}, {RunKey: 2, TaskID: "t", MapIndex: 3}})
			return err
		}),
		"MappedTask":            read(func(q store.Reader) error { _, _, err := q.MappedTask(ctx, 1, "t"); return err }),
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
		"QueueBacklogs": read(func(q store.Reader) error { _, err := q.QueueBacklogs(ctx); return err }),
		"a chain": func() error {
			return s.Tx(ctx, func(tx store.Tx) error {
				if err := tx.Enqueue(ctx, []store.Job{{RunKey: 1, TaskID: "first"}}); err != nil {
					return err
				}
				j, err := tx.Take(ctx)
				if err != nil {
					return err
				}
				next, err := tx.Exchange(ctx, *j, []store.Job{{RunKey: 1, TaskID: "t", Try: 1}, {RunKey: 1, TaskID: "t", Try: 2}})
				if err != nil {
					return err
				}
				last, err := tx.Exchange(ctx, *next, nil)
				if err != nil {
					return err
				}
				back := tx.Release(ctx, *last)
				last, err = tx.Take(ctx)
				return errors.Join(back, err, tx.Complete(ctx, *last))
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
	}
}

func ignoreNotFound(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}
