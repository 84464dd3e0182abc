package chat_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/dingdag/dingdag/chat"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/incoming"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/store/sqlite/sqlitetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	errDead = errors.New("the process is dead")
	errBusy = fmt.Errorf("it is locked: %w", store.ErrBusy)
)

// mortal is the store as one process has it, which may die at a step: from then on nothing of it reaches the
// store or DingTalk.
type mortal struct {
	*sqlite.Store

	mu sync.Mutex
	// left is how many steps are left before its death, counted only when it is positive.
	left int
	dead bool
	// died is closed at its death.
	died chan struct{}
}

// step reports whether the process lives on; after it may die.
func (s *mortal) step() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dead {
		return false
	}
	if s.left > 0 {
		if s.left--; s.left == 0 {
			s.die()
			return false
		}
	}
	return true
}

func (s *mortal) die() {
	if !s.dead {
		s.dead = true
		close(s.died)
	}
}

func (s *mortal) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.die()
}

func (s *mortal) Tx(ctx context.Context, fn func(store.Tx) error) error {
	if !s.step() { // before it begins
		return errDead
	}
	if err := s.Store.Tx(ctx, fn); err != nil {
		return err
	}
	if !s.step() { // after the commit
		return errDead
	}
	return nil
}

func (s *mortal) NamedLease(ctx context.Context, name string) (*store.NamedLease, error) {
	s.mu.Lock()
	dead := s.dead
	s.mu.Unlock()
	if dead {
		return nil, errDead
	}
	return s.Store.NamedLease(ctx, name)
}

func (s *mortal) ChatHeads(ctx context.Context, app string) ([]*store.ChatMessage, error) {
	s.mu.Lock()
	dead := s.dead
	s.mu.Unlock()
	if dead {
		return nil, errDead
	}
	return s.Store.ChatHeads(ctx, app)
}

// world is DingTalk and a store, with processes on it.
type world struct {
	t      *testing.T
	db     *sqlite.Store
	path   string
	cipher *connections.Cipher
	log    bytes.Buffer
	logMu  sync.Mutex

	mu sync.Mutex
	// sent are the answers by message, changed the changes; order is what was carried out in each conversation.
	sent, changed map[string]int
	texts         map[string]string
	order         map[string][]string
	now, most     int
	// links are those who receive.
	links map[string]func(context.Context, chat.Received) (bool, error)
	// reply says what becomes of an answer; nil takes it.
	reply func(it *chat.Item, o chat.Outcome) error
	// do carries a message out; nil changes something and answers.
	do func(ctx context.Context, it *chat.Item) (chat.Outcome, error)
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, path: filepath.Join(t.TempDir(), "db"), sent: map[string]int{}, changed: map[string]int{}, texts: map[string]string{},
		order: map[string][]string{}, links: map[string]func(context.Context, chat.Received) (bool, error){},
	}
	var err error
	w.cipher, err = connections.NewCipher(bytes.Repeat([]byte{7}, 32))
	require.NoError(t, err)
	w.db = sqlitetest.Open(t, w.path, sqlite.Options{Synchronous: "NORMAL", Cipher: w.cipher})
	t.Cleanup(func() { require.NoError(t, w.db.Close()) })
	return w
}

func (w *world) Write(p []byte) (int, error) {
	w.logMu.Lock()
	defer w.logMu.Unlock()
	return w.log.Write(p)
}

func (w *world) logged() string {
	w.logMu.Lock()
	defer w.logMu.Unlock()
	return w.log.String()
}

// process is one process on the store.
type process struct {
	w     *world
	name  string
	store *mortal
	*chat.Service

	stop  context.CancelFunc
	ended chan struct{}
}

var bot = chat.App{ConnID: "bot", Key: "dingkey", Print: "1", Commands: true}

// start starts a process that dies after so many steps; 0 is never.
func (w *world) start(name string, steps int, change ...func(*chat.Options)) *process {
	p := &process{w: w, name: name, store: &mortal{Store: w.db, left: steps, died: make(chan struct{})}, ended: make(chan struct{})}
	o := chat.Options{
		Store: p.store, Sealer: w.cipher, Apps: func(context.Context) ([]chat.App, error) { return []chat.App{bot}, nil },
		Receiver: p, Replier: p, Commands: p, Node: name, Masker: connections.NewMasker(), Clock: time.Now, Log: slog.New(slog.NewTextHandler(w, nil)),
	}
	for _, c := range change {
		c(&o)
	}
	p.Service = chat.New(o)
	ctx, stop := context.WithCancel(context.Background())
	p.stop = stop
	go func() {
		defer close(p.ended)
		p.Run(ctx)
	}()
	return p
}

func (p *process) end() {
	p.stop()
	<-p.ended
}

// Receive is a connection to DingTalk.
func (p *process) Receive(ctx context.Context, app chat.App, accept func(context.Context, chat.Received) (bool, error), link func(chat.Link)) error {
	p.w.mu.Lock()
	p.w.links[p.name+" "+app.Key] = accept
	p.w.mu.Unlock()
	link(chat.Link{Connected: true, Since: time.Now()})
	select {
	case <-ctx.Done():
	case <-p.store.died:
	}
	p.w.mu.Lock()
	delete(p.w.links, p.name+" "+app.Key)
	p.w.mu.Unlock()
	<-ctx.Done()
	return nil
}

