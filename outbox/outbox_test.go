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
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/terms"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/gate"
	"github.com/dingdag/dingdag/outbox"
	"github.com/dingdag/dingdag/store"
)

// postError is what a post fails with.
type postError struct {
	retry, uncertain, unknown, throttled, gated, gone, noKeyword bool

	delay time.Duration
}

func (postError) Error() string               { return "not taken" }
func (e postError) Retryable() bool           { return e.retry }
func (e postError) Uncertain() bool           { return e.uncertain }
func (e postError) Unknown() bool             { return e.unknown }
func (e postError) Throttled() bool           { return e.throttled }
func (e postError) Gated() bool               { return e.gated }
func (e postError) Gone() bool                { return e.gone }
func (e postError) NoKeyword() bool           { return e.noKeyword }
func (e postError) RetryDelay() time.Duration { return e.delay }

// post is a receiver whose answers a test chooses, through connection "wire".
type post struct {
	mu     sync.Mutex
	answer func(text string, attempt int) error
	began  time.Time
	tries  map[string]int
	// log holds "text at" for each try, taken for those that arrived.
	log, taken []string
	repeats    bool
	// conn is its connection.
	conn string
	// pages are those of the digests that were written.
	pages []string
}

func newPost(answer func(string, int) error) *post {
	return &post{answer: answer, began: time.Now(), tries: map[string]int{}, conn: "wire"}
}

// Send answers as the test says.
func (p *post) Send(_ context.Context, m callbacks.Message) (string, error) {
	var text string
	if err := json.Unmarshal(m.Payload, &text); err != nil {
		return "", err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries[text]++
	p.log = append(p.log, fmt.Sprint(text, " ", time.Since(p.began).Truncate(time.Second)))
	if err := p.answer(text, p.tries[text]); err != nil {
		return "", err
	}
	p.taken = append(p.taken, text)
	return "ok", nil
}

// RepeatSafe is as the test says.
func (p *post) RepeatSafe(callbacks.Message) bool { return p.repeats }

// ConnID is that of the post.
func (p *post) ConnID(callbacks.Message) string { return p.conn }

func (p *post) takenSoFar() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.taken)
}

func (p *post) logSoFar() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log)
}

// letter is a callback that posts its text.
type letter struct {
	// Text is what is posted.
	Text string `yaml:"text" param:"template,default=letter"`
	// Urgent says that it does not wait.
	Urgent bool `yaml:"urgent" param:"default=false"`

	terms.Common
}

// Prepare makes the message.
func (l *letter) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	p, err := json.Marshal(l.Text)
	return callbacks.Message{Sender: "post", Channel: "post", Summary: l.Text + " of " + string(ev.Kind), Payload: p, Urgent: l.Urgent}, err
}

// inBubble runs a test of pauses in no time. The beat is slow, because hours go by.
func inBubble(t *testing.T, answer func(text string, attempt int) error, test func(t *testing.T, b *bench, p *post)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		t.Helper()
		p := newPost(answer)
		b := newBench(t, p)
		test(t, b, p)
	})
}

