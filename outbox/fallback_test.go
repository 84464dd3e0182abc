package outbox_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/template"
)

// robots send through connections, each of which answers as the test says.
type robots struct {
	answers map[string]error

	mu sync.Mutex
	// taken are the texts that arrived, with the connection, tried the connections that were asked.
	taken, tried []string
}

// note is a message of robots.
type note struct {
	Conn string `json:"conn"`
	Text string `json:"text"`
}

func (r *robots) message(conn, text string) (callbacks.Message, error) {
	p, err := json.Marshal(note{conn, text})
	return callbacks.Message{Sender: "robots", Channel: "robots:" + conn, Summary: "to robot " + conn, Payload: p}, err
}

func noteOf(m callbacks.Message) (n note) {
	if err := json.Unmarshal(m.Payload, &n); err != nil {
		panic(err)
	}
	return n
}

// Send answers as the test says.
func (r *robots) Send(_ context.Context, m callbacks.Message) (string, error) {
	n := noteOf(m)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tried = append(r.tried, n.Conn)
	if err := r.answers[n.Conn]; err != nil {
		return "", err
	}
	r.taken = append(r.taken, n.Conn+": "+n.Text)
	return "ok", nil
}

func (r *robots) ConnID(m callbacks.Message) string { return noteOf(m).Conn }

// Serves are connections of the host robots.
func (r *robots) Serves(c callbacks.Conn) bool { return c.Login == "robot" }

// StandIn tells the problem of the event.
func (r *robots) StandIn(c callbacks.Conn, ev *callbacks.Event) (callbacks.Message, error) {
	if c.Extra["nobody"] != nil {
		return callbacks.Message{}, errors.New("it names nobody")
	}
	return r.message(c.ID, ev.TaskID+" "+ev.Problem)
}

// page is a callback that tells robot a.
type page struct{}

// Prepare makes the message.
func (*page) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	return (&robots{}).message("a", ev.TaskID)
}

// withRobots is a bench whose robots have the given extras and answers. The last resort is tell.
func withRobots(t *testing.T, extras map[string]string, answers map[string]error) (*bench, *robots) {
	t.Helper()
	conns := connections.Static{}
	for id, extra := range extras {
		conns[id] = &connections.Connection{Type: "dingding", Login: new("robot"), Extra: new(connections.Secret(extra))}
	}
	r := &robots{answers: answers}
	b := newBench(t, newPost(nil))
	b.stopStore()
	b.conns = conns
	b.sendBy(r)
	return b, r
}

// sendBy opens an outbox with another sender of robots.
func (b *bench) sendBy(s callbacks.Sender) {
	b.t.Helper()
	var err error
	b.cbs, err = callbacks.NewRegistry(
		[]callbacks.Spec{callbacks.Define[page]("page"), callbacks.Define[tell]("tell")},
		map[string]callbacks.Sender{"robots": s, "last": b.last})
	require.NoError(b.t, err)
	b.open()
}

// rows are the messages: what each stands in for, its state and what it is.
func (b *bench) rows() (out []string) {
	b.t.Helper()
	for _, d := range b.deliveries() {
		out = append(out, fmt.Sprint(d.StandsInFor, " ", d.State, " ", d.Summary))
	}
	return out
}