func (p *process) Reply(_ context.Context, it *chat.Item, o chat.Outcome) error {
	if !p.store.step() {
		return errDead
	}
	if err := p.w.take(it, o); err != nil {
		return err
	}
	if !p.store.step() {
		return errDead
	}
	return nil
}

func (w *world) take(it *chat.Item, o chat.Outcome) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.reply != nil {
		if err := w.reply(it, o); err != nil {
			return err
		}
	}
	w.sent[it.Row.Key]++
	w.texts[it.Row.Key] = o.Text
	return nil
}

func (p *process) Changes(text string) bool { return strings.HasPrefix(text, "change") }

// Do changes something once for a message.
func (p *process) Do(ctx context.Context, it *chat.Item) (chat.Outcome, error) {
	w := p.w
	w.mu.Lock()
	w.now++
	w.most = max(w.most, w.now)
	do := w.do
	w.mu.Unlock()
	defer func() { w.mu.Lock(); w.now--; w.mu.Unlock() }()
	if do != nil {
		return do(ctx, it)
	}
	time.Sleep(10 * time.Millisecond) // in the bubble
	e := &store.Event{At: time.Now(), Actor: store.Actor{Name: it.Row.UserID, Via: store.ViaChat, Ref: it.Row.Ref()}, Kind: store.EventClear, DAGID: "d", MapIndex: -1}
	err := p.store.Tx(ctx, func(tx store.Tx) error { return tx.InsertEvents(ctx, e) })
	switch {
	case errors.Is(err, store.ErrRepeated):
		return chat.Outcome{Text: "done before"}, nil
	case err != nil:
		return chat.Outcome{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.changed[it.Row.Key]++
	w.order[it.Row.ConversationID] = append(w.order[it.Row.ConversationID], it.Row.Key)
	return chat.Outcome{Title: "t", Text: "done " + it.Message.Text}, nil
}

func message(conversation, id, text string) *incoming.Message {
	return written(time.Now(), conversation, id, text)
}

// written is a message that was written at a moment of DingTalk's clock.
func written(at time.Time, conversation, id, text string) *incoming.Message {
	raw := fmt.Sprintf(`{"conversationId":%q,"conversationType":"2","conversationTitle":"Ops","msgId":%q,"msgtype":"text","text":{"content":%q},"senderStaffId":"u1","senderNick":"Ann","createAt":%d}`,
		conversation, id, text, at.UnixMilli())
	m, err := incoming.ParseMessage([]byte(raw))
	if err != nil {
		panic(err)
	}
	m.Reply = incoming.Reply{URL: "https://oapi.dingtalk.com/robot/sendBySession?session=verysecret", Expires: time.Now().Add(time.Hour)}
	return m
}

// deliver is DingTalk, which delivers again what nobody has acknowledged. It reports whether somebody has.
func (w *world) deliver(m *incoming.Message) bool {
	w.mu.Lock()
	var accept func(context.Context, chat.Received) (bool, error)
	for _, a := range w.links {
		accept = a
	}
	w.mu.Unlock()
	if accept == nil {
		return false
	}
	_, err := accept(context.Background(), chat.Received{Message: m, Sent: time.Now()})
	return err == nil
}

// say delivers a message until somebody has taken it.
func (w *world) say(conversation, id, text string) {
	m := message(conversation, id, text)
	for !w.deliver(m) {
		time.Sleep(100 * time.Millisecond)
	}
}

func (w *world) row(key string) *store.ChatMessage {
	w.t.Helper()
	all, err := w.db.ChatLog(context.Background(), store.ChatFilter{})
	require.NoError(w.t, err)
	for _, m := range all {
		if m.Key == key {
			return m
		}
	}
	w.t.Fatalf("no message %s", key)
	return nil
}

// settle waits until everything has come to its end.
func (w *world) settle() {
	w.t.Helper()
	for n := range 300 {
		open, err := w.db.ChatLog(context.Background(), store.ChatFilter{States: []store.ChatState{store.ChatWaiting, store.ChatWorking}})
		require.NoError(w.t, err)
		if len(open) == 0 {
			return
		}
		time.Sleep(100 * time.Millisecond << (n / 20))
	}
	w.t.Fatal("it does not come to its end\n" + w.logged())
}

func TestConversationsGoInOrderAndSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start("a", 0)
		defer p.end()
		want := map[string][]string{}
		for i := range 10 {
			for c := range 20 {
				conversation, key := fmt.Sprintf("c%d", c), fmt.Sprintf("%d-%d", c, i)
				want[conversation] = append(want[conversation], key)
				w.say(conversation, key, "change "+key)
				w.say(conversation, key, "change "+key) // twice
			}
		}
		w.settle()
		assert.Equal(t, want, w.order)
		assert.Len(t, w.sent, 200)
		for key, n := range w.sent {
			assert.Equal(t, 1, n, key)
		}
		assert.Equal(t, 16, w.most, "so many at once")
		m := w.row("3-4")
		assert.Equal(t, store.ChatAnswered, m.State)
		assert.Equal(t, store.ChatAnswerSent, m.AnswerState)
		assert.Equal(t, store.ChatAnswer{Title: "t", Text: "done change 3-4"}, m.Answer)
		assert.Equal(t, "u1", m.UserID)
		assert.Empty(t, m.Reply, "the address is dropped")
	})
}

