package chaos

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// kind is what goes wrong.
type kind string

const (
	// crash ends all processes of a node with SIGKILL, as when a machine loses its power; it starts again afterwards.
	crash kind = "crash"
	// kill ends the program alone: the commands of its tasks run on until it starts again.
	kill kind = "kill"
	// stop ends the program with SIGTERM; it starts again afterwards.
	stop kind = "stop"
	// freeze stops the program with SIGSTOP, and sleep all processes of a node.
	freeze kind = "freeze"
	sleep  kind = "sleep"
	// refuse cuts the connections of a node with the database and makes none until it is over.
	refuse kind = "refuse"
	// delay has what a node and the database say to each other arrive late.
	delay kind = "delay"
	// swallow lets the connections of a node with the database stand and passes nothing on; deafen does so with what the
	// database says only: what the node says is done, and it does not hear so.
	swallow kind = "swallow"
	deafen  kind = "deafen"
	// unplug takes the network from a node.
	unplug kind = "unplug"
	// restart has the database end at once, as after a crash, and start again.
	restart kind = "restart"
)

// nodeFaults are those of a node, with the least and the most that they last.
var nodeFaults = []struct {
	kind        kind
	least, most time.Duration
}{
	{crash, 200 * time.Millisecond, 4 * time.Second},
	{kill, 100 * time.Millisecond, 3 * time.Second},
	{stop, 100 * time.Millisecond, 2 * time.Second},
	{freeze, 300 * time.Millisecond, 7 * time.Second},
	{sleep, 300 * time.Millisecond, 7 * time.Second},
	{refuse, 0, 5 * time.Second},
	{delay, time.Second, 4 * time.Second},
	{swallow, 500 * time.Millisecond, 7 * time.Second},
	{deafen, 500 * time.Millisecond, 5 * time.Second},
	{unplug, 300 * time.Millisecond, 7 * time.Second},
}

// database is the number of the node of a fault of the database.
const database = -1

// fault is something that goes wrong at a moment after the beginning, for a while.
type fault struct {
	at, lasts time.Duration
	node      int
	kind      kind
}

func (f fault) String() string {
	who := "the database"
	if f.node != database {
		who = fmt.Sprintf("node %d", f.node+1)
	}
	return fmt.Sprintf("%s: %s of %s for %s", f.at, f.kind, who, f.lasts)
}

// schedule is what goes wrong within a time: each second something with one of the nodes where nothing does, and in the middle a
// restart of the database. It is the same for the same seed.
func schedule(seed uint64, length time.Duration, nodes int) (fs []fault) {
	random := rand.New(rand.NewPCG(seed, 0))
	until := make([]time.Duration, nodes)
	middle := length / 2
	for second := time.Duration(0); second+time.Second <= length; second += time.Second {
		at := second + time.Duration(random.IntN(1000))*time.Millisecond
		if second <= middle && middle < second+time.Second {
			fs = append(fs, fault{at: at, lasts: time.Duration(random.IntN(2000)) * time.Millisecond, node: database, kind: restart})
			continue
		}
		k := nodeFaults[random.IntN(len(nodeFaults))]
		lasts := k.least + time.Duration(random.Int64N(int64((k.most-k.least)/time.Millisecond)))*time.Millisecond
		for _, n := range random.Perm(nodes) {
			if until[n] <= at {
				until[n] = at + lasts
				fs = append(fs, fault{at: at, lasts: lasts, node: n, kind: k.kind})
				break
			}
		}
	}
	return fs
}

// The seed is the whole of it, and each second has a fault unless all nodes have one.
func TestSchedule(t *testing.T) {
	t.Parallel()
	fs := schedule(7, 300*time.Second, 5)
	assert.Equal(t, fs, schedule(7, 300*time.Second, 5))
	assert.NotEqual(t, fs, schedule(8, 300*time.Second, 5))
	assert.Greater(t, len(fs), 270)
	kinds, until := map[kind]int{}, make([]time.Duration, 5)
	var last time.Duration
	for _, f := range fs {
		kinds[f.kind]++
		assert.LessOrEqual(t, last, f.at)
		last = f.at
		if f.node == database {
			assert.InDelta(t, 150*time.Second, f.at, float64(time.Second))
			continue
		}
		assert.LessOrEqual(t, until[f.node], f.at, "%s begins when nothing else goes wrong there", f)
		until[f.node] = f.at + f.lasts
	}
	assert.Len(t, kinds, len(nodeFaults)+1, "each kind is there: %v", kinds)
	assert.Equal(t, 1, kinds[restart])
	assert.True(t, strings.HasPrefix(fs[0].String(), fs[0].at.String()+": "))
}
