package outbox_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/store"
)

// fate is how an alert ended, in the words of the promise: delivered, folded into what was delivered,
// refused with a reason, silenced, uncertain, or waiting.
func fate(d *store.Delivery, all map[int64]*store.Delivery) string {
	switch d.State {
	case store.DeliveryFolded:
		digest := all[d.DigestID]
		if digest == nil {
			return "lost"
		}
		return fate(digest, all)
	case store.DeliveryRefused:
		for _, other := range all {
			if other.StandsInFor == d.ID {
				return fate(other, all)
			}
		}
		if d.Error == "" {
			return "refused without a reason"
		}
	default: // it is what it is
	}
	return string(d.State)
}

// fates counts those of all alerts, and checks what holds after any storm: nothing is lost, no message
// came twice, each DAG is told in order, and the robot had no more than its rate in any minute.
func (s *storm) fates() map[string]int {
	s.t.Helper()
	ds, err := s.store.Deliveries(context.Background(), nil, 0)
	require.NoError(s.t, err)
	all := map[int64]*store.Delivery{}
	for _, d := range ds {
		all[d.ID] = d
	}
	out, last := map[string]int{}, map[string]time.Time{}
	for _, d := range ds {
		if d.StandsInFor != 0 || d.Owner.Event == "digest" {
			continue
		}
		f := fate(d, all)
		out[f]++
		teller := d
		for teller.State == store.DeliveryFolded {
			teller = all[teller.DigestID]
		}
		if teller.State == store.DeliveryDelivered {
			assert.False(s.t, teller.UpdatedAt.Before(last[d.Owner.DAGID]), "alert %d of %s is told before an older one", d.ID, d.Owner.DAGID)
			last[d.Owner.DAGID] = teller.UpdatedAt
		}
	}
	seen := map[string]bool{}
	for _, m := range s.box.Messages(sandbox.Filter{}) {
		assert.False(s.t, seen[m.Content.Text], "arrived twice: %s", m.Content.Text)
		seen[m.Content.Text] = true
	}
	s.spaced()
	return out
}

// spaced checks that the robot had no more than its rate in any minute, whatever it answered.
func (s *storm) spaced() {
	s.t.Helper()
	var at []time.Time
	for _, a := range s.box.Attempts() {
		at = append(at, a.Time)
	}
	for i := 20; i < len(at); i++ {
		assert.GreaterOrEqual(s.t, at[i].Sub(at[i-20]), time.Minute, "request %d", i)
	}
}

// rage lets 6 DAGs fail 90 times within 45 seconds, and does something at the 10th failure and the 60th.
// Between its failures each DAG begins and succeeds: there are 150 alerts.
func (s *storm) rage(at10, at60 func()) {
	s.t.Helper()
	for i := range failures {
		s.fail(failure(fmt.Sprintf("dag_%d", i%6), fmt.Sprint("r", i/30), fmt.Sprint("t", i)))
		if i%3 == 0 {
			begun, good := failure(fmt.Sprintf("dag_%d", i%6), fmt.Sprint("r", i/30), fmt.Sprint("t", i)), failure(fmt.Sprintf("dag_%d", (i+1)%6), "ok", fmt.Sprint("t", i))
			begun.Kind, good.Kind = callbacks.Execute, callbacks.Success
			s.fail(begun)
			s.fail(good)
		}
		if i == 10 {
			at10()
		}
		if i == 60 {
			at60()
		}
		time.Sleep(500 * time.Millisecond)
	}
}

// failures is how many there are in a rage, rages how many alerts.
const failures, rages = 90, 150

func nothing() {}

// Whatever the robot does for a time, each alert is told, once, in order, or nobody knows whether it
// was, and that is said.
func TestStormFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fault     sandbox.Fault
		uncertain bool
	}{
		"busy":             {sandbox.Fault{Kind: sandbox.FaultBusy, Times: 30}, false},
		"slow":             {sandbox.Fault{Kind: sandbox.FaultSlow, Times: 10, Delay: 6 * time.Second}, false},
		"a gateway's page": {sandbox.Fault{Kind: sandbox.FaultHTML, Times: 10}, false},
		"an empty answer":  {sandbox.Fault{Kind: sandbox.FaultEmpty, Times: 4, Status: http.StatusBadGateway}, false},
		"cut before":       {sandbox.Fault{Kind: sandbox.FaultCut, Times: 3}, true},
		"cut after":        {sandbox.Fault{Kind: sandbox.FaultAnswerLost, Times: 3}, true},
		"blocked":          {sandbox.Fault{Kind: sandbox.FaultErrcode, Code: 660026, Times: 1}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				s := newStorm(t)
				s.start()
				s.rage(func() { require.NoError(t, s.box.AddFault(c.fault)) }, nothing)
				time.Sleep(20 * time.Minute)
				got := s.fates()
				t.Log(got, len(s.box.Messages(sandbox.Filter{})), "messages")
				if c.uncertain {
					assert.Positive(t, got["uncertain"])
				}
				assert.Equal(t, rages, got["delivered"]+got["uncertain"])
				if !c.uncertain {
					assert.Zero(t, got["uncertain"])
				}
			})
		})
	}
}