// An answer that nobody knows is final in the end, and holds up nobody meanwhile.
func TestOutboxUnknownRefusals(t *testing.T) {
	t.Parallel()
	inBubble(t, func(text string, _ int) error {
		if text == "bad" {
			return postError{retry: true, unknown: true}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("one", "bad", "two", "three")
		b.until("the others", func() bool { return len(p.takenSoFar()) == 3 })
		assert.Equal(t, []string{"one", "two", "three"}, p.takenSoFar())
		assert.Less(t, time.Since(p.began), 2*time.Second, "nobody waits for bad")
		b.later("it is final", func() bool { return b.delivery(1).State == store.DeliveryRefused })
		d := b.delivery(1)
		assert.Equal(t, 10, d.Attempts)
		assert.Equal(t, "not taken (refused 10 times for an unknown reason, so this is final)", d.Error)
		assert.Less(t, time.Since(p.began), 10*time.Minute)
	})
}

// While the receiver is away there is a try now and then, each with another message. The
// first that gets through releases the rest at once, in order.
func TestOutboxOutage(t *testing.T) {
	t.Parallel()
	back := 10 * time.Minute
	var p *post
	inBubble(t, func(string, int) error {
		if time.Since(p.began) < back {
			return postError{retry: true}
		}
		return nil
	}, func(t *testing.T, b *bench, made *post) {
		t.Helper()
		p = made
		b.letters("a", "b", "c", "d", "e")
		b.later("all of them", func() bool { return len(p.takenSoFar()) == 5 })
		log := p.logSoFar()
		assert.Equal(t, []string{"a 0s", "b 1s", "c 3s", "d 7s", "e 15s", "a 31s", "b 1m3s", "c 2m3s"}, log[:8])
		assert.Less(t, len(log), 25, "about a try a minute")
		assert.Less(t, time.Since(p.began), back+time.Minute+time.Second)
		rest := slices.DeleteFunc([]string{"a", "b", "c", "d", "e"}, func(id string) bool { return id == p.taken[0] })
		assert.Equal(t, rest, p.takenSoFar()[1:], "the rest keeps its order")
		ends := log[len(log)-5:]
		_, first, _ := strings.Cut(ends[0], " ")
		_, last, _ := strings.Cut(ends[4], " ")
		assert.Equal(t, first, last, "all leave at once")
	})
}

// A message that always fails, as if the receiver were away, holds those behind it for
// its own pause at most, and soon for none.
func TestOutboxOneThatNeverLeaves(t *testing.T) {
	t.Parallel()
	inBubble(t, func(text string, _ int) error {
		if text == "bad" {
			return postError{retry: true}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		ids := []string{"bad"}
		for i := range 12 {
			ids = append(ids, fmt.Sprint("t", i))
		}
		b.letters(ids...)
		b.until("the others", func() bool { return len(p.takenSoFar()) == 12 })
		assert.Equal(t, ids[1:], p.takenSoFar())
		assert.Less(t, time.Since(p.began), 5*time.Second)
		assert.True(t, unsettled(b.delivery(0)))
	})
}

// pacedPost is a post that has had enough until a moment, and who stood in its line.
type pacedPost struct {
	*post
	until time.Time
	// late says that it turns out only when the message is to leave.
	late bool

	lines sync.Map
}

func (p *pacedPost) Ready(ctx context.Context, _ callbacks.Message) error {
	p.lines.Store(gate.TurnOf(ctx), true)
	if wait := time.Until(p.until); wait > 0 && !p.late {
		return postError{retry: true, gated: true, delay: wait}
	}
	return nil
}

func (p *pacedPost) Send(ctx context.Context, m callbacks.Message) (string, error) {
	if wait := time.Until(p.until); wait > 0 {
		return "", postError{retry: true, gated: true, delay: wait}
	}
	return p.post.Send(ctx, m)
}

// What waits for its receiver to have room is not tried, leaves once there is room, and stands
// in line with its event.
func TestOutboxWaitsForTheGate(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		t.Run(fmt.Sprint("late ", late), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &pacedPost{post: newPost(func(string, int) error { return nil }), until: time.Now().Add(7 * time.Minute), late: late}
				b := newBench(t, p)
				b.letters("a", "b", "c")
				b.later("all have left", func() bool { return len(p.takenSoFar()) == 3 })
				assert.Equal(t, []string{"a 7m0s", "b 7m0s", "c 7m0s"}, p.logSoFar())
				for i := range 3 {
					b.later("it is recorded", func() bool { return b.delivery(i).State == store.DeliveryDelivered })
					if !late {
						assert.Equal(t, 1, b.delivery(i).Attempts)
					}
					assert.Empty(t, b.delivery(i).Error)
				}
				_, ok := p.lines.Load(gate.Turn{Key: "channel post", Rank: gate.Success, DAGID: "d"})
				assert.True(t, ok)
			})
		})
	}
}