// A process may die between any two steps: nothing is lost, changed twice or answered twice. What is not answered is known
// to be uncertain.
func TestDeathBetweenAnyTwoSteps(t *testing.T) {
	t.Parallel()
	uncertain := 0
	for steps := 3; ; steps++ {
		died := false
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			a := w.start("a", steps)
			time.Sleep(time.Second)
			b := w.start("b", 0)
			for i := range 3 {
				w.say("c", strconv.Itoa(i), "change")
			}
			w.settle()
			select {
			case <-a.store.died:
				died = true
			default:
			}
			a.end()
			b.end()
			for i := range 3 {
				key := strconv.Itoa(i)
				ref, err := w.db.EventOfRef(t.Context(), "bot/"+key)
				require.NoError(t, err, "step %d: message %s was carried out", steps, key)
				assert.NotZero(t, ref.ID)
				m := w.row(key)
				assert.Equal(t, store.ChatAnswered, m.State, "step %d: %s", steps, key)
				if m.AnswerState == store.ChatAnswerUncertain {
					uncertain++
					assert.LessOrEqual(t, w.sent[key], 1, "step %d: %s", steps, key)
				} else {
					assert.Equal(t, 1, w.sent[key], "step %d: %s", steps, key)
				}
			}
			n, err := w.db.CountEvents(t.Context(), store.EventFilter{})
			require.NoError(t, err)
			assert.Equal(t, 3, n, "step %d: each change is made once", steps)
		})
		if !died {
			assert.Greater(t, steps, 30, "a process takes more steps than that")
			break
		}
	}
	assert.Equal(t, 12, uncertain, "of each message: before and after its sending, and between these and what the store has of it")
}

func TestTakeOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.start("a", 0)
		time.Sleep(time.Second)
		b := w.start("b", 0)
		time.Sleep(time.Minute)
		receiving := func() (names []string) {
			w.mu.Lock()
			defer w.mu.Unlock()
			for name := range w.links {
				names = append(names, name)
			}
			return names
		}
		assert.Equal(t, []string{"a dingkey"}, receiving(), "one at a time")
		assert.True(t, b.Standings()[0].Elsewhere)
		assert.True(t, a.Standings()[0].Connected)
		a.store.kill()
		begun := time.Now()
		for !slices.Contains(receiving(), "b dingkey") {
			time.Sleep(10 * time.Millisecond)
		}
		assert.Less(t, time.Since(begun), 5*time.Second)
		a.end()
		assert.True(t, b.Standings()[0].Connected)

		c := w.start("c", 0)
		b.end()
		begun = time.Now()
		for !slices.Contains(receiving(), "c dingkey") {
			time.Sleep(10 * time.Millisecond)
		}
		assert.Less(t, time.Since(begun), time.Second, "who stops gives it up")
		c.end()
	})
}

// flaky is a connection to DingTalk whose state the test tells.
type flaky struct{ links chan chat.Link }

func (f *flaky) Receive(ctx context.Context, _ chat.App, _ func(context.Context, chat.Received) (bool, error), link func(chat.Link)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case l := <-f.links:
			l.Since = time.Now()
			link(l)
		}
	}
}

// Whoever looks into the store sees whether the application receives, and since when not, whatever attempts failed since.
func TestWhatTheHolderTells(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, line := newWorld(t), &flaky{links: make(chan chat.Link)}
		masker := connections.NewMasker()
		masker.Add("hush-hush")
		p := w.start("a", 0, func(o *chat.Options) { o.Receiver, o.Masker = line, masker })
		told := func() (l store.ChatLink) {
			t.Helper()
			time.Sleep(2 * time.Second) // the next renewal
			leases, err := w.db.NamedLeases(t.Context(), store.ChatLeases)
			require.NoError(t, err)
			require.Len(t, leases, 1)
			require.NoError(t, json.Unmarshal(leases[0].Note, &l))
			assert.Equal(t, bot.ConnID, l.ConnID)
			assert.True(t, l.Stream)
			return l
		}
		begun := time.Now().UTC()
		assert.Equal(t, store.ChatLink{ConnID: "bot", Stream: true, Since: begun}, told(), "it is connecting")
		line.links <- chat.Link{Err: errors.New("hush-hush is refused")}
		assert.Equal(t, store.ChatLink{ConnID: "bot", Stream: true, Since: begun, Error: "*** is refused"}, told())
		line.links <- chat.Link{Connected: true}
		connected := time.Now().UTC()
		assert.Equal(t, store.ChatLink{ConnID: "bot", Stream: true, Connected: true, Since: connected}, told())
		line.links <- chat.Link{Err: errors.New("it ended")}
		ended := time.Now().UTC()
		told()
		line.links <- chat.Link{Err: errors.New("no route")}
		assert.Equal(t, store.ChatLink{ConnID: "bot", Stream: true, Since: ended, Error: "no route"}, told(), "since the first failure, for the latest reason")
		p.end()
		leases, err := w.db.NamedLeases(t.Context(), store.ChatLeases)
		require.NoError(t, err)
		assert.Empty(t, leases)
	})
}