// What a robot can't deliver goes through the connections that stand in for it, one after another and
// each once, whatever loops there are; then to the last resort.
func TestFallbackChain(t *testing.T) {
	t.Parallel()
	gone := postError{gone: true}
	for name, c := range map[string]struct {
		extras  map[string]string
		answers map[string]error
		kind    callbacks.Kind
		rows    []string
		taken   []string
		last    int
	}{
		"the first takes it": {
			map[string]string{"a": `{"fallback": ["b", "c"]}`, "b": "", "c": ""},
			map[string]error{"a": gone},
			callbacks.Failure,
			[]string{"0 refused to robot a", "1 delivered to robot b"},
			[]string{"b: t to robot a: not taken"},
			0,
		},
		"the second takes it": {
			map[string]string{"a": `{"fallback": ["b", "c"]}`, "b": "", "c": ""},
			map[string]error{"a": gone, "b": gone},
			callbacks.Failure,
			[]string{"0 refused to robot a", "1 refused to robot b", "2 delivered to robot c"},
			[]string{"c: t to robot a: not taken; to robot b: not taken"},
			0,
		},
		"nobody does": {
			map[string]string{"a": `{"fallback": ["b", "c"]}`, "b": "", "c": ""},
			map[string]error{"a": gone, "b": gone, "c": gone},
			callbacks.Failure,
			[]string{"0 refused to robot a", "1 refused to robot b", "2 refused to robot c", "3 delivered said"},
			nil, 1,
		},
		"nobody does, of a success": {
			map[string]string{"a": `{"fallback": "b"}`, "b": ""},
			map[string]error{"a": gone, "b": gone},
			callbacks.Success,
			[]string{"0 refused to robot a", "1 refused to robot b"},
			nil, 0,
		},
		"loop": {
			map[string]string{"a": `{"fallback": "b"}`, "b": `{"fallback": ["a", "c"]}`, "c": `{"fallback": "b"}`},
			map[string]error{"a": gone, "b": gone, "c": gone},
			callbacks.Failure,
			[]string{"0 refused to robot a", "1 refused to robot b", "2 refused to robot c", "3 delivered said"},
			nil, 1,
		},
		"one that does not exist, and one that names nobody": {
			map[string]string{"a": `{"fallback": ["x", "b", "c"]}`, "b": `{"nobody": 1}`, "c": ""},
			map[string]error{"a": gone},
			callbacks.Failure,
			[]string{"0 refused to robot a", "1 delivered to robot c"},
			[]string{`c: t to robot a: not taken; connection "b": it names nobody`},
			0,
		},
		"only one that names nobody": {
			map[string]string{"a": `{"fallback": "b"}`, "b": `{"nobody": 1}`},
			map[string]error{"a": gone},
			callbacks.Failure,
			[]string{"0 refused to robot a", "1 delivered said"},
			nil, 1,
		},
		"one that may have it": {
			map[string]string{"a": `{"fallback": "b"}`, "b": ""},
			map[string]error{"a": postError{uncertain: true}},
			callbacks.Failure,
			[]string{"0 uncertain to robot a"},
			nil, 0,
		},
		"one that stays away": {
			map[string]string{"a": `{"fallback": "b"}`, "b": ""},
			map[string]error{"a": postError{retry: true}},
			callbacks.Failure,
			[]string{"0 refused to robot a", "1 delivered to robot b"},
			[]string{"b: t to robot a: not taken (not delivered within 1h0m0s, so this is final)"},
			0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, r := withRobots(t, c.extras, c.answers)
				b.start()
				b.tell(c.kind, "t", dag.Callback{Name: "page"})
				b.hours()
				assert.Equal(t, c.rows, b.rows())
				assert.Equal(t, c.taken, r.taken)
				assert.Len(t, b.last.takenSoFar(), c.last)
				for _, id := range slices.Compact(slices.Sorted(slices.Values(r.tried))) {
					n := len(slices.DeleteFunc(slices.Clone(r.tried), func(s string) bool { return s != id }))
					assert.True(t, n == 1 || name == "one that stays away", "%s was tried %d times", id, n)
				}
				b.stop()
			})
		})
	}
}

// The last resort is told once, however many its receivers are, and falls back, too.
func TestFallbackOfTheLastResort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, r := withRobots(t, map[string]string{"a": "", "last": `{"fallback": "b"}`, "b": ""}, map[string]error{"a": postError{gone: true}})
		b.last.answer = func(string, int) error { return postError{gone: true} }
		b.start()
		b.tell(callbacks.Failure, "t", dag.Callback{Name: "page"})
		b.hours()
		assert.Equal(t, []string{"0 refused to robot a", "1 refused said", "2 delivered to robot b"}, b.rows())
		require.Len(t, r.taken, 1)
		assert.Equal(t, "b: t not delivered: to robot a: not taken; said: not taken", r.taken[0])
		b.stop()
	})
}