// Nothing goes to a receiver that asked for a pause, until it is over, whoever restarts.
func TestOutboxThrottled(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ string, attempt int) error {
		if attempt == 1 {
			return postError{retry: true, throttled: true, delay: 10 * time.Minute}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("a")
		b.until("it waits", func() bool {
			return b.delivery(0).State == store.DeliveryWaiting && b.delivery(0).Attempts == 1
		})
		b.stop()
		b.open()
		p.mu.Lock()
		p.tries["b"] = 1 // it would be taken
		p.mu.Unlock()
		b.letters("b")
		b.later("both", func() bool { return len(p.takenSoFar()) == 2 })
		assert.Equal(t, []string{"a 0s", "a 10m0s", "b 10m0s"}, p.logSoFar())
	})
}

// Whoever restarts the program has perhaps mended what kept the messages.
func TestOutboxRestartReleases(t *testing.T) {
	t.Parallel()
	var away bool
	inBubble(t, func(string, int) error {
		if away {
			return postError{retry: true}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		away = true
		b.letters("a", "b")
		time.Sleep(5 * time.Minute)
		b.stop()
		p.mu.Lock()
		away = false
		p.mu.Unlock()
		stopped := time.Now()
		b.open()
		b.start()
		b.until("both", func() bool { return len(p.takenSoFar()) == 2 })
		assert.Less(t, time.Since(stopped), time.Second)
		assert.Equal(t, []string{"a", "b"}, p.takenSoFar())
	})
}

// A changed connection releases what waits in its channel, a throttled one too: it leads
// to another robot, perhaps.
func TestOutboxMendedConnection(t *testing.T) {
	t.Parallel()
	conns := &changing{}
	inBubble(t, func(string, int) error {
		if conns.host() != "mended" {
			return postError{retry: true, throttled: true, delay: time.Hour}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.stopStore()
		b.conns = conns
		b.open()
		b.letters("a", "b")
		time.Sleep(10 * time.Minute)
		conns.set("mended")
		mended := time.Now()
		b.until("both", func() bool { return len(p.takenSoFar()) == 2 })
		assert.LessOrEqual(t, time.Since(mended), 3*time.Second)
		assert.Equal(t, []string{"a", "b"}, p.takenSoFar())
	})
}

// changing is a source with one connection that changes.
type changing struct {
	mu sync.Mutex
	at string
}

func (c *changing) host() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *changing) set(host string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = host
}

// Connection gives the host that was set last.
func (c *changing) Connection(_ context.Context, id string) (*connections.Connection, error) {
	host := c.host()
	return &connections.Connection{ID: id, Host: &host}, nil
}

// With on_uncertain: retry a message whose answer was lost is sent again, in the same
// process and by the next one.
func TestOutboxRepeatsWhatMayBeRepeated(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ string, attempt int) error {
		if attempt == 1 {
			return postError{retry: true, uncertain: true}
		}
		return nil
	}, func(t *testing.T, b *bench, p *post) {
		t.Helper()
		b.letters("a")
		b.until("it is settled", b.settled)
		assert.Equal(t, []string{"a 0s", "a 1s"}, p.logSoFar())
		assert.Equal(t, store.DeliveryDelivered, b.delivery(0).State)
	})
}

// What a crash leaves half sent goes out again where a repeat does no harm: by a sender
// that says so, and to a Go function.
func TestRestartRepeatsWhatMayBeRepeated(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"letter", "mycompany.page"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leaving, release := make(chan struct{}, 1), make(chan struct{})
			var (
				mu    sync.Mutex
				calls int
			)
			call := func() {
				mu.Lock()
				calls++
				first := calls == 1
				mu.Unlock()
				if first {
					leaving <- struct{}{}
					<-release
				}
			}
			p := newPost(nil)
			p.repeats = true
			p.answer = func(string, int) error {
				p.mu.Unlock()
				defer p.mu.Lock()
				call()
				return nil
			}
			b := newBench(t, p, callbacks.Func("mycompany.page", func(context.Context, *callbacks.Event) error {
				call()
				return nil
			}))
			b.start()
			t.Cleanup(func() { close(release) })
			b.tell(callbacks.Success, "t", dag.Callback{Name: name})
			<-leaving

			next := b.crash()
			next.start()
			next.until("it is settled", next.settled)
			assert.Equal(t, store.DeliveryDelivered, next.delivery(0).State)
			mu.Lock()
			defer mu.Unlock()
			assert.Equal(t, 2, calls)
		})
	}
}

