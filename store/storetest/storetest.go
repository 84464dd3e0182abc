// Package storetest is the suite that every durable store passes. It knows the
// contract alone, never a database.
package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest/assettest"
	"github.com/dingdag/dingdag/store/storetest/chattest"
	"github.com/dingdag/dingdag/store/storetest/daytest"
	"github.com/dingdag/dingdag/store/storetest/filetest"
	"github.com/dingdag/dingdag/store/storetest/gatetest"
	"github.com/dingdag/dingdag/store/storetest/listtest"
	"github.com/dingdag/dingdag/store/storetest/logtest"
	"github.com/dingdag/dingdag/store/storetest/usertest"
)

// Node is one process that uses a database.
type Node struct {
	// Name identifies the process in leases and jobs.
	Name string
	// Clock is what leases go by; nil is the wall clock.
	Clock func() time.Time
}

// Open opens a database once more, as another process would. The store is closed at
// the end of the test.
type Open func(t *testing.T, n Node) store.Store

// Run runs the suite, room by room of the contract. create makes an empty database for each test.
func Run(t *testing.T, create func(t *testing.T) Open) {
	t.Helper()
	for room, tests := range map[string]map[string]func(*testing.T, Open){
		"runs": {
			"runs are stored whole":          runsAreStoredWhole,
			"runs are unique":                runsAreUnique,
			"runs have provisional versions": runsHaveProvisionalVersions,
			"runs are created once by many":  runsAreCreatedOnceByMany,
			"runs are selected":              runsAreSelected,
			"runs before a run":              runsBeforeARun,
			"broken things are kept":         brokenThingsAreKept,
			"deadlines are told once":        deadlinesAreToldOnce,
		},
		"instances": {
			"instances are inserted and updated": instancesAreUpserted,
			"rendered fields of the newest runs": renderedFieldsOfTheNewestRuns,
			"past tries are kept":                pastTriesAreKept,
			"instances are found":                instancesAreFound,
			"tries keep their progress":          triesKeepProgress,
		},
		"xcoms": {
			"xcom":                        xcom,
			"the newest run with an xcom": newestRunWithXCom,
		},
		"dags": {
			"import errors are kept":                importErrorsAreKept,
			"versions are stored once":              versionsAreStoredOnce,
			"versions are numbered":                 func(t *testing.T, open Open) { t.Helper(); listtest.VersionsAreNumbered(t, open(t, Node{})) },
			"versions are listed":                   func(t *testing.T, open Open) { t.Helper(); listtest.VersionsAreListed(t, open(t, Node{})) },
			"asks are listed":                       func(t *testing.T, open Open) { t.Helper(); listtest.AsksAreListed(t, open(t, Node{})) },
			"xcoms are listed":                      func(t *testing.T, open Open) { t.Helper(); listtest.XComsAreListed(t, open(t, Node{})) },
			"a dag is removed":                      removeDAG,
			"template files are stored once":        func(t *testing.T, open Open) { t.Helper(); filetest.AreStoredOnce(t, open(t, Node{})) },
			"template files go with their versions": func(t *testing.T, open Open) { t.Helper(); filetest.GoWithVersions(t, open(t, Node{})) },
			"an instance is removed":                removeOne,
			"states are counted":                    func(t *testing.T, open Open) { t.Helper(); listtest.StatesAreCounted(t, open(t, Node{})) },
			"notes are kept":                        func(t *testing.T, open Open) { t.Helper(); listtest.NotesAreKept(t, open(t, Node{})) },
			"what is at work is counted":            func(t *testing.T, open Open) { t.Helper(); listtest.TasksAtWorkAreCounted(t, open(t, Node{})) },
			"events are listed":                     func(t *testing.T, open Open) { t.Helper(); listtest.EventsAreListed(t, open(t, Node{})) },
			"dags keep whether they are paused":     dagsKeepPaused,
			"pauses are remembered":                 pausesAreRemembered,
		},
		"ticks": {
			"ticks are recorded":            func(t *testing.T, open Open) { t.Helper(); daytest.TicksAreRecorded(t, open(t, Node{})) },
			"lives of schedulers are noted": func(t *testing.T, open Open) { t.Helper(); daytest.LivesAreNoted(t, open(t, Node{})) },
		},
		"daily": {
			"the day that was told":  func(t *testing.T, open Open) { t.Helper(); daytest.DigestIsKept(t, open(t, Node{})) },
			"a day is counted":       func(t *testing.T, open Open) { t.Helper(); daytest.ADayIsCounted(t, open(t, Node{})) },
			"what a day lacks is so": func(t *testing.T, open Open) { t.Helper(); daytest.WhatADayLacksIsCounted(t, open(t, Node{})) },
			"runs by time":           func(t *testing.T, open Open) { t.Helper(); daytest.RunsAreCountedByTime(t, open(t, Node{})) },
		},
		"backfills": {
			"backfills are stored whole":      backfillsAreStoredWhole,
			"runs that a backfill takes over": runsAreTakenOver,
		},
		"assets": {
			"asset events are taken once": one(assettest.EventsAreTakenOnce),
			"asset events are selected":   one(assettest.EventsAreSelected),
			"assets keep their numbers":   one(assettest.KeepTheirNumbers),
			"asset events are forgotten":  one(assettest.EventsAreForgotten),
			"asset events are listed":     func(t *testing.T, open Open) { t.Helper(); listtest.AssetEventsAreListed(t, open(t, Node{})) },
		},
		"outbox": {
			"the outbox keeps its order":    outboxKeepsOrder,
			"a message is sent by one":      outboxIsClaimed,
			"the next message of a channel": outboxNext,
			"messages are released":         outboxReleases,
			"pauses are restarted":          outboxRestartsPauses,
			"messages that wait":            outboxWaiting,
			"the line of a channel":         outboxLine,
			"messages are folded":           outboxFolds,
		},
		"cards": {
			"cards are stored whole": cardsAreStoredWhole,
			"open cards are found":   openCardsAreFound,
		},
		"bindings": {
			"bindings are stored whole": func(t *testing.T, open Open) {
				t.Helper()
				chattest.BindingsStoredWhole(t, open(t, Node{}), open(t, Node{}))
			},
		},
		"users": {
			"users are stored whole": func(t *testing.T, open Open) {
				t.Helper()
				usertest.UsersStoredWhole(t, open(t, Node{}), open(t, Node{}))
			},
			"favourites are kept": func(t *testing.T, open Open) { t.Helper(); usertest.FavoritesAreKept(t, open(t, Node{})) },
			"tokens are stored whole": func(t *testing.T, open Open) {
				t.Helper()
				usertest.TokensStoredWhole(t, open(t, Node{}), open(t, Node{}))
			},
			"tokens go": func(t *testing.T, open Open) { t.Helper(); usertest.TokensGo(t, open(t, Node{})) },
		},
		"owners": {
			"answers are stored whole": func(t *testing.T, open Open) {
				t.Helper()
				usertest.AnswersAreStoredWhole(t, open(t, Node{}), open(t, Node{}))
			},
		},
		"gates": {
			"gates are stored whole": gatesAreStoredWhole,
			"gates have lines":       gatesHaveLines,
		},
		"asks": {
			"asks are stored whole": asksAreStoredWhole,
			"asks are selected":     asksAreSelected,
		},
		"silences": {
			"silences are stored whole":      silencesAreStoredWhole,
			"silences are selected":          silencesAreSelected,
			"silences keep messages back":    silencesKeepMessagesBack,
			"messages with a key are found":  messagesWithAKeyAreFound,
			"silences end with their alerts": oldSilences,
		},
		"chat": {
			"what came from the chat is kept once": chatIsKeptOnce,
			"a conversation is worked on in order": chatGoesInOrder,
			"work that was cut off goes on":        chatGoesOn,
			"what came from the chat is listed":    chatIsListed,
			"old messages from the chat":           oldChat,
			"a lease has one holder":               leasesHaveOneHolder,
		},
		"events": {
			"events are stored whole":          eventsAreStoredWhole,
			"events are selected":              eventsAreSelected,
			"a message changes something once": aMessageChangesOnce,
			"pages of events stay as they are": pagesOfEventsStay,
		},
		"alerts": {
			"alerts are selected": alertsAreSelected,
			"alerts are decided":  alertsAreDecided,
			"alerts are linked":   alertsAreLinked,
			"alerts are seen":     alertsAreSeen,
			"alerts are told":     alertsAreTold,
			"alerts are named":    alertsAreNamed,
			"attempts are kept":   attemptsAreKept,
		},
		"requests": {
			"requests are answered once":           requestsAreAnsweredOnce,
			"requests are answered by one of many": requestsAreAnsweredByOne,
		},
		"task logs": {
			"parts of logs are whole":      func(t *testing.T, open Open) { t.Helper(); logtest.PartsAreWhole(t, open(t, Node{}), open(t, Node{})) },
			"parts of logs are removed":    func(t *testing.T, open Open) { t.Helper(); logtest.PartsAreRemoved(t, open(t, Node{})) },
			"logs to remove are on record": func(t *testing.T, open Open) { t.Helper(); logtest.RemovalsAreOnRecord(t, open(t, Node{})) },
		},
		"history": {
			"ended runs are found":            endedRunsAreFound,
			"runs with logs are found":        runsWithLogsAreFound,
			"runs are removed":                runsAreRemoved,
			"what is at work is not removed":  openRunsAreNotRemoved,
			"old messages":                    oldAlerts,
			"old messages put aside":          oldAlertsPutAside,
			"old ticks, pauses and errors":    oldTicks,
			"old events of assets":            oldAssetEvents,
			"old backfills":                   oldBackfills,
			"old events":                      oldEvents,
			"old requests":                    oldRequests,
			"old jobs":                        oldJobs,
			"versions that nothing refers to": unusedVersions,
			"space is told":                   spaceIsTold,
		},
		"transactions": {
			"functions run one after another":       txOneAfterAnother,
			"a failing function takes back its own": txTakesBackItsOwn,
			"a failing function is undone first":    txUndone,
			"a cancelled function does not run":     txCancelled,
			"reading goes on beside a transaction":  txReadBeside,
		},
	} {
		for name, test := range tests {
			t.Run(room+"/"+name, func(t *testing.T) {
				t.Parallel()
				test(t, create(t))
			})
		}
	}
}

