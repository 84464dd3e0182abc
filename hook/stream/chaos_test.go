package stream_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/hook/stream"
)

// Whatever happens to connections and messages, each message is handled once, and in each
// conversation in the order in which they were accepted.
func TestChaos(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { chaos(t, seed) })
		})
	}
}

func chaos(t *testing.T, seed uint64) {
	t.Helper()
	const messages, talks = 150, 5
	r := rand.New(rand.NewPCG(seed, 1))
	g, app := start(t)
	var mu sync.Mutex
	seen, accepted, handled := map[string]bool{}, map[string][]string{}, map[string][]string{}
	calls := 0
	run(t, stream.Options{
		App: app, Workers: 3, Ping: 5 * time.Second, Pong: time.Second,
		Accept: func(_ context.Context, r *stream.Received) (bool, error) {
			mu.Lock()
			defer mu.Unlock()
			if calls++; calls%17 == 0 {
				return false, errors.New("the store is busy")
			}
			if seen[r.Key()] {
				return false, nil
			}
			seen[r.Key()] = true
			accepted[r.Message.ConversationID] = append(accepted[r.Message.ConversationID], r.Message.ID)
			return true, nil
		},
		Handle: func(_ context.Context, r *stream.Received) error {
			mu.Lock()
			n := len(handled[r.Message.ConversationID])
			mu.Unlock()
			time.Sleep(time.Duration(n%7) * 100 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			handled[r.Message.ConversationID] = append(handled[r.Message.ConversationID], r.Message.ID)
			if n%11 == 0 {
				panic("a handler's own fault")
			}
			return nil
		},
	})
	alive := func() *peer {
		synctest.Wait()
		g.mu.Lock()
		peers := g.peers
		g.mu.Unlock()
		for i := len(peers) - 1; i >= 0 && i >= len(peers)-2; i-- {
			if ended, _ := peers[i].over(); ended.IsZero() && (i == len(peers)-1 || r.IntN(2) == 0) {
				return peers[i]
			}
		}
		return nil
	}
	var sent [messages]int
	deliver := func(n int) {
		p := alive()
		if p == nil || r.IntN(8) == 0 { // lost on the way
			return
		}
		id := fmt.Sprintf("m%03d", n)
		for range 1 + r.IntN(5)/4 {
			sent[n]++
			p.send("CALLBACK", stream.TopicMessage, "f-"+id, text(id, fmt.Sprintf("cid%d", n%talks), id))
		}
		switch r.IntN(20) {
		case 0:
			p.breakOff()
		case 1:
			p.disconnect()
		case 2:
			p.raw.Close()
		}
		time.Sleep(time.Duration(r.IntN(400)) * time.Millisecond)
	}
	answered := func(n int) bool {
		found := false
		g.each(func(p *peer) { found = found || p.answered(fmt.Sprintf("f-m%03d", n)) != nil })
		return found
	}
	for n := range messages {
		deliver(n)
	}
	for round := 0; ; round++ {
		synctest.Wait()
		waiting := 0
		for n := range messages {
			if !answered(n) {
				waiting++
				deliver(n)
			}
		}
		if waiting == 0 {
			break
		}
		require.Less(t, round, 60, "redelivery has no end")
		time.Sleep(time.Minute) // as DingTalk does
	}
	time.Sleep(time.Minute)
	mu.Lock()
	defer mu.Unlock()
	assert.Equal(t, accepted, handled, "once, and in the order of each conversation")
	all, again := 0, 0
	for _, ids := range handled {
		all += len(ids)
	}
	for _, n := range sent {
		again += max(0, n-1)
	}
	assert.Equal(t, messages, all)
	assert.Positive(t, again, "the test repeats some")
	assert.Greater(t, len(g.peers), 2, "the test breaks connections")
}