// parcel is a sender of messages in parts.
type parcel struct {
	post

	die func(progress string) error
}

// SendParts sends the parts from progress on.
func (p *parcel) SendParts(_ context.Context, _ callbacks.Message, progress string, took func(progress, receipt string) error) (string, error) {
	for n := len(progress) + 1; n <= 3; n++ {
		p.mu.Lock()
		p.log = append(p.log, fmt.Sprint("part ", n))
		p.mu.Unlock()
		if p.die != nil {
			if err := p.die(progress); err != nil {
				return "", err
			}
		}
		if progress += "x"; n == 3 {
			break
		}
		if err := took(progress, fmt.Sprintf("took %d of 3", n)); err != nil {
			return "", postError{}
		}
	}
	return "ok, in 3 parts", nil
}

// A message in parts goes on behind the part that arrived last, after a failure and after
// a crash; of one that must not be repeated the record says how far it came.
func TestOutboxParts(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, p *parcel) *bench {
		t.Helper()
		b := newBench(t, p)
		b.letters("a")
		return b
	}
	t.Run("failure", func(t *testing.T) {
		t.Parallel()
		p, failed := &parcel{post: *newPost(nil)}, false
		p.die = func(progress string) error {
			if progress == "x" && !failed {
				failed = true
				return postError{retry: true}
			}
			return nil
		}
		b := start(t, p)
		b.until("it is delivered", func() bool { return b.delivery(0).State == store.DeliveryDelivered })
		assert.Equal(t, []string{"part 1", "part 2", "part 2", "part 3"}, p.logSoFar())
		assert.Equal(t, "ok, in 3 parts", b.delivery(0).Receipt)
	})
	for name, repeats := range map[string]bool{"crash, and may be repeated": true, "crash, and must not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dying, release := make(chan struct{}, 1), make(chan struct{})
			p, died := &parcel{post: *newPost(nil)}, false
			p.repeats = repeats
			p.die = func(progress string) error {
				p.mu.Lock()
				die := progress == "xx" && !died
				died = died || die
				p.mu.Unlock()
				if die {
					dying <- struct{}{}
					<-release
				}
				return nil
			}
			b := start(t, p)
			t.Cleanup(func() { close(release) })
			<-dying
			next := b.crash()
			next.start()
			want := map[bool]store.DeliveryState{true: store.DeliveryDelivered, false: store.DeliveryUncertain}[repeats]
			next.until("it is settled", next.settled)
			require.Equal(t, want, next.delivery(0).State)
			if repeats {
				assert.Equal(t, []string{"part 1", "part 2", "part 3", "part 3"}, p.logSoFar())
				return
			}
			assert.Equal(t, "the process died while the message was leaving; it may have arrived (took 2 of 3)", next.delivery(0).Error)
		})
	}
}

// A process that hung between two parts sends no more of them once another one took it for dead, and
// what that one said stays: some have arrived.
func TestOutboxOfAProcessThatHungBetweenParts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		hangs string // with so much taken
		state store.DeliveryState
		parts int
	}{"in the second": {"x", store.DeliveryUncertain, 2}, "in the last": {"xx", store.DeliveryDelivered, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leaving, release := make(chan struct{}, 1), make(chan struct{})
			p := &parcel{post: *newPost(nil)}
			p.die = func(progress string) error {
				if progress == c.hangs {
					leaving <- struct{}{}
					<-release
				}
				return nil
			}
			b := newBench(t, p)
			b.letters("a")
			<-leaving
			next := b.crash()
			next.start()
			next.until("it is guessed", func() bool { return next.delivery(0).State == store.DeliveryUncertain })
			close(release)
			b.stop()
			assert.Equal(t, c.state, next.delivery(0).State)
			assert.Len(t, next.deliveries(), 1, "nothing stands in for it")
			assert.Len(t, p.logSoFar(), c.parts)
			assert.Len(t, next.attempts(1), 1)
		})
	}
}