// A robot that is gone in the middle refuses what is left, with the reason; one that comes back with
// another keyword is told as far as it may be.
func TestStormOfARobotThatIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStorm(t)
		s.start()
		robot := s.box.Robots()[0]
		robot.Disbanded = true
		s.rage(func() {
			_, err := s.box.UpdateRobot(robot)
			require.NoError(t, err)
		}, nothing)
		time.Sleep(2 * time.Hour)
		got := s.fates()
		assert.Equal(t, rages, got["delivered"]+got["refused"])
		assert.Positive(t, got["refused"])
		for _, d := range s.deliveries() {
			if d.State == store.DeliveryRefused {
				assert.Contains(t, d.Error, "400013")
			}
		}
		assert.Less(t, len(s.box.Attempts()), failures, "they are not tried one by one")
	})
}

// A keyword that alerts lack is said with the first refusal.
func TestStormWithoutTheKeyword(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStorm(t)
		s.start()
		robot := s.box.Robots()[0]
		robot.Keywords = []string{"生产"}
		_, err := s.box.UpdateRobot(robot)
		require.NoError(t, err)
		s.rage(nothing, nothing)
		time.Sleep(2 * time.Hour)
		got := s.fates()
		assert.Equal(t, rages, got["refused"])
		refused := slices.DeleteFunc(s.deliveries(), func(d *store.Delivery) bool { return d.State != store.DeliveryRefused })
		require.NotEmpty(t, refused)
		assert.Contains(t, refused[0].Error, "keyword")
	})
}

// A clock that is set while alerts wait neither loses nor repeats any, nor sends too many, nor keeps any
// waiting longer, whatever the robot does meanwhile.
func TestStormOfAClock(t *testing.T) {
	t.Parallel()
	jump := func(d time.Duration) func(*storm, *atomic.Int64) {
		return func(_ *storm, set *atomic.Int64) { set.Store(int64(d)) }
	}
	for name, do := range map[string]func(*storm, *atomic.Int64){
		"forward": jump(3 * time.Hour),
		"back":    jump(-3 * time.Hour),
		"back between two processes": func(s *storm, set *atomic.Int64) {
			s.stop()
			set.Store(int64(-3 * time.Hour))
			s.start()
		},
	} {
		for meanwhile, fault := range map[string]*sandbox.Fault{
			"nothing": nil, "busy": {Kind: sandbox.FaultBusy, Times: 12}, "blocked": {Kind: sandbox.FaultErrcode, Code: 660026, Times: 1},
		} {
			t.Run(name+", "+meanwhile, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newStorm(t)
					var set atomic.Int64
					s.clock = func() time.Time { return time.Now().Add(time.Duration(set.Load())) }
					s.start()
					s.rage(func() {
						if fault != nil {
							require.NoError(t, s.box.AddFault(*fault))
						}
					}, func() { do(s, &set) })
					time.Sleep(20 * time.Minute)
					ds := s.deliveries()
					for _, d := range ds {
						assert.Contains(t, []store.DeliveryState{store.DeliveryDelivered, store.DeliveryFolded}, d.State, d.Error)
					}
					s.spaced()
				})
			})
		}
	}
}

// A process that ends in the middle leaves the rest to the next one.
func TestStormOfRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newStorm(t)
		s.start()
		again := func() {
			s.stop()
			s.start()
		}
		s.rage(again, again)
		time.Sleep(20 * time.Minute)
		assert.Equal(t, map[string]int{"delivered": rages}, s.fates())
	})
}

func (s *storm) deliveries() []*store.Delivery {
	s.t.Helper()
	ds, err := s.store.Deliveries(context.Background(), nil, 0)
	require.NoError(s.t, err)
	return ds
}

// serve answers one request; a sandbox that cuts the connection is an end of it.
func (c inProcess) serve(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { //nolint:errorlint // it is that value
				panic(p)
			}
			err = io.ErrUnexpectedEOF
		}
	}()
	c.box.ServeHTTP(w, r)
	return nil
}
