package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/callbacks"
	"github.com/dingdag/dingdag/dag"
	"github.com/dingdag/dingdag/dag/dagfile"
	"github.com/dingdag/dingdag/engine"
	"github.com/dingdag/dingdag/operator"
	"github.com/dingdag/dingdag/store"
)

// asked waits until a run asks something that is open, and returns that.
func (b *bench) asked(r *store.Run) (a *store.Ask) {
	b.t.Helper()
	b.until("it asks", func() bool {
		as, err := b.store.AskLog(b.t.Context(), store.AskFilter{RunKey: r.Key, States: []store.AskState{store.AskOpen}})
		require.NoError(b.t, err)
		if len(as) > 0 {
			a = as[0]
		}
		return len(as) > 0
	})
	return a
}

func (b *bench) respond(e *engine.Engine, id int64, chosen ...string) (*engine.Responded, error) {
	return e.Respond(b.t.Context(), engine.RespondRequest{
		AskID: id, Chosen: chosen, By: store.Person{ID: "u1", Name: "U1"}, Actor: store.Actor{Name: "u1", Via: store.ViaCLI},
	})
}

func (b *bench) trigger() *store.Run {
	b.t.Helper()
	r, err := b.e.Trigger(b.t.Context(), "d", engine.Trigger{})
	require.NoError(b.t, err)
	return r
}

const approval = `d:
  tasks:
    - {task_id: ok, operator: approval, subject: "Release {{ params.version }}?", body: hunter22, params: {version: 3}%s}
    - {task_id: go, operator: probe, dependencies: [ok]}
    - {task_id: end, operator: probe, dependencies: [go], trigger_rule: all_done}
`

// What an approval leads to, as in Airflow's provider.
func TestApproval(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys, chosen string
		want         map[string]string
		state        dag.RunState
	}{
		"approved":             {"", "Approve", map[string]string{"ok": "success", "go": "success", "end": "success"}, dag.RunSuccess},
		"rejected":             {"", "Reject", map[string]string{"ok": "success", "go": "skipped", "end": "success"}, dag.RunSuccess},
		"rejected, all of it":  {", ignore_downstream_trigger_rules: true", "Reject", map[string]string{"ok": "success", "go": "skipped", "end": "skipped"}, dag.RunSuccess},
		"a rejection fails it": {", fail_on_reject: true", "Reject", map[string]string{"ok": "failed", "go": "upstream_failed", "end": "success"}, dag.RunSuccess},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.load(strings.Replace(approval, "%s", c.keys, 1))
			b.start(engine.RunOptions{})
			r := b.trigger()
			a := b.asked(r)
			assert.Equal(t, []string{"Release 3?", "***"}, []string{a.Subject, a.Body})
			b.until("it is deferred", func() bool { return b.states(r)["ok"] == "deferred" })
			done, err := b.respond(b.e, a.ID, c.chosen)
			require.NoError(t, err)
			assert.Equal(t, store.Person{ID: "u1", Name: "U1"}, done.Ask.RespondedBy)
			assert.Equal(t, c.state, b.ended1(r.Key).State)
			assert.Equal(t, c.want, b.states(r))
			if c.want["ok"] == "success" {
				assert.JSONEq(t, `{"chosen_options": ["`+c.chosen+`"], "params_input": {"version": 3}, "responded_at": "`+
					done.Ask.SettledAt.Format("2006-01-02T15:04:05.999Z07:00")+`", "responded_by_user": {"id": "u1", "name": "U1"}}`, b.xcom(r, "ok", "return_value"))
			}
			assert.Equal(t, 1, b.instance(r, "ok").Try, "waiting is no try of its own")
			es, err := b.store.Events(t.Context(), store.EventFilter{Kinds: []store.EventKind{store.EventAskRespond}})
			require.NoError(t, err)
			require.Len(t, es, 1)
			assert.Equal(t, "ok", es[0].TaskID)
			assert.Equal(t, store.Actor{Name: "u1", Via: store.ViaCLI}, es[0].Actor)
		})
	}
}