// Who cannot renew the lease stops before it ends.
func TestWhoLosesTheLeaseStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start("a", 0)
		defer p.end()
		w.say("c", "1", "look")
		w.settle()
		require.NoError(t, w.db.Tx(t.Context(), func(tx store.Tx) error {
			if err := tx.DropLease(t.Context(), "chat/dingkey", "a"); err != nil {
				return err
			}
			_, err := tx.TakeLease(t.Context(), store.NamedLease{Name: "chat/dingkey", Holder: "thief", Until: time.Now().Add(4 * time.Second)}, time.Now())
			return err
		}))
		time.Sleep(2 * time.Second)
		w.mu.Lock()
		assert.Empty(t, w.links)
		w.mu.Unlock()
		time.Sleep(5 * time.Second)
		w.mu.Lock()
		assert.Len(t, w.links, 1, "the other one is gone")
		w.mu.Unlock()
	})
}

func TestLateCommands(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		late, look, chinese := message("c", "late", "change"), message("c", "look", "look"), message("c", "zh", "change 北京")
		time.Sleep(16 * time.Minute)
		early := written(time.Now().Add(time.Hour), "c", "early", "change") // by a clock that was set back
		p := w.start("a", 0)
		defer p.end()
		time.Sleep(time.Second)
		for _, m := range []*incoming.Message{late, look, chinese, early} {
			require.True(t, w.deliver(m))
		}
		w.settle()
		assert.Equal(t, store.ChatRefused, w.row("late").State)
		assert.Contains(t, w.texts["late"], "16 minutes ago")
		assert.Contains(t, w.texts["zh"], "16 分钟前")
		assert.Equal(t, "done look", w.texts["look"], "what changes nothing is answered")
		assert.Equal(t, []string{"look", "early"}, w.order["c"])
	})
}

// A message that came without its text is answered in both languages: nobody knows in which it was written.
func TestMessagesWithoutTheirText(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start("a", 0)
		defer p.end()
		time.Sleep(time.Second)
		for id, code := range map[string]string{"spent": incoming.QuotaSpent, "other": "20002"} {
			raw := fmt.Sprintf(`{"conversationId":"c","conversationType":"1","msgId":%q,"msgtype":"text","errorCode":%q,"senderStaffId":"u1","createAt":%d}`,
				id, code, time.Now().UnixMilli())
			m, err := incoming.ParseMessage([]byte(raw))
			require.NoError(t, err)
			m.Reply = message("c", id, "").Reply
			require.True(t, w.deliver(m))
		}
		w.settle()
		assert.Equal(t, store.ChatRefused, w.row("spent").State)
		assert.Equal(t, "⚠️ 钉钉未提供消息内容：本月机器人消息额度已用完。\n\n"+
			"DingTalk delivered this message without its text: the organisation has used up what robots may receive this month.", w.texts["spent"])
		assert.Equal(t, "⚠️ 钉钉未提供消息内容（错误码 20002）。\n\nDingTalk delivered this message without its text (code 20002).", w.texts["other"])
		assert.Empty(t, w.order["c"], "nothing is carried out")
	})
}

// Whether this machine's clock is right does not matter for who receives: leases go by that of the store.
func TestLeasesGoByTheClockOfTheStore(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{30 * time.Second, -30 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			holder := func() string {
				t.Helper()
				leases, err := w.db.NamedLeases(t.Context(), store.ChatLeases)
				require.NoError(t, err)
				require.Len(t, leases, 1)
				return leases[0].Holder
			}
			a := w.start("a", 0)
			time.Sleep(time.Second)
			b := w.start("b", 0, func(o *chat.Options) { o.Clock = func() time.Time { return time.Now().Add(ahead) } })
			defer b.end()
			time.Sleep(10 * time.Second)
			assert.Equal(t, "a", holder(), ahead)
			a.end()
			time.Sleep(5 * time.Second)
			assert.Equal(t, "b", holder(), ahead)
			time.Sleep(10 * time.Second)
			assert.Equal(t, "b", holder(), "it renews its lease")
		})
	}
}

// Whether this machine's clock is right does not matter for what is late.
func TestLateByDingTalksClock(t *testing.T) {
	t.Parallel()
	for _, ahead := range []time.Duration{20 * time.Minute, -20 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			late := message("c", "late", "change")
			time.Sleep(16 * time.Minute)
			p := w.start("a", 0, func(o *chat.Options) { o.Clock = func() time.Time { return time.Now().Add(ahead) } })
			defer p.end()
			time.Sleep(time.Second)
			w.say("c", "now", "change")
			require.True(t, w.deliver(late))
			w.settle()
			assert.Equal(t, "done change", w.texts["now"])
			assert.Equal(t, store.ChatRefused, w.row("late").State)
			assert.Equal(t, 1, strings.Count(w.logged(), "DingTalk's differ"), "it is told, once")
			assert.Contains(t, w.logged(), "difference="+ahead.String())
		})
	}
}