// midnight is a time that every store holds exactly.
var midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// newRun is a run with what a store insists on.
func newRun(dagID, runID string, logical time.Time) *store.Run {
	return &store.Run{
		DAGID: dagID, RunID: runID, Type: dag.ScheduledRun, State: dag.RunQueued,
		LogicalDate: logical, RunAfter: midnight, Version: "v",
	}
}

func gatesAreStoredWhole(t *testing.T, open Open) { //nolint:thelper // a test
	gatetest.StoredWhole(t, open(t, Node{}), open(t, Node{}))
}

// one is a test of one process.
func one(test func(t *testing.T, s store.Store)) func(t *testing.T, open Open) {
	return func(t *testing.T, open Open) { test(t, open(t, Node{})) } //nolint:thelper // a test
}

func gatesHaveLines(t *testing.T, open Open) { gatetest.Lines(t, open(t, Node{})) } //nolint:thelper // a test

// write runs fn in a transaction that must land.
func write(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}

// insert adds runs that must be new.
func insert(t *testing.T, s store.Store, rs ...*store.Run) {
	t.Helper()
	for _, r := range rs {
		var created bool
		write(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			created, err = tx.InsertRun(ctx, r)
			return err
		})
		require.True(t, created, r.RunID)
	}
}

// Enqueue hands out one job for each task.
func Enqueue(t *testing.T, s store.Store, tasks ...string) {
	t.Helper()
	js := make([]store.Job, len(tasks))
	for i, id := range tasks {
		js[i] = store.Job{RunKey: 7, TaskID: id, MapIndex: -1, Try: 2}
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.Enqueue(ctx, js) })
}

// EnqueueIn hands out one job for each of some queues.
func EnqueueIn(t *testing.T, s store.Store, queues ...string) {
	t.Helper()
	js := make([]store.Job, len(queues))
	for i, q := range queues {
		js[i] = store.Job{RunKey: 7, TaskID: "t", MapIndex: -1, Try: i, Queue: q}
	}
	write(t, s, func(ctx context.Context, tx store.Tx) error { return tx.Enqueue(ctx, js) })
}

// Complete ends a job in a transaction of its own.
func Complete(ctx context.Context, s store.Store, j store.Job) error {
	return s.Tx(ctx, func(tx store.Tx) error { return tx.Complete(ctx, j) })
}

// Work starts workers and returns a function that stops them and waits. The end of
// the test stops them too.
func Work(t *testing.T, s store.Store, o store.WorkOptions) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan struct{})
	o.Ready = func() { close(ready) }
	if o.Workers == 0 {
		o.Workers = 4
	}
	go func() {
		defer close(ended)
		assert.NoError(t, s.Work(ctx, o))
	}()
	<-ready
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return stop
}