// plain is a callback with a default message.
type plain struct {
	// Text is what is posted.
	Text string `yaml:"text" param:"template"`
	// To is whom it names.
	To []string `yaml:"to" param:"single,template"`
	// Note may be empty in the file, but not by a template.
	Note string `yaml:"note" param:"template"`

	usual bool
}

// CheckRendered refuses a note of which nothing is left.
func (p *plain) CheckRendered(file callbacks.Callback) error {
	if p.Note == "" && file.(*plain).Note != "" {
		return errors.New("no note is left")
	}
	return nil
}

// Prepare makes the message.
func (p *plain) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	text := p.Text
	switch {
	case p.usual:
		text = "usual: " + ev.Problem + " " + strings.Join(p.To, "+")
	case text == "panic":
		panic("told to")
	case text == "":
		return callbacks.Message{}, errors.New("the message is empty")
	}
	body, err := json.Marshal(text)
	return callbacks.Message{Sender: "post", Channel: "post", Summary: "plain", Payload: body}, err
}

// Fallback is the default message.
func (p *plain) Fallback(lost []string) (callbacks.Callback, error) {
	if slices.Contains(lost, "to[0]") && len(p.To) == 1 {
		return nil, errors.New("there is nobody left")
	}
	return &plain{usual: true, To: slices.DeleteFunc(slices.Clone(p.To), func(s string) bool { return s == "" })}, nil
}

// simplified is a sender that knows a simpler message.
type simplified struct{ *post }

// Fallback is the problem of the event.
func (s simplified) Fallback(m callbacks.Message, ev *callbacks.Event, _ error) (callbacks.Message, bool) {
	if strings.Contains(string(m.Payload), "simpler") {
		return m, false
	}
	m.Payload, _ = json.Marshal("simpler: " + ev.Problem)
	return m, true
}

// A callback that can't say what it was to say says what happened, and why that is all.
// There is a row in the outbox in any case, and somebody is told of a failure.
func TestCallbackThatFailsTellsAllTheSame(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		callback string
		post     []string // what arrives there
		said     []string // what the last resort says
		rows     []string
	}{
		"undefined name": {
			"{callback: plain, text: '{{ nonsense }}', to: [ann, '{{ nobody }}', bob]}",
			[]string{"usual: the callback's template failed: render text: template line 1"},
			nil,
			[]string{"delivered plain"},
		},
		"renders to nothing": {"{callback: plain, text: '{{ \"\" }}'}", []string{"usual: the message is empty"}, nil, []string{"delivered plain"}},
		"a field renders to nothing": {
			"{callback: plain, text: x, note: '{{ \"\" }}', to: ann}", []string{"usual: no note is left ann"}, nil, []string{"delivered plain"},
		},
		"a field is left empty": {"{callback: plain, text: x, note: ''}", []string{"x"}, nil, []string{"delivered plain"}},
		"panic":                 {"{callback: plain, text: panic}", []string{"usual: the callback panicked: told to"}, nil, []string{"delivered plain"}},
		"nobody left": {
			"{callback: plain, text: x, to: '{{ nobody }}'}", nil,
			[]string{"on_failure t not delivered: on_failure of d.t by callback plain: the callback's template failed"},
			[]string{"refused on_failure of d.t by callback plain", "delivered said"},
		},
		"no default message": {
			"{callback: letter, text: '{{ nonsense }}'}", nil,
			[]string{"on_failure t not delivered: on_failure of d.t by callback letter: the callback's template failed"},
			[]string{"refused on_failure of d.t by callback letter", "delivered said"},
		},
		"refused": {
			"{callback: letter, text: refuse me}", []string{"simpler: not taken"}, nil, []string{"refused refuse me of on_failure", "delivered refuse me of on_failure"},
		},
		"refused altogether": {
			"{callback: letter, text: refuse all}", nil,
			[]string{"on_failure t not delivered: refuse all of on_failure: not taken"},
			[]string{"refused refuse all of on_failure", "refused refuse all of on_failure", "delivered said"},
		},
		"function": {
			"mycompany.page", nil,
			[]string{"on_failure t not delivered: on_failure of d.t to function mycompany.page: callback function mycompany.page: panic: ouch"},
			[]string{"refused on_failure of d.t to function mycompany.page", "delivered said"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			all := false
			p := newPost(func(text string, _ int) error {
				all = all || text == "refuse all"
				if text == "refuse me" || all {
					return postError{}
				}
				return nil
			})
			b := newBench(t, simplified{p}, callbacks.Func("mycompany.page", func(context.Context, *callbacks.Event) error { panic("ouch") }))
			b.start()
			b.tell(callbacks.Failure, "t", callback(t, c.callback))
			b.until("all rows are settled", b.settled)
			require.Len(t, b.deliveries(), len(c.rows))
			for i, d := range b.deliveries() {
				assert.Equal(t, c.rows[i], string(d.State)+" "+d.Summary)
			}
			begins := func(got, want []string) {
				require.Len(t, got, len(want))
				for i := range want {
					assert.True(t, strings.HasPrefix(got[i], want[i]), got[i])
				}
			}
			begins(p.takenSoFar(), c.post)
			begins(b.last.takenSoFar(), c.said)
			if name == "undefined name" {
				assert.True(t, strings.HasSuffix(p.takenSoFar()[0], " ann+bob"), "who renders is named")
			}
		})
	}
}