// A late command whose change was made before a crash is answered as that.
func TestALateCommandThatWasCarriedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.start("a", 0)
		w.do = func(ctx context.Context, it *chat.Item) (chat.Outcome, error) {
			e := &store.Event{At: time.Now(), Actor: store.Actor{Ref: it.Row.Ref()}, Kind: store.EventClear, MapIndex: -1}
			require.NoError(t, w.db.Tx(ctx, func(tx store.Tx) error { return tx.InsertEvents(ctx, e) }))
			a.store.kill()
			return chat.Outcome{Text: "lost"}, nil
		}
		w.say("c", "1", "change")
		<-a.store.died
		a.end()
		w.do = nil
		time.Sleep(time.Hour)
		b := w.start("b", 0)
		defer b.end()
		w.settle()
		assert.Equal(t, "done before", w.texts["1"])
		assert.Equal(t, 1, w.sent["1"])
		assert.Equal(t, 2, w.row("1").Attempts)
	})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		errs  []error
		file  bool
		state store.ChatAnswerState
		sent  int
		done  int
		after time.Duration
	}{
		"taken":                   {nil, false, store.ChatAnswerSent, 1, 1, 0},
		"not taken at first":      {[]error{&hook.Error{Kind: hook.KindUnavailable, Message: "no"}, &hook.Error{Kind: hook.KindUnavailable, Message: "no"}}, false, store.ChatAnswerSent, 1, 1, 3 * time.Second},
		"too many at first":       {[]error{&hook.Error{Kind: hook.KindRateLimited, RetryAfter: time.Minute}}, false, store.ChatAnswerSent, 1, 1, time.Minute},
		"a file is made anew":     {[]error{&hook.Error{Kind: hook.KindUnavailable, Message: "no"}}, true, store.ChatAnswerSent, 2, 2, time.Second},
		"refused for good":        {[]error{&hook.Error{Kind: hook.KindNotFound, Message: "no conversation"}}, false, store.ChatAnswerFailed, 0, 1, 0},
		"taken in part":           {[]error{&hook.Error{Kind: hook.KindUnavailable, Message: "no", Sent: 1, Parts: 2}}, false, store.ChatAnswerUncertain, 0, 1, 0},
		"nobody knows":            {[]error{&hook.Error{Kind: hook.KindUncertain, Message: "no"}}, false, store.ChatAnswerUncertain, 0, 1, 0},
		"of an error of our own":  {[]error{errors.New("a mistake")}, false, store.ChatAnswerUncertain, 0, 1, 0},
		"never within the time":   {slices.Repeat([]error{&hook.Error{Kind: hook.KindUnavailable, Message: "no"}}, 99), false, store.ChatAnswerFailed, 0, 1, 14 * time.Minute},
		"of a panic of our own":   {[]error{nil}, false, store.ChatAnswerUncertain, 0, 1, 0},
		"after a long rate limit": {[]error{&hook.Error{Kind: hook.KindRateLimited, RetryAfter: 10 * time.Minute}}, false, store.ChatAnswerSent, 1, 1, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				done, errs := 0, c.errs
				w.do = func(context.Context, *chat.Item) (chat.Outcome, error) {
					done++
					o := chat.Outcome{Text: "hello"}
					if c.file {
						o.File = &chat.File{Name: "a.log", Content: []byte("x")}
					}
					return o, nil
				}
				w.reply = func(*chat.Item, chat.Outcome) error {
					if len(errs) == 0 {
						return nil
					}
					err := errs[0]
					errs = errs[1:]
					if err == nil {
						panic("a mistake")
					}
					return err
				}
				p := w.start("a", 0)
				defer p.end()
				time.Sleep(time.Second)
				begun := time.Now()
				w.say("c", "1", "look")
				w.settle()
				m := w.row("1")
				assert.Equal(t, c.state, m.AnswerState)
				assert.Equal(t, store.ChatAnswered, m.State)
				assert.Equal(t, c.sent, w.sent["1"])
				assert.Equal(t, c.done, done)
				assert.Equal(t, c.state != store.ChatAnswerSent, m.Error != "")
				assert.Empty(t, m.Reply)
				assert.GreaterOrEqual(t, time.Since(begun), c.after)
				assert.Less(t, time.Since(begun), c.after+time.Minute)
			})
		})
	}
}

