package bench_test

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
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/callbacks/face"
	"github.com/dingdag/dingdag/chat/card"
	"github.com/dingdag/dingdag/connections"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/hook"
	"github.com/dingdag/dingdag/hook/reply"
	"github.com/dingdag/dingdag/hook/stream"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/sandbox"
	"github.com/dingdag/dingdag/sandbox/sandboxtest"
	"github.com/dingdag/dingdag/store"
	"github.com/dingdag/dingdag/store/sqlite"
	"github.com/dingdag/dingdag/template"
)

// talk is a local DingTalk with the bots of two applications in each of its groups: that of the program, and one
// that says what people say, without a store.
type talk struct {
	box           *sandboxtest.Sandbox
	program, echo sandbox.App
	groups        []string
}

func newTalk(b *testing.B, groups int) *talk {
	b.Helper()
	t := &talk{box: sandboxtest.Start(b, sandboxtest.WithOptions(sandbox.Options{Keep: 10_000}))}
	t.program, t.echo = t.box.AddApp(sandbox.DemoApp("program")), t.box.AddApp(sandbox.DemoApp("echo"))
	t.box.AddUser(sandbox.User{UserID: "ann", Name: "Ann", Mobile: "13800000000"})
	for i := range groups {
		g := t.box.AddChat(sandbox.Chat{Name: fmt.Sprint("group ", i), Owner: "ann", Members: []string{"ann"}, Bots: []string{t.program.AppKey, t.echo.AppKey}})
		t.groups = append(t.groups, g.OpenConversationID)
	}
	b.Setenv("DINGDAG_CONN_TALK", fmt.Sprintf(`{"conn_type":"dingtalk","host":%q,"login":%q,"password":%q,"extra":{"stream":true,"user_id":"ann"}}`,
		t.box.URL, t.program.AppKey, t.program.AppSecret))
	return t
}

// start starts the program on a home folder and the bot that echoes.
func (t *talk) start(b *testing.B, h home) {
	b.Helper()
	h.standalone(b)
	source := connections.Static{"echo": {Login: &t.echo.AppKey, Password: new(connections.Secret(t.echo.AppSecret)), Host: &t.box.URL}}
	dingtalk := hook.New(source)
	app := dingtalk.App("echo")
	ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- stream.New(stream.Options{App: app, Handle: func(ctx context.Context, r *stream.Received) error {
			_, err := reply.Sender{App: app}.Send(ctx, reply.To(r.Message), hook.Text(r.Message.Text))
			return err
		}}).Run(ctx)
	}()
	b.Cleanup(func() {
		stop()
		require.NoError(b, <-ended)
		dingtalk.CloseIdleConnections()
	})
	t.box.WaitStreams(t.program, 1)
	t.box.WaitStreams(t.echo, 1)
}

// say writes a message to one of the bots.
func (t *talk) say(b *testing.B, app sandbox.App, group int, text string) sandbox.Said {
	b.Helper()
	said, err := t.box.Server.Say(b.Context(), sandbox.Say{From: "ann", Conversation: t.groups[group], App: app.AppKey, Text: "@" + app.Name + " " + text})
	require.NoError(b, err)
	require.Equal(b, "stream", said.Via, said.Note)
	return said
}

// answers waits for the answers to so many messages, from the one that was said first on, and returns the messages that
// they answer, in order.
func (t *talk) answers(b *testing.B, first sandbox.Said, n int) (answered []string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
	defer cancel()
	for newest := first.After; len(answered) < n; {
		messages, err := t.box.Server.WaitMessages(ctx, 1, sandbox.Filter{After: newest})
		require.NoError(b, err, "%d of %d are answered", len(answered), n)
		for _, m := range messages {
			newest = max(newest, m.ID)
			if m.ReplyTo != "" { // others tell the end of a run
				answered = append(answered, m.ReplyTo)
			}
		}
	}
	return answered
}