// What people choose runs, and is the result as a list, however much it is (Airflow, HITLBranchOperator).
func TestPeopleChooseBranches(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		keys   string
		chosen []string
		xcom   string
		ran    []string
	}{
		"one":                {"options: [a, b]", []string{"b"}, `["b"]`, []string{"b"}},
		"one of several":     {"options: [a, b, c], multiple: true", []string{"b"}, `["b"]`, []string{"b"}},
		"several":            {"options: [a, b, c], multiple: true", []string{"a", "c"}, `["a", "c"]`, []string{"a", "c"}},
		"by a map":           {"options: [Aye, b], options_mapping: {Aye: a}", []string{"Aye"}, `["a"]`, []string{"a"}},
		"beside the map":     {"options: [Aye, b], options_mapping: {Aye: a}", []string{"b"}, `["b"]`, []string{"b"}},
		"two ways to a task": {"options: [Aye, Fine, b], options_mapping: {Aye: a, Fine: a}, multiple: true", []string{"Aye", "Fine"}, `["a", "a"]`, []string{"a"}},
		"a group":            {"options: [a, g]", []string{"g"}, `["g"]`, []string{"g.x"}},
		"nobody answers":     {"options: [a, b], defaults: b, response_timeout: 1", nil, `["b"]`, []string{"b"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.load(fmt.Sprintf(`d:
  task_groups: {g: {}}
  tasks:
    - {task_id: which, operator: hitl_branch, subject: "Which?", %s}
    - {task_id: a, operator: probe, dependencies: [which]}
    - {task_id: b, operator: probe, dependencies: [which]}
    - {task_id: c, operator: probe, dependencies: [which]}
    - {task_id: x, operator: probe, dependencies: [which], task_group_name: g}
`, c.keys))
			b.start(engine.RunOptions{})
			r := b.trigger()
			if c.chosen != nil {
				_, err := b.respond(b.e, b.asked(r).ID, c.chosen...)
				require.NoError(t, err)
			}
			assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
			want := map[string]string{"which": "success", "a": "skipped", "b": "skipped", "c": "skipped", "g.x": "skipped"}
			for _, id := range c.ran {
				want[id] = "success"
			}
			assert.Equal(t, want, b.states(r))
			assert.JSONEq(t, c.xcom, b.xcom(r, "which", "return_value"))
		})
	}
}

// The time for an answer is over: with and without defaults, and a retry asks again.
func TestNobodyAnswers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ keys, state, err, xcom string }{
		"defaults": {
			", defaults: Approve", "success", "",
			`{"chosen_options": ["Approve"], "params_input": {"version": 3}, "responded_at": "AT", "responded_by_user": null}`,
		},
		"a time of its own": {
			", execution_timeout: 60, response_timeout: 3600, defaults: Approve", "success", "",
			`{"chosen_options": ["Approve"], "params_input": {"version": 3}, "responded_at": "AT", "responded_by_user": null}`,
		},
		"a rejection by default": {", defaults: Reject, fail_on_reject: true", "failed", "it was rejected, and fail_on_reject is set", ""},
		"none":                   {"", "failed", "nobody answered in time, and there are no defaults", ""},
		"a retry":                {", retries: 1, retry_delay: 60", "failed", "nobody answered in time, and there are no defaults", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t)
				b.o.Beat = time.Minute
				b.stopStore()
				b.open()
				keys := c.keys
				if !strings.Contains(keys, "execution_timeout") {
					keys += ", execution_timeout: 3600"
				}
				b.load(strings.Replace(approval, "%s", keys, 1))
				b.start(engine.RunOptions{})
				r := b.trigger()
				<-time.After(59 * time.Minute)
				synctest.Wait()
				assert.Equal(t, "deferred", b.states(r)["ok"])
				assert.Empty(t, b.ranSoFar())
				<-time.After(2 * time.Hour)
				synctest.Wait()
				in := b.instance(r, "ok")
				assert.Equal(t, c.state, in.State.String())
				assert.Equal(t, c.err, in.Error)
				as, err := b.store.AskLog(t.Context(), store.AskFilter{})
				require.NoError(t, err)
				assert.Len(t, as, in.Try)
				if c.xcom != "" {
					assert.WithinDuration(t, r.RunAfter.Add(time.Hour), as[0].SettledAt, time.Second)
					at := as[0].SettledAt.Format("2006-01-02T15:04:05.999Z07:00")
					assert.JSONEq(t, strings.Replace(c.xcom, "AT", at, 1), b.xcom(r, "ok", "return_value"))
				}
				_, err = b.respond(b.e, as[0].ID, "Approve")
				require.ErrorIs(t, err, engine.ErrSettled)
				b.stop()
			})
		})
	}
}