func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tries := map[string]int{}
		w.do = func(ctx context.Context, it *chat.Item) (chat.Outcome, error) {
			tries[it.Row.Key]++
			switch {
			case it.Row.Key == "never":
				return chat.Outcome{}, errBusy
			case it.Row.Key == "broken":
				return chat.Outcome{}, errors.New("its version\ncannot be `loaded`: s3cret")
			case it.Row.Key == "change half":
				e := &store.Event{At: time.Now(), Actor: store.Actor{Name: "u1", Via: store.ViaChat, Ref: it.Row.Ref()}, Kind: store.EventClear, MapIndex: -1}
				return chat.Outcome{}, errors.Join(errors.New("nobody was woken"), w.db.Tx(ctx, func(tx store.Tx) error { return tx.InsertEvents(ctx, e) }))
			case it.Row.Key == "bug":
				panic("a mistake")
			case tries[it.Row.Key] < 3:
				return chat.Outcome{}, errBusy
			}
			return chat.Outcome{Text: "at last"}, nil
		}
		masker := connections.NewMasker()
		masker.Add("s3cret")
		p := w.start("a", 0, func(o *chat.Options) { o.Masker = masker })
		defer p.end()
		for _, key := range []string{"third", "bug", "broken", "change half", "never", "behind"} {
			w.say("c", key, "look")
		}
		w.settle()
		assert.Equal(t, "at last", w.texts["third"])
		assert.Equal(t, 3, tries["third"])
		assert.Equal(t, store.ChatRefused, w.row("bug").State)
		assert.Equal(t, 1, tries["bug"])
		assert.Equal(t, store.ChatFailed, w.row("broken").State)
		assert.Equal(t, 1, tries["broken"], "it would be the same later")
		assert.Equal(t, "⚠️ It cannot be done: `its version cannot be 'loaded': ***`", w.texts["broken"])
		assert.Equal(t, "⚠️ It was carried out, but then: `nobody was woken`", w.texts["change half"])
		assert.NotContains(t, w.logged(), "s3cret")
		assert.Equal(t, store.ChatFailed, w.row("never").State)
		assert.Equal(t, 34, tries["never"])
		assert.Contains(t, w.texts["never"], "15 minutes")
		assert.Equal(t, errBusy.Error(), w.row("never").Error)
		assert.Equal(t, "at last", w.texts["behind"], "what failed holds up the others for a time only")
		assert.Contains(t, w.logged(), "a mistake")
	})
}

// The text of an answer is not sent once more while its file is not taken.
func TestAFileThatIsNotTaken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refusals int
		kind     hook.Kind
		state    store.ChatAnswerState
		files    int
	}{
		"at first":     {4, hook.KindUnavailable, store.ChatAnswerSent, 1},
		"never":        {99, hook.KindUnavailable, store.ChatAnswerFailed, 0},
		"for good":     {99, hook.KindInvalid, store.ChatAnswerFailed, 0},
		"nobody knows": {99, hook.KindUncertain, store.ChatAnswerUncertain, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.do = func(context.Context, *chat.Item) (chat.Outcome, error) {
					return chat.Outcome{Title: "t", Text: "the end", File: &chat.File{Name: "a.log", Content: []byte("x")}}, nil
				}
				refusals, texts, files := c.refusals, 0, 0
				w.reply = func(_ *chat.Item, o chat.Outcome) error {
					switch {
					case o.File == nil:
						texts++
					case refusals > 0:
						refusals--
						return &hook.Error{Kind: c.kind, Message: "no"}
					default:
						files++
						assert.Equal(t, &chat.File{Name: "a.log", Content: []byte("x")}, o.File)
						assert.Empty(t, o.Text)
					}
					return nil
				}
				p := w.start("a", 0)
				defer p.end()
				w.say("c", "1", "look")
				w.settle()
				assert.Equal(t, 1, texts)
				assert.Equal(t, c.files, files)
				m := w.row("1")
				assert.Equal(t, c.state, m.AnswerState)
				assert.Equal(t, store.ChatAnswer{Title: "t", Text: "the end", File: "a.log", TextSent: true}, m.Answer)
			})
		})
	}
}

// A process that wakes after it has lost the lease begins nothing: nobody would go on with it if it died then.
func TestOnlyTheHolderBegins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		p := w.start("a", 0)
		defer p.end()
		w.say("c", "1", "look")
		w.settle()
		thief := store.NamedLease{Name: "chat/dingkey", Holder: "thief", Until: time.Now().Add(4 * time.Second)}
		require.NoError(t, w.db.Tx(t.Context(), func(tx store.Tx) error {
			if err := tx.DropLease(t.Context(), "chat/dingkey", "a"); err != nil {
				return err
			}
			_, err := tx.TakeLease(t.Context(), thief, time.Now())
			return err
		}))
		w.say("c", "2", "look")
		time.Sleep(500 * time.Millisecond) // it does not know yet
		m := w.row("2")
		assert.Equal(t, store.ChatWaiting, m.State)
		assert.Zero(t, m.Attempts)
		w.settle() // the thief is gone after some seconds
		assert.Equal(t, 1, w.sent["2"])
	})
}