// tell is a callback that tells the problem of an event.
type tell struct{}

// Prepare makes the message.
func (*tell) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	p, err := json.Marshal(fmt.Sprintf("%s %s %s", ev.Kind, ev.TaskID, ev.Problem))
	return callbacks.Message{Sender: "last", Channel: "last", Summary: "said", Payload: p}, err
}

// The record of a message says what its receiver answered.
func TestOutboxRecordsWhatBecameOfAMessage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want store.DeliveryState
	}{
		"delivered": {nil, store.DeliveryDelivered},
		"refused":   {fmt.Errorf("hunter22: %w", postError{}), store.DeliveryRefused},
		"uncertain": {postError{uncertain: true}, store.DeliveryUncertain},
		"later":     {postError{retry: true}, store.DeliveryWaiting},
		"plain":     {errors.New("plain"), store.DeliveryRefused},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, newPost(func(string, int) error { return c.err }))
			b.start()
			b.letters("one")
			var d *store.Delivery
			b.until("it was tried", func() bool {
				ds, err := b.store.Deliveries(t.Context(), nil, 0)
				require.NoError(t, err)
				d = ds[0]
				return d.Attempts > 0 && d.State != store.DeliverySending
			})
			assert.Equal(t, c.want, d.State)
			assert.NotContains(t, d.Error, "hunter22")
			assert.Equal(t, store.Owner{Event: "on_success", DAGID: "d", RunID: "r", TaskID: "one", MapIndex: -1, Try: 1}, d.Owner)
			assert.Equal(t, c.want == store.DeliveryWaiting, !d.NextTry.IsZero())
		})
	}
}

// A process that hung while another one took its message over has no say in what became of it.
func TestOutboxOfAHungProcess(t *testing.T) {
	t.Parallel()
	leaving, release := make(chan struct{}, 1), make(chan struct{})
	var (
		mu    sync.Mutex
		calls int
	)
	p := newPost(nil)
	p.repeats = true
	p.answer = func(string, int) error {
		p.mu.Unlock()
		defer p.mu.Lock()
		mu.Lock()
		calls++
		first := calls == 1
		mu.Unlock()
		if !first {
			return nil
		}
		leaving <- struct{}{}
		<-release
		return postError{}
	}
	b := newBench(t, p)
	b.letters("one")
	<-leaving
	next := b.crash()
	next.start()
	next.until("it is settled", next.settled)
	close(release)
	b.stop() // waits for what it sends
	d := next.delivery(0)
	assert.Equal(t, store.DeliveryDelivered, d.State)
	assert.Equal(t, 2, d.Attempts)
	assert.Empty(t, d.Error)
	assert.Len(t, next.deliveries(), 1, "nothing stands in for it")
	assert.Equal(t, []string{
		"1 uncertain, 0 of 0 parts: the process died while the message was leaving; it may have arrived", "2 delivered, 1 of 0 parts: ok",
	}, next.attempts(d.ID), "what it says of its try is not recorded")
}