// Answers that are refused change nothing; the second one hears of the first.
func TestAnswersAreChecked(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(`d:
  tasks:
    - task_id: t
      operator: hitl
      subject: Which?
      options: [east, south]
      assigned_users: {id: u1, name: 王芳}
      params:
        rows: {__type__: airflow.sdk.Param, default: 5, type: integer, minimum: 1}
        why: {__type__: airflow.sdk.Param, type: string}
`)
	b.start(engine.RunOptions{})
	r := b.trigger()
	a := b.asked(r)
	respond := func(e *engine.Engine, by, input string, chosen ...string) error {
		_, err := e.Respond(t.Context(), engine.RespondRequest{AskID: a.ID, Chosen: chosen, Input: json.RawMessage(input), By: store.Person{ID: by}})
		return err
	}
	other := b.beside(engine.Options{})
	for _, e := range []*engine.Engine{b.e, other} {
		require.ErrorIs(t, respond(e, "u2", `{"why": "x"}`, "east"), engine.ErrNotAssigned)
		for want, err := range map[string]error{
			"ask 1: no option is chosen: choose one of east, south":                                            respond(e, "u1", `{"why": "x"}`),
			"ask 1: 2 options are chosen, and only one may be":                                                 respond(e, "u1", `{"why": "x"}`, "east", "south"),
			`ask 1: unknown option "eas"; did you mean "east"?; there are east, south`:                         respond(e, "u1", `{"why": "x"}`, "eas"),
			`ask 1: param "why" has no default: give it`:                                                       respond(e, "u1", "", "east"),
			"ask 1: param \"rows\": minimum: got 0, want 1\nthere is no param \"row\"; did you mean \"rows\"?": respond(e, "u1", `{"why": "x", "rows": 0, "row": 1}`, "east"),
		} {
			require.EqualError(t, err, want)
			var field *engine.RespondError
			require.ErrorAs(t, err, &field)
			assert.Contains(t, []string{"chosen_options", "params_input"}, field.Field)
		}
		require.ErrorContains(t, respond(e, "u1", "[]", "east"), "params_input must be a JSON object")
	}
	assert.Equal(t, "deferred", b.states(r)["t"])
	require.NoError(t, respond(other, "u1", `{"why": "x"}`, "east"), "another process asks for it")
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	err := respond(b.e, "u1", `{"why": "x"}`, "south")
	require.ErrorIs(t, err, engine.ErrSettled)
	require.ErrorContains(t, err, "ask 1 waits for no answer: it was answered already by u1 at ")
	assert.Contains(t, b.xcom(r, "t", "return_value"), `"params_input":{"rows":5,"why":"x"}`)
	_, err = b.respond(b.e, 99, "east")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// An ask needs no answer any more when its task is cleared, marked or its run is over; a cleared task
// asks anew.
func TestAsksAreClosed(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(b *bench, r *store.Run) error{
		"cleared": func(b *bench, r *store.Run) error {
			_, err := b.e.Clear(b.t.Context(), engine.ClearRequest{DAGID: "d", RunID: r.RunID, Actor: store.Actor{Name: "ann"}})
			return err
		},
		"marked success": func(b *bench, r *store.Run) error {
			_, err := b.e.Mark(b.t.Context(), engine.MarkRequest{DAGID: "d", RunID: r.RunID, TaskID: "ok", State: dag.Success, Actor: store.Actor{Name: "ann"}})
			return err
		},
		"run marked failed": func(b *bench, r *store.Run) error {
			_, err := b.e.Mark(b.t.Context(), engine.MarkRequest{DAGID: "d", RunID: r.RunID, State: dag.Failed, Actor: store.Actor{Name: "ann"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.load(strings.Replace(approval, "%s", "", 1))
			b.start(engine.RunOptions{})
			r := b.trigger()
			first := b.asked(r)
			require.NoError(t, do(b, r))
			a, err := b.store.Ask(t.Context(), first.ID)
			require.NoError(t, err)
			assert.Equal(t, store.AskClosed, a.State)
			assert.Contains(t, a.Note, "by ann")
			_, err = b.respond(b.e, first.ID, "Approve")
			require.ErrorIs(t, err, engine.ErrSettled)
			if name != "cleared" {
				b.ended1(r.Key)
				return
			}
			again := b.asked(r)
			assert.Equal(t, 2, again.Try)
			_, err = b.respond(b.e, again.ID, "Approve")
			require.NoError(t, err)
			assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
		})
	}
}

// An ask survives the process, and an answer that nobody was there to take is taken at the next start.
func TestAsksSurviveTheProcess(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	text := strings.Replace(approval, "%s", "", 1)
	b.load(text)
	b.start(engine.RunOptions{})
	r := b.trigger()
	a := b.asked(r)
	b.stop()
	other := b.beside(engine.Options{Clock: time.Now})
	_, err := b.respond(other, a.ID, "Approve")
	require.NoError(t, err)
	b.open()
	assert.Equal(t, "deferred", b.states(r)["ok"])
	b.load(text)
	b.start(engine.RunOptions{})
	assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
	assert.Equal(t, 1, b.instance(r, "ok").Try)
}

// People hear whom a deferred task waits for; the task takes no slot meanwhile.
func TestADeferredTaskTakesNoSlot(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.o.Workers = 1
	b.stopStore()
	b.open()
	b.load("d:\n  max_active_tasks: 1\n  tasks:\n    - {task_id: ask, operator: hitl, subject: \"Go?\", options: [a], priority_weight: 9}\n    - {task_id: other, operator: probe}\n")
	b.start(engine.RunOptions{})
	r := b.trigger()
	a := b.asked(r)
	b.until("the other one runs", func() bool { return b.states(r)["other"] == "success" })
	whys, err := b.e.WhyTask(t.Context(), r, "ask")
	require.NoError(t, err)
	assert.Equal(t, "it waits for an answer to ask 1, Go?: dingdag asks answer 1 OPTION (a)", whys[0].Reason.String())
	_, err = b.respond(b.e, a.ID, "a")
	require.NoError(t, err)
	b.ended1(r.Key)
}

// A pool that includes deferred tasks counts them, also after a restart and in another process, until they are answered or
// the pool is changed.
func TestPoolsIncludeDeferredTasks(t *testing.T) {
	t.Parallel()
	const text = "d:\n  default_args: {pool: reviews}\n  tasks:\n    - {task_id: ask, operator: hitl, subject: \"Go?\", options: [a], pool_slots: 2, priority_weight: 9}\n    - {task_id: other, operator: probe}\n"
	for _, way := range []string{"answered", "changed"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			pool := func(included bool) {
				require.NoError(t, b.store.Tx(t.Context(), func(tx store.Tx) error {
					return tx.PutPool(t.Context(), &store.Pool{Name: "reviews", Slots: 2, IncludeDeferred: included})
				}))
			}
			pool(true)
			b.load(text)
			b.start(engine.RunOptions{})
			r := b.trigger()
			a := b.asked(r)
			waits := func(e *engine.Engine) {
				t.Helper()
				assert.Equal(t, "deferred scheduled", b.states(r)["ask"]+" "+b.states(r)["other"])
				whys, err := e.WhyTask(t.Context(), r, "other")
				require.NoError(t, err)
				require.Len(t, whys, 1)
				assert.Equal(t, `pool "reviews": 2 of 2 slots are taken, 2 of them by deferred tasks`, whys[0].Reason.String())
			}
			waits(b.e)
			waits(b.beside(engine.Options{Clock: time.Now}))
			b.stop()
			b.open()
			b.load(text)
			b.start(engine.RunOptions{})
			require.NoError(t, b.e.Refresh(t.Context()))
			waits(b.e)
			if way == "changed" {
				pool(false)
				require.NoError(t, b.e.Refresh(t.Context()))
				b.until("the other one runs", func() bool { return b.states(r)["other"] == "success" })
				assert.Equal(t, "deferred", b.states(r)["ask"])
			}
			_, err := b.respond(b.e, a.ID, "a")
			require.NoError(t, err)
			assert.Equal(t, dag.RunSuccess, b.ended1(r.Key).State)
		})
	}
}

// The notifiers of a task that asks are told once for each try, with all that people need to answer.
func TestNotifiersAreToldOfAsks(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(strings.Replace(approval, "%s", ", notifiers: [{callback: say, text: 'ask {{ ask_id }}: {{ subject }} {{ options | join(\"/\") }}'}, {callback: say}]", 1))
	b.start(engine.RunOptions{})
	r := b.trigger()
	a := b.asked(r)
	b.until("it is told", func() bool { return len(b.sentSoFar()) == 2 })
	assert.ElementsMatch(t, []string{"on_ask ok ask 1: Release 3? Approve/Reject", "on_ask ok said"}, b.sentSoFar())
	_, err := b.respond(b.e, a.ID, "Approve")
	require.NoError(t, err)
	b.ended1(r.Key)
	assert.Len(t, b.sentSoFar(), 2)
}

// What only tasks have that ask people is refused at its place.
func TestAskingIsCheckedAtLoad(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	defer b.stopStore()
	for text, want := range map[string]string{
		"d:\n  tasks:\n    - {task_id: t, operator: probe, notifiers: say}\n":                                                    "test.yaml:3:37: error: dag \"d\", task \"t\": notifiers belongs to operators that ask people",
		"d:\n  tasks:\n    - {task_id: t, operator: approval, subject: s, params: {_options: 1}}\n":                              "test.yaml:3:52: error: dag \"d\", task \"t\": a task that asks people cannot have a param _options",
		"d:\n  tasks:\n    - {task_id: t, operator: approval, subject: s, options: [a]}\n":                                       "an approval has the options Approve and Reject",
		"d:\n  tasks:\n    - {task_id: t, operator: hitl_branch, subject: s, options: [b]}\n    - {task_id: a, operator: nop}\n": "b",
	} {
		_, diags := dagfile.Parse("test.yaml", []byte(text), b.e.Catalog(), dagfile.Options{})
		require.True(t, diags.HasErrors(), text)
		assert.Contains(t, diags.String(), want)
	}
}

// posted is the notifier that a task asks by.
type posted struct {
	Conn  string   `yaml:"dingtalk_conn_id"`
	Group string   `yaml:"open_conversation_id" param:"template"`
	Users []string `yaml:"user_ids" param:"template"`
}

// Prepare says where it asks what.
func (p *posted) Prepare(ev *callbacks.Event) (callbacks.Message, error) {
	if ev.NextRetry != nil {
		return callbacks.Message{}, fmt.Errorf("the deadline %s is shown as the next retry", ev.NextRetry)
	}
	text := fmt.Sprint("ask ", ev.Ask.ID, " of try ", ev.TryNumber, " in ", p.Conn, "|", p.Group, "|", strings.Join(p.Users, ","), " for ", strings.Join(ev.Ask.AssignedIDs, ","))
	return callbacks.Message{Sender: "bench", Channel: "c", Payload: []byte(strconv.Quote(text)), Summary: text}, nil
}

// A task asks in DingTalk by one message a try, written with the ask; receivers may be templates.
func TestAsksInDingTalk(t *testing.T) {
	t.Parallel()
	b := &bench{t: t, dir: t.TempDir(), do: map[string]func(context.Context, *operator.TaskContext) (any, error){}, seen: make(chan struct{}, 1)}
	b.o.Grace = 20 * time.Millisecond
	b.more = []callbacks.Spec{callbacks.Define[posted]("dingtalk_card")}
	b.open()
	b.load(`d:
  tasks:
    - {task_id: ok, operator: approval, subject: "Release?", user_ids: ["{{ params.who }}", u2], params: {who: u1}, assigned_users: [{id: u1}],
       fail_on_reject: true, retries: 1, retry_delay: 0, execution_timeout: 86400}
`)
	b.start(engine.RunOptions{})
	r := b.trigger()
	for try := 1; try <= 2; try++ {
		a := b.asked(r)
		assert.Equal(t, try, a.Try)
		b.until("it is told", func() bool { return len(b.sentSoFar()) == try })
		_, err := b.respond(b.e, a.ID, "Reject")
		require.NoError(t, err)
	}
	b.ended1(r.Key)
	assert.Equal(t, []string{"ask 1 of try 1 in dingtalk_default||u1,u2 for u1", "ask 2 of try 2 in dingtalk_default||u1,u2 for u1"}, b.sentSoFar())
}

// Where the notifier is not there, the task still asks, and the record says why nobody was told.
func TestAsksWithoutTheNotifier(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.load(strings.Replace(approval, "%s", ", dingtalk_conn_id: app", 1))
	b.start(engine.RunOptions{})
	r := b.trigger()
	a := b.asked(r)
	ds, err := b.store.DeliveryLog(t.Context(), store.DeliveryFilter{})
	require.NoError(t, err)
	require.Len(t, ds, 1)
	assert.Equal(t, store.DeliveryRefused, ds[0].State)
	assert.Equal(t, `unknown callback "dingtalk_card"`, ds[0].Error)
	_, err = b.respond(b.e, a.ID, "Approve")
	require.NoError(t, err)
	b.ended1(r.Key)
}