// A store that does not work is asked for patience.
func TestAStoreThatTakesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		f := &full{Store: w.db}
		p := w.start("a", 0, func(o *chat.Options) { o.Store = f })
		defer p.end()
		w.say("c", "1", "look")
		w.settle()
		f.on.Store(true)
		w.mu.Lock()
		accept := w.links["a dingkey"]
		w.mu.Unlock()
		_, err := accept(t.Context(), chat.Received{Message: message("c", "2", "look")})
		require.ErrorContains(t, err, "disk is full", "DingTalk delivers it again")
		row := &store.ChatMessage{
			ConnID: "bot", App: "dingkey", Kind: store.ChatText, Key: "3", ConversationID: "c", Text: "look", State: store.ChatWaiting, ReceivedAt: time.Now(),
			Payload: []byte(`{"raw":` + string(message("c", "3", "look").Raw) + `}`),
		}
		require.NoError(t, w.db.Tx(t.Context(), func(tx store.Tx) error { _, err := tx.InsertChatMessage(t.Context(), row); return err }))
		time.Sleep(20 * time.Second)
		assert.Less(t, int(f.n.Load()), 100)
		f.on.Store(false)
		w.settle()
		assert.Equal(t, 1, w.sent["3"])
	})
}

// full is a store that takes nothing while it is on.
type full struct {
	*sqlite.Store

	on atomic.Bool
	n  atomic.Int64
}

func (f *full) Tx(ctx context.Context, fn func(store.Tx) error) error {
	if f.on.Load() {
		f.n.Add(1)
		return errors.New("database or disk is full")
	}
	return f.Store.Tx(ctx, fn)
}

// watcher takes what begins with "asset".
type watcher struct {
	mu   sync.Mutex
	seen []string
	fail int
}

func (w *watcher) Came(_ context.Context, it *chat.Item) (string, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fail > 0 {
		w.fail--
		return "", false, errBusy
	}
	w.seen = append(w.seen, string(it.Row.Kind)+" "+it.Row.Text)
	return "made " + it.Row.Text, strings.HasPrefix(it.Row.Text, "asset"), nil
}

type presser struct {
	pressed []string
	refuses bool
}

func (p *presser) Press(_ context.Context, it *chat.Item) (chat.Outcome, error) {
	p.pressed = append(p.pressed, it.Press.OutTrackID+" "+it.Press.Params["task"]+" by "+it.Press.UserID)
	return chat.Outcome{Title: "Retry", Text: "Cleared 1.", Refused: p.refuses, Shown: true, Pressed: pressedRetry}, nil
}

var pressedRetry = &store.ChatPressed{Button: "Retry", DAGID: "etl", TaskID: "load", MapIndex: -1}

func TestWatchersPressesAndEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, watching, pressing := newWorld(t), &watcher{fail: 1}, &presser{}
		p := w.start("a", 0, func(o *chat.Options) { o.Watchers, o.Presses = []chat.Watcher{watching}, pressing })
		defer p.end()
		time.Sleep(time.Second)
		press, err := incoming.ParsePress("p1", time.Now(), []byte(`{"outTrackId":"card1","userId":"u2","spaceId":"c","content":"{\"cardPrivateData\":{\"actionIds\":[\"retry\"],\"params\":{\"task\":\"load\"}}}"}`))
		require.NoError(t, err)
		event, err := incoming.ParseEvent(map[string]string{"eventId": "e1", "eventType": "user_add_org", "eventCorpId": "corp"}, []byte(`{"a":1}`))
		require.NoError(t, err)
		for i, r := range []chat.Received{{Message: message("c", "1", "asset ready")}, {Press: press}, {Event: event}, {Press: press}} {
			first, err := p.Accept(t.Context(), bot, r)
			require.NoError(t, err)
			assert.Equal(t, i < 3, first, "the last one came before")
		}
		w.settle()
		_, err = p.Accept(t.Context(), bot, chat.Received{})
		require.Error(t, err)
		slices.Sort(watching.seen)
		assert.Equal(t, []string{"event user_add_org", "message asset ready", "press retry"}, watching.seen)
		assert.Equal(t, []string{"card1 load by u2"}, pressing.pressed)
		assert.Empty(t, w.sent)
		assert.Equal(t, store.ChatAnswer{Title: "Retry", Text: "Cleared 1.", Pressed: pressedRetry}, w.row("p1").Answer, "what the card shows is on record")
		assert.Equal(t, store.ChatAnswer{Text: "made asset ready"}, w.row("1").Answer, "what a watcher makes is on record")
		assert.Equal(t, store.ChatNoAnswer, w.row("p1").AnswerState)
		for key, state := range map[string]store.ChatState{"1": store.ChatAnswered, "p1": store.ChatAnswered, "e1": store.ChatAnswered} {
			assert.Equal(t, state, w.row(key).State, key)
		}
	})
}

// The address for an answer bears a right: it is nowhere in clear text, and works after a restart.
func TestTheAddressForAnAnswerIsKeptSecret(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.start("a", 0)
		time.Sleep(time.Second)
		a.end()
		var got incoming.Reply
		w.reply = func(it *chat.Item, _ chat.Outcome) error {
			got = it.Message.Reply
			return nil
		}
		first, err := a.Accept(t.Context(), bot, chat.Received{Message: message("c", "1", "look")})
		require.NoError(t, err)
		assert.True(t, first)
		for _, file := range []string{w.path, w.path + "-wal"} {
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			assert.NotContains(t, string(b), "verysecret", file)
		}
		assert.NotEmpty(t, w.row("1").Reply)
		b := w.start("b", 0)
		defer b.end()
		w.settle()
		assert.Equal(t, "https://oapi.dingtalk.com/robot/sendBySession?session=verysecret", got.URL.Reveal())
		assert.True(t, got.Alive(time.Now()))
		assert.NotContains(t, w.logged(), "verysecret")
	})
}

func TestApplicationsComeAndGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var mu sync.Mutex
		var apps []chat.App
		var failed error
		set := func(err error, as ...chat.App) {
			mu.Lock()
			defer mu.Unlock()
			apps, failed = as, err
		}
		p := w.start("a", 0, func(o *chat.Options) {
			o.Apps = func(context.Context) ([]chat.App, error) {
				mu.Lock()
				defer mu.Unlock()
				return apps, failed
			}
		})
		defer p.end()
		other := chat.App{ConnID: "other", Key: "k2", Print: "1"}
		twin := chat.App{ConnID: "twin", Key: bot.Key, Print: "1"}
		links := func() (names []string) {
			time.Sleep(6 * time.Second)
			w.mu.Lock()
			defer w.mu.Unlock()
			for name := range w.links {
				names = append(names, name)
			}
			slices.Sort(names)
			return names
		}
		assert.Empty(t, links())
		set(nil, bot, other, twin)
		assert.Equal(t, []string{"a dingkey", "a k2"}, links())
		var ids []string
		for _, s := range p.Standings() {
			ids = append(ids, s.ConnID)
		}
		assert.Equal(t, []string{"bot", "other"}, ids, "one for each application")
		w.mu.Lock()
		accept := w.links["a k2"]
		w.mu.Unlock()
		_, err := accept(t.Context(), chat.Received{Message: message("c", "1", "look")})
		require.NoError(t, err)
		w.settle()
		assert.Empty(t, w.sent, "its commands are switched off")
		assert.False(t, p.Standings()[1].Latest.IsZero())
		set(errors.New("the file is damaged"))
		assert.Equal(t, []string{"a dingkey", "a k2"}, links(), "what is known goes on")
		third := chat.App{ConnID: "third", Key: "k3", Print: "1"}
		set(errors.New("the file is damaged"), third)
		links()
		assert.Equal(t, []string{"a dingkey", "a k2", "a k3"}, links(), "and what can be read is added")
		assert.Equal(t, 1, strings.Count(w.logged(), "the file is damaged"), "once")
		assert.Len(t, p.Standings(), 3)
		httpOnly := twin
		httpOnly.ConnID, httpOnly.HTTPOnly = "a", true
		set(nil, httpOnly, bot)
		assert.Equal(t, []string{"a dingkey"}, links())
		assert.Equal(t, "bot", p.Standings()[0].ConnID, "the one with a connection")
		changed := other
		changed.Print = "2"
		set(nil, changed)
		assert.Equal(t, []string{"a k2"}, links())
		set(nil)
		assert.Empty(t, links())
	})
}

// DingTalk gives each delivery of a press another id. The same press is the same for two minutes, unless it was refused.
func TestAPressThatCameTwice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w, pressing := newWorld(t), &presser{}
		p := w.start("a", 0, func(o *chat.Options) { o.Presses = pressing })
		defer p.end()
		time.Sleep(time.Second)
		n := 0
		press := func(app chat.App, card, user, action, task string) bool {
			t.Helper()
			n++
			in, err := incoming.ParsePress(fmt.Sprint("p", n), time.Now(), fmt.Appendf(nil,
				`{"outTrackId":%q,"userId":%q,"spaceId":"c","content":"{\"cardPrivateData\":{\"actionIds\":[\"%s\"],\"params\":{\"task\":\"%s\"}}}"}`, card, user, action, task))
			require.NoError(t, err)
			first, err := p.Accept(t.Context(), app, chat.Received{Press: in})
			require.NoError(t, err)
			return first
		}
		assert.True(t, press(bot, "card1", "u2", "retry", "load"))
		assert.False(t, press(bot, "card1", "u2", "retry", "load"), "while it waits")
		w.settle()
		time.Sleep(time.Minute)
		assert.False(t, press(bot, "card1", "u2", "retry", "load"), "after it was done")
		assert.True(t, press(bot, "card2", "u2", "retry", "load"), "another card")
		assert.True(t, press(bot, "card1", "u3", "retry", "load"), "another person")
		assert.True(t, press(bot, "card1", "u2", "ack", "load"), "another button")
		assert.True(t, press(bot, "card1", "u2", "retry", "report"), "with something else, as the button of a later failure")
		w.settle()
		time.Sleep(2 * time.Minute)
		assert.True(t, press(bot, "card1", "u2", "retry", "load"), "later")
		w.settle()
		pressing.refuses = true
		assert.True(t, press(bot, "card3", "u2", "retry", "load"))
		w.settle()
		assert.True(t, press(bot, "card3", "u2", "retry", "load"), "the first one was refused")
		w.settle()
		assert.Len(t, pressing.pressed, 8)
		pressing.refuses = false
		assert.True(t, press(bot, "card4", "u2", "retry", "load"))
		w.settle()
		assert.True(t, press(chat.App{ConnID: "b2", Key: "another"}, "card4", "u2", "retry", "load"), "another application")
	})
}