// A process that hung while another one took it for dead knows what became of its message. That
// replaces what the other one could only guess, and the channel goes on.
func TestOutboxOfAHungProcessThatKnows(t *testing.T) {
	t.Parallel()
	const died = "1 uncertain, 0 of 0 parts: the process died while the message was leaving; it may have arrived"
	for name, c := range map[string]struct {
		answer  error
		want    []store.DeliveryState
		attempt string
	}{
		"delivered":         {nil, []store.DeliveryState{store.DeliveryDelivered, store.DeliveryDelivered}, "1 delivered, 1 of 1 parts: ok"},
		"refused":           {postError{}, []store.DeliveryState{store.DeliveryRefused, store.DeliveryDelivered}, "1 refused, 0 of 0 parts: not taken"},
		"it knows not more": {postError{uncertain: true}, []store.DeliveryState{store.DeliveryUncertain, store.DeliveryDelivered}, died},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leaving, release := make(chan struct{}, 1), make(chan struct{})
			p := newPost(nil)
			p.answer = func(text string, _ int) error {
				if text != "one" {
					return nil
				}
				p.mu.Unlock()
				defer p.mu.Lock()
				leaving <- struct{}{}
				<-release
				return c.answer
			}
			b := newBench(t, p)
			b.letters("one")
			<-leaving
			next := b.crash()
			next.start()
			next.until("it is guessed", func() bool { return next.delivery(0).State == store.DeliveryUncertain })
			require.Equal(t, []string{died}, next.attempts(1))
			b.letters("two")
			close(release)
			next.until("the other one is settled", func() bool { return next.delivery(1).State == store.DeliveryDelivered })
			b.stop()
			for i, want := range c.want {
				assert.Equal(t, want, next.delivery(i).State, i)
			}
			assert.Equal(t, []string{c.attempt}, next.attempts(1))
		})
	}
}

// What an earlier process knows is no guess: who finds its message leaving, and is late, lets it be.
func TestRecoveryIsLate(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"tried again": postError{retry: true, throttled: true, delay: time.Hour}, "uncertain": postError{uncertain: true}, "delivered": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			leaving, release := make(chan struct{}, 1), make(chan struct{})
			p := newPost(nil)
			p.answer = func(string, int) error {
				p.mu.Unlock()
				defer p.mu.Lock()
				leaving <- struct{}{}
				<-release
				return answer
			}
			b := newBench(t, p)
			b.letters("one")
			<-leaving
			next := b.crash()
			late := &lateStore{read: make(chan struct{}), recover: make(chan struct{})}
			next.stopStore()
			next.wrap = func(s outbox.Store) outbox.Store {
				late.Store = s
				return late
			}
			next.open()
			next.start()
			<-late.read
			close(release)
			b.stop()
			want, attempts := next.delivery(0), next.attempts(1)
			require.NotEqual(t, store.DeliverySending, want.State)
			close(late.recover)
			next.until("it has recovered", func() bool { return next.out.Rounds() > 0 })
			next.stop()
			next.open()
			assert.Equal(t, want, next.delivery(0))
			assert.Equal(t, attempts, next.attempts(1))
			next.stopStore()
		})
	}
}

// lateStore returns the messages that are leaving when they may have left.
type lateStore struct {
	outbox.Store

	read, recover chan struct{}
}

func (s *lateStore) SendingDeliveries(ctx context.Context) ([]*store.Delivery, error) {
	ds, err := s.Store.SendingDeliveries(ctx)
	close(s.read)
	<-s.recover
	return ds, err
}

// A stop that comes while the outbox recovers is a stop like any other.
func TestOutboxStopsWhileItRecovers(t *testing.T) {
	t.Parallel()
	b := newBench(t, newPost(nil))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, b.out.Run(ctx))
	b.stopStore()
}
