// Package jobtest is the suite of jobs that every durable store passes: how they are handed out, taken,
// ended, and recovered from processes that died.
package jobtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/storetest"
)

// Run runs the suite. create makes an empty database for each test.
func Run(t *testing.T, create func(t *testing.T) storetest.Open) {
	t.Helper()
	for room, tests := range map[string]map[string]func(*testing.T, storetest.Open){
		"queue": {
			"jobs end in their transaction":               jobsEndInTransaction,
			"jobs run once":                               jobsRunOnce,
			"jobs of a failed transaction do not run":     jobsRolledBack,
			"jobs are given back":                         jobsGivenBack,
			"jobs that were taken are given back":         takenJobsGivenBack,
			"jobs that wait are counted":                  waitingJobsAreCounted,
			"jobs need a holder":                          jobsNeedAHolder,
			"no more jobs at once than workers":           jobsAtOnce,
			"jobs are taken with the end of another":      jobsAreTaken,
			"no job waits to be taken":                    noJobIsTaken,
			"taken jobs are recovered":                    takenJobsAreRecovered,
			"jobs are exchanged":                          jobsAreExchanged,
			"jobs are found with what they run":           jobsAreFoundWithWhatTheyRun,
			"exchanged jobs are not canceled":             exchangedJobsAreNotCanceled,
			"exchanged jobs are recovered":                exchangedJobsAreRecovered,
			"a stop waits for running jobs":               stopWaits,
			"a stop gives back what does not end in time": stopGivesBack,
		},
		"leases": {
			"leases are seen by others":             leasesAreSeen,
			"jobs of the living are theirs":         beatLeavesTheLiving,
			"jobs of the dead are run by others":    beatTakesOver,
			"jobs of the dead can be ended":         beatEnds,
			"a job that ended is not taken over":    beatComesLate,
			"an older taking of a job is void":      olderTakings,
			"a restart takes back what was running": recoverTakesBack,
			"one process leads":                     oneLeads,
			"processes say what they do":            nodesAreListed,
			"attempts are reported":                 reportsAreKept,
			"running attempts are canceled":         runningAttemptsAreCanceled,
			"an attempt is held by who runs it":     attemptsAreHeld,
			"an attempt ends with its report":       attemptsEndWithReports,
			"nobody dies of a store that was away":  nobodyDiesOfAStoreThatWasAway,
			"nobody dies when another one leads":    nobodyDiesWhenAnotherOneLeads,
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

// RunQueues runs the tests of a store on which several processes work, each with queues of its own.
func RunQueues(t *testing.T, create func(t *testing.T) storetest.Open) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, storetest.Open){
		"jobs wait for who serves their queue":         jobsWaitForTheirQueue,
		"a queue may have any name":                    queuesHaveAnyName,
		"jobs of other queues are not taken":           otherQueuesAreNotTaken,
		"jobs of other queues are not exchanged":       otherQueuesAreNotExchanged,
		"queues that are served get their turn by age": queuesTakeTurns,
		"who led before changes nothing":               whoLedIsKeptOut,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, create(t))
		})
	}
}

// RunInBubbles runs the tests that tell by the clock of a bubble whether a store waits for nothing but time. A store
// over a network cannot be in one.
func RunInBubbles(t *testing.T, create func(t *testing.T) storetest.Open) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, storetest.Open){
		"a free worker does not wait":         freeWorkersDoNotWait,
		"a hand-over is seen at once":         handOverIsAtOnce,
		"jobs run as long and often as asked": jobsHaveNoBounds,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, create, test)
		})
	}
}

// midnight is a time that every store holds exactly.
var midnight = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// errBoom ends a transaction.
var errBoom = errors.New("boom")

// write runs fn in a transaction that must land.
func write(t *testing.T, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	require.NoError(t, s.Tx(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) }))
}