// once says something and returns how long it takes until the first answer is there.
func (t *talk) once(b *testing.B, app sandbox.App, text string) time.Duration {
	b.Helper()
	begun := time.Now()
	said := t.say(b, app, 0, text)
	require.Equal(b, []string{said.ID}, t.answers(b, said, 1))
	return time.Since(begun)
}

// quick is a DAG that people ask for.
const quick = "quick:\n  max_active_runs: 100\n  tasks:\n    - {task_id: a, operator: empty}\n"

// BenchmarkMessage measures from the moment at which somebody has written a command to the one at which its first answer
// has arrived, of a command that looks and of one that starts a run. The floor is a bot that echoes.
func BenchmarkMessage(b *testing.B) {
	t := newTalk(b, 1)
	t.start(b, newHome(b, 1, func(int) string { return quick }))
	for range 5 { // connections, tokens, roles
		t.once(b, t.program, "trigger quick")
		t.once(b, t.echo, "hello")
	}
	var look, change, least []time.Duration
	for b.Loop() {
		for range 200 {
			look = append(look, t.once(b, t.program, "status quick"))
			change = append(change, t.once(b, t.program, "trigger quick"))
			least = append(least, t.once(b, t.echo, "hello"))
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, q := range map[string]float64{"p50-ms": 0.5, "p99-ms": 0.99} {
		b.ReportMetric(quantile(look, q), name)
		b.ReportMetric(quantile(change, q), "trigger-"+name)
		b.ReportMetric(quantile(least, q), "floor-"+name)
		b.ReportMetric(quantile(least, q), "floor-trigger-"+name)
	}
}

// BenchmarkBurst writes 1,000 commands at once, in 20 groups in turn, and waits until all are answered, in the order of each
// group. The floor is a bot that echoes.
func BenchmarkBurst(b *testing.B) {
	const groups, messages = 20, 1000
	t := newTalk(b, groups)
	t.start(b, newHome(b, 1, func(int) string { return quick }))
	burst := func(app sandbox.App) float64 {
		var first sandbox.Said
		order := map[string]int{}
		begun := time.Now()
		for i := range messages {
			said := t.say(b, app, i%groups, "status quick")
			if order[said.ID] = i; i == 0 {
				first = said
			}
		}
		answered := t.answers(b, first, messages)
		took := time.Since(begun).Seconds()
		last := map[int]int{}
		for _, id := range answered {
			i, ok := order[id]
			require.True(b, ok, "it is answered once")
			delete(order, id)
			require.GreaterOrEqual(b, i, last[i%groups], "in order")
			last[i%groups] = i
		}
		return took
	}
	t.once(b, t.program, "status quick")
	t.once(b, t.echo, "hello")
	var took, least float64
	for b.Loop() {
		took += burst(t.program)
		least += burst(t.echo)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(took/float64(b.N), "s/burst")
	b.ReportMetric(least/float64(b.N), "floor-s/burst")
	b.ReportMetric(messages*float64(b.N)/took, "answers/s")
	b.ReportMetric(messages*float64(b.N)/least, "floor-answers/s")
}

// BenchmarkReconnect hangs up in the middle of the frame of a message, which goes over the next connection, and measures
// until its answer has arrived.
func BenchmarkReconnect(b *testing.B) {
	t := newTalk(b, 1)
	t.start(b, newHome(b, 1, func(int) string { return quick }))
	var took, least []time.Duration
	for b.Loop() {
		for range 10 {
			for _, of := range []struct {
				app  sandbox.App
				took *[]time.Duration
			}{{t.program, &took}, {t.echo, &least}} {
				t.once(b, of.app, "whoami") // it works
				t.box.StreamFault(sandbox.StreamFault{Kind: sandbox.FaultHangUp, App: of.app.AppKey})
				*of.took = append(*of.took, t.once(b, of.app, "whoami"))
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, q := range map[string]float64{"p50-s": 0.5, "max-s": 1} {
		b.ReportMetric(quantile(took, q)/1000, name)
		b.ReportMetric(quantile(least, q)/1000, "floor-"+name)
	}
}

// bind binds so many conversations, each to a DAG of its own.
func bind(b *testing.B, s *sqlite.Store, bindings int) {
	b.Helper()
	require.NoError(b, s.Tx(b.Context(), func(tx store.Tx) error {
		for i := range bindings {
			_, err := tx.InsertBinding(b.Context(), &store.Binding{
				ConnID: "talk", ConversationID: fmt.Sprintf("cid%040d==", i), Title: fmt.Sprintf("group %d of those who are on call", i), Group: true,
				Kind: store.BoundDAG, Value: fmt.Sprint("dag_", i), MadeBy: store.Actor{Name: "ann", Via: store.ViaChat}, MadeAt: time.Now(),
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// BenchmarkBindings reports the resident memory of the program with 1,000 conversations that are bound to DAGs, after an
// event that had it read them. The floor has none.
func BenchmarkBindings(b *testing.B) {
	const boom = "boom:\n  schedule: null\n  tasks:\n    - {task_id: t, operator: bash, bash_command: exit 1}\n"
	measure := func(bindings int) float64 {
		t := newTalk(b, 1)
		h := newHome(b, 1, func(int) string { return boom })
		s, err := sqlite.Open(b.Context(), filepath.Join(string(h), "dingdag.db"), sqlite.Options{})
		require.NoError(b, err)
		bind(b, s, bindings)
		cmd := h.standalone(b)
		t.box.WaitStreams(t.program, 1)
		for range 20 {
			said := t.say(b, t.program, 0, "trigger boom")
			t.answers(b, said, 1)
		}
		require.Eventually(b, func() bool {
			n, err := s.CountRuns(b.Context(), "boom", dag.RunFailed)
			require.NoError(b, err)
			return n == 20
		}, time.Minute, 50*time.Millisecond)
		rss := float64(field(b, fmt.Sprintf("/proc/%d/status", cmd.Process.Pid), "VmRSS:")) / 1024
		require.NoError(b, cmd.Process.Signal(os.Interrupt))
		require.NoError(b, errors.Join(cmd.Wait(), s.Close()))
		return rss
	}
	var took, least float64
	for b.Loop() {
		took += measure(1000)
		least += measure(0)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(took/float64(b.N), "MiB")
	b.ReportMetric(least/float64(b.N), "floor-MiB")
}

// BenchmarkBoundStorm lets 1,000 tasks fail while 1,000 conversations are bound to other DAGs. The floor has no bindings.
func BenchmarkBoundStorm(b *testing.B) {
	storms(b, "breaks", func(*sqlite.Store) *card.Keeper { return nil }, bind)
}

// BenchmarkCardStorm runs 1,000 tasks while 1,000 cards are kept up to date that tell of another run. The floor has no cards.
func BenchmarkCardStorm(b *testing.B) {
	storms(b, "worker", func(s *sqlite.Store) *card.Keeper {
		return card.NewKeeper(card.Options{
			Store: s, Hook: hook.New(connections.Static{}), Connections: connections.Static{}, Masker: connections.NewMasker(), Clock: time.Now,
			Log: slog.New(slog.DiscardHandler),
		})
	}, openCards)
}

// openCards makes so many cards that tell of a run that has failed.
func openCards(b *testing.B, s *sqlite.Store, cards int) {
	b.Helper()
	shows, err := json.Marshal(face.Face{Title: "bench", Status: face.Failed, Actions: []face.Action{face.Retry}})
	require.NoError(b, err)
	require.NoError(b, s.Tx(b.Context(), func(tx store.Tx) error {
		for i := range cards {
			_, err := tx.InsertCard(b.Context(), &store.Card{
				OutTrackID: fmt.Sprintf("dingdag-%032d", i), ConnID: "talk", Kind: store.AlertCard, DAGID: "failed", RunID: "r", TaskID: "t0", MapIndex: -1, Try: 1,
				Face: shows, MadeAt: time.Now(), UpdatedAt: time.Now(),
			})
			if err != nil {
				return err
			}
		}
		return nil
	}))
}

// storms runs 1,000 tasks of an operator beside 1,000 of what open makes, which a keeper looks at unless it is nil.
func storms(b *testing.B, op string, keep func(*sqlite.Store) *card.Keeper, open func(*testing.B, *sqlite.Store, int)) {
	b.Helper()
	const tasks = 1000
	storm := func(n int) (took cost) {
		s, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "db"), sqlite.Options{Synchronous: "FULL"})
		require.NoError(b, err)
		ops, err := operator.NewRegistry(operator.Define[breaks]("breaks"), operator.Define[worker]("worker"))
		require.NoError(b, err)
		p := callbacks.Provider{Specs: []callbacks.Spec{callbacks.Define[note]("note")}, SenderName: "nowhere", Sender: nowhere{}}
		cbs, err := callbacks.NewRegistry(p.Specs, map[string]callbacks.Sender{p.SenderName: p.Sender})
		require.NoError(b, err)
		ended := make(chan struct{}, 1)
		var keeper *card.Keeper
		e, err := engine.New(s, engine.Options{
			Operators: ops, Callbacks: cbs, Connections: newRobot(b), Templates: template.New(template.Options{}), LogDir: b.TempDir(),
			BoundCallback: func(*store.Binding) dag.Callback { return dag.Callback{Name: "note"} },
			Observe: func(u engine.Update) {
				if u.Instance == nil && u.Run.State.Finished() {
					ended <- struct{}{}
				}
				if keeper != nil {
					keeper.Wake()
				}
			},
		})
		require.NoError(b, err)
		keeper = keep(s)
		file := slices.Concat(
			shape{tasks: tasks, lanes: tasks, wide: 16, task: "operator: " + op}.yaml(),
			bytes.Replace(shape{tasks: 1, lanes: 1, wide: 1, task: "operator: breaks"}.yaml(), []byte("bench:"), []byte("failed:"), 1),
		)
		ds, problems := dagfile.Parse("bench.yaml", file, e.Catalog(), dagfile.Options{})
		require.False(b, problems.HasErrors(), problems.String())
		require.NoError(b, e.SetDAGs(b.Context(), ds))
		ctx, stop := context.WithCancel(context.WithoutCancel(b.Context()))
		done, ready := make(chan error, 1), make(chan struct{})
		go func() { done <- e.Run(ctx, engine.RunOptions{Ready: func() { close(ready) }}) }()
		<-ready
		_, err = e.Trigger(b.Context(), "failed", engine.Trigger{RunID: "r"})
		require.NoError(b, err)
		<-ended
		open(b, s, n)
		var keeping sync.WaitGroup
		if keeper != nil {
			keeping.Go(func() { keeper.Run(ctx) })
		}
		took.add(b, func() {
			_, err := e.Trigger(b.Context(), "bench", engine.Trigger{})
			require.NoError(b, err)
			<-ended
		})
		stop()
		keeping.Wait()
		left, err := s.OpenCards(b.Context(), time.Now(), time.Time{}, "", n+1)
		require.NoError(b, err)
		if keeper != nil {
			require.Len(b, left, n, "the cards stay open")
		}
		require.NoError(b, errors.Join(<-done, s.Close()))
		return took
	}
	var took, least cost
	for b.Loop() {
		with, without := storm(1000), storm(0)
		took.clock, took.cpu = took.clock+with.clock, took.cpu+with.cpu
		least.clock, least.cpu = least.clock+without.clock, least.cpu+without.cpu
	}
	n := float64(b.N * tasks)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took.clock.Microseconds())/n, "µs/task")
	b.ReportMetric(float64(least.clock.Microseconds())/n, "floor-µs/task")
	b.ReportMetric(float64(took.cpu.Microseconds())/n, "cpu-µs/task")
	b.ReportMetric(float64(least.cpu.Microseconds())/n, "floor-cpu-µs/task")
}