// A robot that is deleted in a storm: all that waits for it is told by the next one, and what it
// had taken before is not told again.
func TestFallbackInAStorm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, r := withRobots(t, map[string]string{"a": `{"fallback": "b"}`, "b": ""}, map[string]error{"a": postError{gone: true}})
		for i := range 300 {
			b.tell(callbacks.Failure, fmt.Sprint("t", i), dag.Callback{Name: "page"})
		}
		b.start()
		b.hours()
		assert.Equal(t, 1, len(slices.DeleteFunc(r.tried, func(s string) bool { return s != "a" })))
		require.Len(t, r.taken, 300)
		for i, text := range r.taken {
			assert.True(t, strings.HasPrefix(text, fmt.Sprintf("b: t%d to robot a: not", i)), text)
		}
		counts := map[store.DeliveryState]int{}
		for _, d := range b.deliveries() {
			counts[d.State]++
		}
		assert.Equal(t, map[store.DeliveryState]int{store.DeliveryRefused: 300, store.DeliveryDelivered: 300}, counts)
		b.stop()
	})
}

// A digest goes on where the messages in it were: to what stands in for the first of the robots.
func TestFallbackOfADigest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := postError{gone: true}
		b, r := withRobots(t, map[string]string{"a": `{"fallback": ["b", "c"]}`, "b": "", "c": ""}, map[string]error{"a": gone, "b": gone})
		b.stopStore()
		b.sendBy(piling{r})
		for i := range 50 {
			b.tell(callbacks.Failure, fmt.Sprint("t", i), dag.Callback{Name: "page"})
		}
		b.start()
		b.hours()
		assert.Less(t, len(r.tried), 8, "they are told together")
		require.NotEmpty(t, r.taken)
		for _, text := range r.taken {
			assert.True(t, strings.HasPrefix(text, "c: "), text)
		}
		assert.Empty(t, b.last.takenSoFar())
		b.stop()
	})
}

// The last resort is told what a digest told of a robot's own alerts, although others in it were told
// to that robot as the last resort.
func TestFallbackOfADigestOfTheLastResort(t *testing.T) {
	t.Parallel()
	for name, last := range map[string]int{"one": 1, "all": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, r := withRobots(t, map[string]string{"a": ""}, map[string]error{"a": postError{gone: true}})
				b.stopStore()
				b.sendBy(piling{r})
				var ds []*store.Delivery
				for i := range 2 {
					bound, err := outbox.Bind(b.cbs, []dag.Callback{{Name: "page"}})
					require.NoError(t, err)
					ev := &callbacks.Event{Kind: callbacks.Failure, DAGID: "d", RunID: "r", TaskID: fmt.Sprint("t", i), MapIndex: -1, TryNumber: 1}
					d := b.out.Prepare(bound, ev, &template.Context{}, renders)[0]
					if i < last {
						d.EventData = append(d.EventData[:len(d.EventData)-1], []byte(`,"via":["x"],"last_resort":true}`)...)
					}
					ds = append(ds, d)
				}
				require.NoError(t, b.store.Tx(context.Background(), func(tx store.Tx) error { return tx.InsertDeliveries(context.Background(), ds) }))
				b.start()
				b.hours()
				require.Equal(t, store.DeliveryFolded, b.delivery(0).State)
				assert.Equal(t, []string{"a"}, r.tried)
				assert.Len(t, b.last.takenSoFar(), 2-last)
				b.stop()
			})
		})
	}
}

// piling are robots that fold.
type piling struct{ *robots }

// Fold begins a message that names how many it tells.
func (r piling) Fold() callbacks.Folding { return &pile{r: r.robots} }

type pile struct {
	r     *robots
	conn  string
	count int
}

// Add counts.
func (p *pile) Add(m callbacks.Message) (string, error) {
	p.conn = noteOf(m).Conn
	p.count++
	return "", nil
}

// Message says how many there are.
func (p *pile) Message(*callbacks.Event) (callbacks.Message, error) {
	return p.r.message(p.conn, fmt.Sprint(p.count, " in all"))
}
